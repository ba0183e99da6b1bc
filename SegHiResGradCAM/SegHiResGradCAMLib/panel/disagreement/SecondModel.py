"""The second model: chosen from the same list, described by the worker before anything of it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ...setup.Dependencies import Dependencies
from ...setup.Translation import _
from ...worker.Job import Job
from ..model.Channels import severalChannels
from ..model.ClassMatch import matchingClass
from ..model.ModelFacts import READ, UNREAD, ModelFacts
from ..model.ModelLogic import ModelLogic
from ..Needs import AsksWorker, ChecksPackages, HasParameters


class SecondNeeds(AsksWorker, HasParameters, ChecksPackages, Protocol):
    """What it needs of the panel."""

    models: ModelLogic

    def mustWait(self) -> str: ...


class SecondModel:
    """facts: what is known about it.  className: what it calls the class.  missing: packages that it still needs."""

    def __init__(self, panel: SecondNeeds):
        self._panel = panel
        self.facts = ModelFacts()
        self.className = ""
        self._matched: tuple[str, ModelFacts] | None = None  # the first model's class, and this model's facts
        self.missing = Dependencies()

    def take(self) -> ModelFacts:
        """What is known of the one that the parameters name; of another than before nothing yet."""
        p, shelf = self._panel.parameters, self._panel.models.shelf
        key = p.secondModel if p is not None else ""
        if key != self.facts.key:
            self.facts = ModelFacts(key, shelf.source(key) if key else "", UNREAD)
            self.className, self.missing = "", Dependencies()
        return self.facts

    def pick(self, key: str) -> None:
        """A model of the list: the worker describes it; nothing of it is run."""
        if self._panel.parameters is None:
            return
        self._panel.write(secondModel=key)
        self._panel.notices.clear()
        if self.take().source and not self._panel.busy:
            self.describe()
        self._panel.changed()

    def describe(self, then: Callable[[], None] | None = None) -> None:
        """Asks the worker what it says about itself; ``then`` is called when it has."""
        if not self._panel.examine(()).complete:
            return
        what = {"key": self.facts.key, "then": then}
        how: dict[str, Any] = {
            "request": "describe",
            "answered": self.described,
            "title": _("Reading the second model"),
        }
        self._panel.send(Job("second model", what=what, **how), self.facts.source, {})

    def described(self, job: Job, answer: dict) -> None:
        """The worker has answered."""
        if job.what["key"] != self.take().key:
            return
        self.facts = ModelFacts.described(self.facts.key, self.facts.source, answer)
        self.missing = self._panel.examine(self.facts.requirements)
        self.match()
        if job.what["then"] is not None:
            job.what["then"]()

    def match(self) -> None:
        """The class that is called as the first model's, whenever that is another one; never a guess."""
        p = self._panel.parameters
        pair = (p.className, self.facts) if p is not None and self.facts.state == READ else None
        if p is not None and pair is not None and pair != self._matched:
            self.className = matchingClass(p.className, self.facts.classes)
            self._matched = pair

    def agreed(self) -> bool:
        """Whether it may be opened: the user's yes, where its author's code would run."""
        facts = self.facts
        if not facts.codeReason or self._panel.models.consent.request(facts.codeReason, facts.codeHash):
            return True
        self._panel.notices.fail(
            _("The second model runs its author's code, and that was not agreed to."), _("No code was executed.")
        )
        return False

    def whyNot(self) -> str:
        """Why it cannot be asked, "" if it can, or has still to be read."""
        facts, p = self.take(), self._panel.parameters
        if not facts.key:
            return _("Choose a second model.")
        if facts.key == p.model:
            return _("Choose another model than the first: it would agree with itself.")
        if not facts.source:
            return _("The second model's file is not known on this computer: pick it again as the first model.")
        if facts.state != READ:
            return ""
        return self.missing.sentence or self._classMissing() or self._otherChannels()

    def _classMissing(self) -> str:
        classes = self.facts.classes
        if not classes:
            return _("The second model says its classes once it has been opened: predict with it first.")
        return "" if self.className in classes else _("Choose the second model's class.")

    def _otherChannels(self) -> str:
        counts = [max(1, len(severalChannels(one))) for one in (self._panel.models.facts, self.facts)]
        if counts[0] == counts[1]:
            return ""
        return _(
            "The second model looks at {second} volume(s), the first at {first}: compare them on the "
            "command line ('seghirescam disagree --image-b')."
        ).format(second=counts[1], first=counts[0])
