"""What Compare methods... does: the question as it stands, asked of every cheap method at every main layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ...scene.results.ComparisonNodes import comparisonSteps, removalSteps, removeLeftovers
from ...scene.segments.SegmentName import segmentName
from ...schedule.Steps import Steps, StepsOf
from ...setup.Translation import _
from ...worker.Job import Job
from ..Controls import FeatureView
from ..model.ModelLogic import ModelLogic
from ..Needs import AsksWorker, HasParameters, ShownResult
from ..question import QuestionWords
from ..question.QuestionLogic import QuestionLogic

#: the worker's words for methods that take few passes, and for every level of the network
METHODS, LAYERS = "cheap", "main"
#: larger maps (16 MB) stand in the table only: ten methods at the finest level of a large volume would fill the memory
MOST_CELLS = 2**22
#: the worker's word for a cell without a map
_REFUSED = "refused"


_TIP = _(
    "Asks the same question of every layer method that takes few passes, at every main layer: a folder of "
    "maps beside the volume, and a table."
)


class ComparisonView(FeatureView):
    def connect(self, comparisons: Any) -> None:
        self._controls.onClick("compareButton", comparisons.compare)

    def show(self, reason: str) -> None:
        self._controls.button("compareButton", reason, _TIP)


class ComparisonNeeds(AsksWorker, HasParameters, Protocol):
    """What this feature needs of the panel."""

    models: ModelLogic
    question: QuestionLogic

    @property
    def desk(self) -> ShownResult: ...
    def mustWait(self) -> str: ...
    def whyNot(self) -> str: ...
    def onProgress(self, fraction: float, phase: str) -> None: ...


class ComparisonLogic:
    View = ComparisonView

    def __init__(self, panel: ComparisonNeeds, scene: Any, later: Callable):
        self._panel = panel
        self._scene = scene
        self._steps, self._removing = Steps(later), Steps(later)

    def whyNot(self) -> str:
        """Why a comparison cannot be asked for now, "" if it can."""
        panel = self._panel
        if panel.parameters is not None and QuestionWords.asksAll(panel.parameters):
            return _("Methods are compared about one segment: untick All segments (in Inputs).")
        return panel.mustWait() or panel.whyNot()

    state = whyNot

    def compare(self) -> None:
        """Describes the model first where that has not been done; asks for consent where its author's code runs."""
        if not self.whyNot():
            self._panel.models.onceRead(self._ask)
        self._panel.changed()

    def answered(self, job: Job, answer: dict) -> None:
        """The cells have come: they are brought into the scene by and by, and the panel is busy meanwhile."""
        panel = self._panel
        if all(row["status"] == _REFUSED for row in answer["rows"]):
            panel.notices.fail(_("No method could answer this question."), answer["rows"][0]["reason"])
            return
        volumes = [self._scene.GetNodeByID(nodeId) for nodeId in job.volumes.values()]
        segmentation = self._scene.GetNodeByID(job.what["segmentation"]) if job.what["segmentation"] else None
        add = (answer["rows"], answer["explanations"], volumes, segmentation, job.what["segmentId"], job.what["name"])
        self.bring(job, comparisonSteps(self._scene, *add, tell=self.tell), lambda made: self._done(made, answer))

    def bring(self, job: Job, steps: StepsOf[Any], done: Callable[[Any], object]) -> None:
        """Brings what came of a job into the scene by and by; ``done(what the steps return)`` is called at the end."""

        def finished(made: Any) -> None:
            self._panel.job = None
            done(made)
            self._panel.settle()

        self._panel.job, job.phase = job, _("adding the maps")
        self._steps.start(steps, finished, self._notAdded)

    def stop(self) -> bool:
        """Ends the bringing into the scene, which is then as before; False if nothing was being brought."""
        return self._steps.stop()

    def remove(self, table: Any) -> None:
        """Takes a comparison out of the scene by and by; for the user it is gone at once."""
        steps = removalSteps(table, self._panel.desk.results.remove)
        self._removing.start(steps, lambda nothing: self._panel.changed(), self._failed)

    def close(self) -> None:
        """Nothing goes on by itself after this."""
        self._steps.stop()
        self._removing.stop()

    def sweep(self) -> None:
        """Nodes came or went: what a deleted folder left behind goes too, and what a file holds of no comparison."""
        if not (self._steps.running or self._removing.running or self._scene.IsBatchProcessing()):
            removeLeftovers(self._scene)

    def _ask(self) -> None:
        panel = self._panel
        if panel.whyNot() or not panel.models.agreed():
            return
        p = panel.parameters
        words = {"methods": METHODS, "layers": LAYERS, "most_cells": MOST_CELLS}
        job, question = panel.question.asked("compare", self.answered, _("Comparing methods"), **words)
        of = segmentName(p.segmentation, p.segmentId) if p.pixelSet.needsSegment else p.pixelSet.label()
        job.what["name"] = _("Comparison: {of}, {className}").format(of=of, className=p.className)
        panel.send(job, panel.models.facts.source, question)

    def tell(self, fraction: float) -> None:
        """How much of it has been brought."""
        self._panel.onProgress(fraction, _("adding the maps"))

    def _done(self, made: tuple[Any, list], answer: dict) -> None:
        panel, (table, overlays) = self._panel, made
        if overlays:
            panel.write(result=overlays[0])
            panel.notices.guarded(panel.desk.results.showOnly, overlays[0])
        if not panel.notices.error:
            panel.notices.say(_said(table.GetName(), answer))

    def _notAdded(self, error: Exception) -> None:
        self._panel.job = None
        self._failed(error)
        self._panel.settle()

    def _failed(self, error: Exception) -> None:
        self._panel.notices.failed(error)
        self._panel.changed()


def _said(name: str, answer: dict) -> str:
    rows = answer["rows"]
    refused, left = sum(row["status"] == _REFUSED for row in rows), sum(bool(row["left_out"]) for row in rows)
    text = _("Compared in {seconds:.1f} s: {count} maps and a table, {name}.").format(
        seconds=answer["session"]["seconds"], count=len(answer["explanations"]), name=name
    )
    if refused:
        text += _(" {refused} of {count} cells were refused; the table says why.").format(
            refused=refused, count=len(rows)
        )
    return text + (_(" {left} maps are too large for the folder.").format(left=left) if left else "")
