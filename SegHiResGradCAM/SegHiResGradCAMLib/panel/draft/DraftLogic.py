"""From bare weights to the model: the worker drafts a description, a form asks what weights do not tell, and it is
written beside them. Nothing of the model runs meanwhile; whether its author's code may run is asked when it opens."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from seghirescam.protocol.writing.new_files import refuse_existing, write_new

from ...setup.Translation import _
from ...worker.Job import Job
from ..model.ModelLogic import ModelLogic, droppedPath
from ..Needs import AsksWorker, HasParameters
from ..Option import Option
from .DraftForm import DraftForm
from .DraftView import DraftState, DraftView

DRAFT = "draft"
_SUFFIX = ".model.toml"
_ELSEWHERE = _("Move it away, or copy the weights into a folder of your own.")
_OFFER = _("Write a description...")
_TIP = _("Finds out by names and shapes what the weights are for, and asks what they do not tell. No code is executed.")
_THERE = _("It stands beside the weights, and is never replaced: move it away to write another.")
_AXES = {"zyx": ("z, y, x", "SimpleITK"), "xyz": ("x, y, z", _("MONAI, nibabel"))}
_HEADS = (
    Option("", _("as the network's last step says")),
    Option("softmax", _("softmax: one class a voxel")),
    Option("sigmoid", _("sigmoid: each class by itself")),
    Option("binary", _("binary: one channel, one object")),
)
_ACTIVATIONS = (
    Option("", _("read from the network")),
    Option("none", _("none: it returns logits")),
    Option("sigmoid", _("sigmoid: it returns probabilities")),
    Option("softmax", _("softmax: it returns probabilities")),
)


class DraftNeeds(AsksWorker, HasParameters, Protocol):
    """What this feature needs of the panel."""

    models: ModelLogic

    def mustWait(self) -> str: ...


class DraftLogic:
    View = DraftView

    def __init__(self, panel: DraftNeeds):
        self._panel = panel
        self._of = ""  # the model's key that the form is about
        self._open: DraftForm | None = None

    @property
    def form(self) -> DraftForm | None:
        """None where none is open."""
        facts = self._panel.models.facts
        return self._open if facts.weights and facts.key == self._of else None

    def state(self) -> DraftState:
        weights, form = self._panel.models.facts.weights, self.form
        if not weights or self._panel.parameters is None:
            return DraftState()
        if form is None:
            offer, tip = (
                (_("Open {name}").format(name=self._place().name), _THERE) if self._isDescribed() else (_OFFER, _TIP)
            )
            return DraftState(offer, self._whyNot(), tip)
        fields = form.fields()
        reason = form.missing() or self._factoryProblem(form)
        return DraftState(
            shown=True,
            found=_("Found: {network}. {reason}").format(network=form.answer["network"], reason=reason).strip(),
            factory=form.factory,
            fields=fields,
            options=self._options(form),
            marked=any(one.assumed for one in fields.values()),
            confirmed=form.confirmed,
            reason=self._whyNot() or reason,
        )

    def begin(self) -> None:
        """Opens the description that stands beside the weights, or drafts one and asks."""
        panel = self._panel
        if self._isDescribed():
            panel.models.pickFound(str(self._place()))
        elif not self._whyNot():
            panel.do(self._begin)
        panel.changed()

    def close(self) -> None:
        self._open = None
        self._panel.changed()

    def confirm(self, confirmed: bool) -> None:
        self._change(lambda form: replace(form, confirmed=confirmed))

    def say(self, word: str, text: str) -> None:
        """The user changed a field; what others follow from is drafted anew."""
        self._change(lambda form: form.with_(word, text))
        if word == "function":  # it has arguments of its own
            self._change(lambda form: form.without("arguments"))
        if word in ("function", "head"):
            self._again()

    def pickFactory(self, text: str) -> None:
        """The path of the Python file, typed, dropped or browsed; another file has its own functions."""
        form = self.form
        if form is None:
            return
        path = droppedPath(text, form.factory)
        self._change(lambda form: replace(form.without("function", "arguments"), factory=path))
        if not path or not self._factoryProblem(self.form):
            self._again()

    def write(self) -> None:
        """Drafts with all that was said; the answer is written and opened as the model."""
        form = self.form
        if form is not None and not (self._whyNot() or form.missing() or self._factoryProblem(form)):
            self._panel.notices.clear()
            self._send(form.question(), self._drafted, _("Writing the description"))
        self._panel.changed()

    def _begin(self) -> None:
        refuse_existing(self._place().parent, [self._place().name], _ELSEWHERE)
        self._send({}, self._filled, _("Reading the weights"))

    def _again(self) -> None:
        form = self.form
        if form is not None and not self._whyNot():
            self._panel.notices.clear()
            self._send(form.beginning(), self._filled, _("Reading the weights"))
            self._panel.changed()

    def _send(self, question: dict, answered: Callable, title: str) -> None:
        facts = self._panel.models.facts
        if "factory" in question:  # the worker runs in a folder of its own
            question["factory"] = os.path.abspath(question["factory"])
        job = Job(DRAFT, what={"key": facts.key}, answered=answered, title=title)
        self._panel.send(job, facts.source, question)

    def _filled(self, job: Job, answer: dict) -> None:
        """A draft for the form; what the user has said stays."""
        if job.what["key"] == self._panel.models.facts.key:
            self._open = replace(self.form, answer=answer) if self.form else DraftForm(answer)
            self._of = job.what["key"]

    def _drafted(self, job: Job, answer: dict) -> None:
        """The answer is the description; the form keeps the draft in which nothing was said, should writing fail."""
        panel = self._panel
        if job.what["key"] != panel.models.facts.key:
            return
        if answer["fill_in"]:  # the Python file has changed meanwhile
            self._again()
            return
        write_new(self._place().parent, answer["files"], _ELSEWHERE)
        described = str(self._place())
        self._open = None
        panel.models.pickFound(described)
        panel.notices.say(_("Written: {names}.").format(names=", ".join(answer["files"])))

    def _change(self, change: Callable[[DraftForm], DraftForm]) -> None:
        if self.form is not None:
            self._open = change(self.form)
            self._panel.changed()

    def _whyNot(self) -> str:
        return self._panel.mustWait() or self._panel.cannotCompute()

    def _place(self) -> Path:
        """Where the description is written."""
        weights = Path(self._panel.models.facts.source)
        return weights.with_name(weights.stem + _SUFFIX)

    def _isDescribed(self) -> bool:
        return os.path.lexists(self._place())

    def _factoryProblem(self, form: DraftForm | None) -> str:
        if form is None or not form.factory or (form.factory.endswith(".py") and os.path.isfile(form.factory)):
            return ""
        return _("There is no Python file at the typed path.")

    def _options(self, form: DraftForm) -> dict[str, tuple[Option, ...]]:
        line = next(line for line in form.answer["lines"] if line["word"] == "axes")
        usual = line["value"] if line["asleep"] else "zyx"
        axes = [Option("", f"{_AXES[usual][0]} (assumed)")]
        axes += [
            Option(key, _("{order} (as {whose})").format(order=order, whose=whose))
            for key, (order, whose) in _AXES.items()
        ]
        functions = tuple(Option(name, name) for name in form.functions())
        return {"function": functions, "head": _HEADS, "activation": _ACTIVATIONS, "axes": tuple(axes)}
