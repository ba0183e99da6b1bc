"""The chosen model: recognised by the worker, its class matched to the segment."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from seghirescam.protocol.errors import BareWeightsError
from seghirescam.protocol.question import DEEPEST, DEFAULT

from ...scene.segments.SegmentName import segmentName
from ...setup.Consent import Consent
from ...setup.Translation import _
from ...worker.Job import Job
from ..Needs import AsksWorker, ChecksPackages, HasParameters, ShownResult
from .Channels import FIELDS, assigned, channelWarning, severalChannels
from .ClassMatch import matchingClass
from .ModelFacts import FAILED, READ, READING, UNREAD, ModelFacts
from .ModelList import ModelList, isDemo
from .ModelView import ModelState, ModelView

#: ends of a description that say nothing about the model
_NOT_ITS_FAULT = ("cancelled", "worker_lost", "worker_start", "worker_refused", "device", "device_lost")
#: a typed folder is looked at when nothing more has been typed for so long
TYPING_MS = 700


DESCRIBE = "describe"


class ModelNeeds(AsksWorker, HasParameters, ChecksPackages, Protocol):
    """What this feature needs of the panel."""

    @property
    def desk(self) -> ShownResult: ...


class ModelLogic:
    """facts: what is known about the chosen model.  consent: the user's yes to its author's code."""

    View = ModelView

    def __init__(self, panel: ModelNeeds, scene: Any, settings: Any, later: Callable, consent: Consent):
        self._panel, self._scene, self._later, self.consent = panel, scene, later, consent
        self.shelf = ModelList(settings)
        self.facts = ModelFacts()
        self._matched: tuple | None = None
        self._assignedFor = ""
        self._typed: str | None = None  # what stands in the path field, None where that is the model's path

    def enter(self) -> None:
        """Takes over the parameters' model; the class and the channels they remember stay until it changes."""
        p = self._panel.parameters
        restored = p is not None and any(getattr(p, field) is not None for field in FIELDS[1:])
        self._assignedFor = p.model if restored else ""
        self._matched = self._pair() if p is not None and p.className else None
        self.take()

    def take(self) -> None:
        """The parameters name another model: nothing is known about it yet."""
        key = self._panel.parameters.model if self._panel.parameters is not None else ""
        if key != self.facts.key:
            self._typed = None
        if key != self.facts.key or self.facts.state == FAILED:
            self.facts = ModelFacts(key, self.shelf.source(key) if key else "", UNREAD)

    @property
    def path(self) -> str:
        """What stands in the path field."""
        return self.shelf.path(self.facts.key) if self._typed is None else self._typed

    def pathProblem(self) -> str:
        """Why the path field does not name the model that would be asked, "" if it does or is empty."""
        if not self._typed or self._typed == self.shelf.path(self.facts.key):
            return ""
        if os.path.isdir(self._typed):
            return _("The typed folder is looked at in a moment.")
        return _("There is no file or folder at the typed path: correct it, or choose a model from the list.")

    def pick(self, key: str) -> None:
        """A model of the list: the worker describes it; nothing of it is run."""
        self._typed = None  # a folder that is being typed is not waited for any more
        if self._panel.parameters is None:
            return
        p = self._panel.parameters
        left = isDemo(p.model) and not isDemo(key) and p.layer not in (DEFAULT, DEEPEST)
        # the demo case chose a layer of its networks, which other networks do not have
        self._panel.write(model=key, **({"layer": DEFAULT} if left else {}))
        self.take()
        self._panel.notices.clear()
        if self.facts.source and not self._panel.busy:
            self.describe()
        self._panel.changed()

    def pickPath(self, text: str) -> None:
        """A path, typed, dropped or browsed; while it names nothing, nothing can be asked.

        Folders wait until nothing more is typed: on the way to a model lie many that are none.
        """
        path = self._typed = droppedPath(text, self.shelf.path(self.facts.key))
        if os.path.isfile(path) or (path != text and os.path.exists(path)):
            self.pickFound(path)
            return
        if os.path.isdir(path):
            self._later(TYPING_MS, lambda: self.pickFound(path) if path == self._typed else None)
        self._panel.changed()

    def pickFound(self, path: str) -> None:
        """A file or folder that is chosen for good; one that turned out to be no model is not kept in the list."""
        if not os.path.exists(path) or self._panel.parameters is None:
            return
        if self.facts.state == FAILED:
            self.shelf.forget(self.facts.key)
        key = self.shelf.add(path)
        self._typed = None
        if key != self._panel.parameters.model or self.facts.state == FAILED:
            self.pick(key)
        else:
            self._panel.changed()

    def onceRead(self, ask: Callable[[], None]) -> None:
        """Calls ``ask`` for a new question, after the worker has described the model where that is still to be done."""
        self._panel.notices.clear()
        if self.facts.state == READ:
            ask()
        else:
            self.describe(then=ask)

    def describe(self, then: Callable[[], None] | None = None) -> None:
        """Asks the worker what the model says about itself; ``then`` is called when it has."""
        self._panel.missing = self._panel.examine(())
        if not self._panel.missing.complete:
            return
        self._set(READING)
        what = {"key": self.facts.key, "then": then}
        job = Job(DESCRIBE, what=what, answered=self.described, title=_("Reading the model"))
        self._panel.send(job, self.facts.source, {})
        if not self._panel.busy:
            self._set(UNREAD)

    def described(self, job: Job, answer: dict) -> None:
        """The worker has answered."""
        if job.what["key"] != self.facts.key:
            if self.facts.source:  # another model was picked meanwhile
                self.describe()
            return
        self.facts = ModelFacts.described(self.facts.key, self.facts.source, answer)
        self._panel.missing = self._panel.examine(self.facts.requirements)
        self.assignChannels()
        self.match()
        if job.what["then"] is not None:
            job.what["then"]()

    def failed(self, job: Job | None, code: str, sentence: str, hint: str) -> bool:
        """A job ended without an answer: what that says about the model.  True where nothing has gone wrong: a
        description is offered for bare weights."""
        describing = job is not None and job.purpose == DESCRIBE
        if code == "consent" or (describing and code in _NOT_ITS_FAULT):
            self._set(UNREAD)  # to be described again: the file changed, or the worker could not answer
        elif describing and code == BareWeightsError.code:
            self._set(FAILED, _("Write or open a description of these weights first."), weights=sentence)
        elif describing:
            self._set(FAILED, f"{sentence} {hint}".strip())
        return bool(describing and self.facts.weights)

    def mayOpen(self) -> bool:
        """Whether the model may be opened without asking the user."""
        return not self.facts.codeReason or self.consent.given(self.facts.codeHash)

    def agreed(self) -> bool:
        """Whether the model may be opened: the user's yes, where its author's code would run."""
        if not self.facts.codeReason or self.consent.request(self.facts.codeReason, self.facts.codeHash):
            return True
        self._panel.notices.fail(
            _("This model runs its author's code, and that was not agreed to."), _("No code was executed.")
        )
        return False

    def state(self) -> ModelState:
        p, facts = self._panel.parameters, self.facts
        if p is None:
            return ModelState()
        return ModelState(
            models=self.shelf.options(p.model),
            model=p.model,
            path=self.path,
            text=self.pathProblem() or facts.text(),
            channels=severalChannels(facts),
            ownVolumes=self._panel.desk.results.ownVolumes(),
            channelText=channelWarning(p, facts),
        )

    def match(self) -> None:
        """Matches the class to the segment's name when segment or model are new, and never guesses; "" of many segments
        is each one's own."""
        p = self._panel.parameters
        if self.facts.state != READ or p is None:
            return
        pair = self._pair()
        if pair != self._matched or p.className not in self.facts.classes:
            name = segmentName(p.segmentation, p.segmentId)
            self._panel.write(className="" if p.allSegments else matchingClass(name, self.facts.classes))
        self._matched = pair

    def assignChannels(self) -> None:
        """Gives a new model's channels the volumes whose names say them; what the user or the scene chose stays."""
        p, channels = self._panel.parameters, severalChannels(self.facts)
        if p is not None and channels and self._assignedFor != p.model:
            self._panel.write(**assigned(self._scene, channels))
            self._assignedFor = p.model

    def _pair(self) -> tuple:
        p = self._panel.parameters
        segmentId = None if p.allSegments else p.segmentId
        return p.segmentation.GetID() if p.segmentation else "", segmentId, p.model

    def _set(self, state: str, failure: str = "", weights: str = "") -> None:
        self.facts = ModelFacts(self.facts.key, self.facts.source, state, failure=failure, weights=weights)


def droppedPath(text: str, former: str = "") -> str:
    """The path in a text field into which a file or folder was dropped: Qt inserts its address into what stood there.

    former: the path that stood there.  Any other text is returned as it is.
    """
    begin = text.find("file://")
    if begin < 0:
        return text
    # the address lies somewhere inside the former text: what follows it there is cut off
    before = text[:begin]
    after = former[len(before) :] if former.startswith(before) else ""
    address = text[begin:].removesuffix(after) if after else text[begin:]
    path = unquote(urlsplit(address.strip()).path)
    return path[1:] if path[2:3] == ":" else path  # /C:/models of a Windows address
