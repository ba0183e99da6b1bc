"""What the Check button does: is the model fed as it is meant to be, judged by the chosen segment? Says it as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ...setup.Translation import _
from ...worker.Job import Job
from ..Controls import FeatureView
from ..model.Channels import volumesOf
from ..model.ModelLogic import ModelLogic
from ..Needs import AsksWorker, ChecksPackages, HasParameters
from ..question import QuestionWords

_TIP = _(
    "Is the model fed as it is meant to be? Predicts with axes, head, normalisation and orientation changed one at a "
    "time, compares with the reference segment and says which fits best: up to about 20 predictions, which can be "
    "cancelled. Changes nothing."
)


@dataclass(frozen=True)
class FeedingState:
    """reason: why it cannot be checked now.  text: what was found.  rows: every change with its Dice, a line each."""

    reason: str = ""
    text: str = ""
    rows: str = ""


class FeedingView(FeatureView):
    def connect(self, feeding: Any) -> None:
        """feeding: FeedingLogic."""
        self._controls.onClick("feedingButton", feeding.check)

    def show(self, state: FeedingState) -> None:
        self._controls.button("feedingButton", state.reason, _TIP)
        self._controls.say("feedingTextLabel", state.text)
        self._controls.tip("feedingTextLabel", state.rows)


class FeedingNeeds(AsksWorker, HasParameters, ChecksPackages, Protocol):
    """What this feature needs of the panel."""

    models: ModelLogic

    def mustWait(self) -> str: ...


class FeedingLogic:
    View = FeedingView

    def __init__(self, panel: FeedingNeeds):
        self._panel = panel
        self._found: tuple[tuple, dict] | None = None  # what it is about, and the worker's answer

    def whyNot(self) -> str:
        """Why it cannot be checked now, "" if it can."""
        panel = self._panel
        why = panel.mustWait() or panel.cannotCompute() or panel.models.pathProblem()
        return why or QuestionWords.whyNotChecked(panel.parameters, panel.models.facts) or panel.missing.sentence

    def state(self) -> FeedingState:
        if self._found is None or self._panel.parameters is None or self._found[0] != self._about():
            return FeedingState(self.whyNot())
        check = self._found[1]
        return FeedingState(self.whyNot(), check["verdict"]["sentence"], "\n".join(map(_line, check["rows"])))

    def check(self) -> None:
        """Describes the model first where that has not been done; asks for consent where its author's code runs."""
        if not self.whyNot():
            self._panel.models.onceRead(self._ask)
        self._panel.changed()

    def answered(self, job: Job, answer: dict) -> None:
        """The verdict is shown as long as it is about what is chosen."""
        self._found = job.what["about"], answer["check"]
        self._panel.notices.say(
            " ".join([_("Checked in {seconds:.0f} s.").format(seconds=answer["session"]["seconds"]), *answer["notes"]])
        )

    def _about(self) -> tuple:
        p = self._panel.parameters
        segmentation = p.segmentation.GetID() if p.segmentation else ""
        volumes = tuple(node.GetID() for node in volumesOf(p, self._panel.models.facts).values())
        return p.model, p.className, segmentation, p.segmentId, volumes

    def _ask(self) -> None:
        panel = self._panel
        p, model = panel.parameters, panel.models.facts
        if self.whyNot() or not panel.models.agreed():
            return
        volumes = {name: node.GetID() for name, node in volumesOf(p, model).items()}
        question = {"segment": QuestionWords.segment(p)} | QuestionWords.classAsked(p, model)
        how: dict[str, Any] = {"answered": self.answered, "title": _("Checking how the model is fed")}
        nodes = (*volumes.values(), p.segmentation.GetID())
        job = Job("check", nodes, {"about": self._about()}, volumes, **how)
        panel.send(job, model.source, question | QuestionWords.where(p, model))


def _line(row: dict) -> str:
    what = f"{row['change']} {row['to']}".strip()
    return (
        f"{what}: {row['reason']}"
        if row["dice"] is None
        else _("{what}: Dice {dice:.3f}").format(what=what, dice=row["dice"])
    )
