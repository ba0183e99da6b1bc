"""The one button: asks, or cancels what runs; and the demo, for a panel with nothing in it."""

from __future__ import annotations

from importlib import metadata
from typing import Any, Protocol

from seghirescam.protocol.requests import Show

from ...setup.Dependencies import TORCH, isInstalled
from ...setup.Translation import _
from ..model.ModelLogic import DESCRIBE, ModelLogic
from ..Needs import AsksWorker, ChecksPackages, HasParameters, ShownResult
from ..question import QuestionWords
from ..question.AllSegmentsLogic import AllSegmentsLogic
from ..question.Choices import ScoreChoice
from ..question.QuestionLogic import QuestionLogic
from .DemoCase import LAYER, MODEL, RIVAL, openDemoCase
from .RunView import RunState, RunView


class RunNeeds(AsksWorker, HasParameters, ChecksPackages, Protocol):
    """What this feature needs of the panel."""

    models: ModelLogic
    question: QuestionLogic
    allSegments: AllSegmentsLogic

    @property
    def desk(self) -> ShownResult: ...
    def pick(self, **fields: Any) -> None: ...
    def stopAdding(self) -> bool: ...
    def onError(self, code: str, sentence: str, hint: str) -> None: ...


class RunLogic:
    View = RunView

    def __init__(self, panel: RunNeeds, scene: Any):
        self._panel, self._scene = panel, scene

    def whyNot(self) -> str:
        """Why Apply cannot work now, "" if it can."""
        panel = self._panel
        why = panel.cannotCompute() or panel.models.pathProblem()
        return why or QuestionWords.whyNot(panel.parameters, panel.models.facts) or panel.missing.sentence

    def apply(self) -> None:
        panel = self._panel
        if panel.stopAdding():  # its answer was there already
            panel.onError("cancelled", _("Cancelled."), "")
        elif panel.job is not None:
            panel.job.cancelling = True
            panel.engine.cancel()
        elif not self.whyNot():
            panel.models.onceRead(self._ask)
        panel.changed()

    def openCase(self) -> bool:
        """Loads the demo case into the scene and chooses its volume and its lesion."""
        panel = self._panel
        panel.notices.clear()
        loaded = panel.notices.guarded(openDemoCase, self._scene) if panel.parameters is not None else None
        if loaded is not None:
            volume, segmentation, segmentId = loaded
            panel.pick(volume=volume, segmentation=segmentation, segmentId=segmentId)
        return loaded is not None

    def tryDemo(self) -> None:
        """The demo case, and the question that gives the shortcut network away."""
        if self.openCase():
            self._panel.write(score=ScoreChoice.CONTRAST, rivalName=RIVAL, layer=LAYER, allSegments=False)
            self._panel.models.pick(MODEL)
        self._panel.changed()

    def state(self) -> RunState:
        panel, job = self._panel, self._panel.job
        if panel.parameters is None:
            return RunState(applyReason=self.whyNot(), device=self._device())
        status = panel.notices.status
        if job is not None:
            status = _("Cancelling...") if job.cancelling else f"{job.title}: {job.phase}"
        return RunState(
            editable=job is None or job.purpose == DESCRIBE,
            busy=job is not None,
            cancelling=job is not None and job.cancelling,
            fraction=job.fraction if job is not None else 0.0,
            status=status,
            applyReason=self.whyNot(),
            device=self._device(),
            demoOffered=job is None and panel.parameters.volume is None and not panel.desk.results.nodes(),
            error=panel.notices.error,
            details=panel.notices.details,
        )

    def _ask(self) -> None:
        """Consent, then the question."""
        panel = self._panel
        if not self.whyNot() and panel.models.agreed():
            many = QuestionWords.asksAll(panel.parameters)
            answered = panel.allSegments.answered if many else panel.desk.answered
            title = _("Asking about all segments") if many else _("Asking the network")
            job, question = panel.question.asked("explain", answered, title)
            question["show"] = Show(panel.parameters.grid.value)
            panel.send(job, panel.models.facts.source, question)

    def _device(self) -> str:
        """What computes: as the worker said, or, before it has run, from the installed package's metadata."""
        if self._panel.engine.device:
            return self._panel.engine.device
        if not isInstalled(TORCH):
            return _("PyTorch is not installed")
        version = ".".join(metadata.version("torch").split("+")[0].split(".")[:2])
        return _("PyTorch {version} - device shown after the first run").format(version=version)
