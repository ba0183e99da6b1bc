"""What the Predict button does: the model's own segmentation, as a node whose segments can be explained at once."""

from __future__ import annotations

from typing import Any, Protocol

from ...scene.segments.PredictionNode import addPrediction
from ...setup.Translation import _
from ...worker.Job import Job
from ..Controls import FeatureView
from ..model.Channels import volumesOf
from ..model.ModelLogic import ModelLogic
from ..Needs import AsksWorker, ChecksPackages, HasParameters
from ..Notices import listed
from ..question import QuestionWords

_TIP = _("Runs the model's own inference and adds its classes as segments; then any of them can be explained.")


class PredictionView(FeatureView):
    def connect(self, predictions: Any) -> None:
        self._controls.onClick("predictButton", predictions.predict)

    def show(self, reason: str) -> None:
        self._controls.button("predictButton", reason, _TIP)


class PredictionNeeds(AsksWorker, HasParameters, ChecksPackages, Protocol):
    """What this feature needs of the panel."""

    models: ModelLogic

    def mustWait(self) -> str: ...


class PredictionLogic:
    View = PredictionView

    def __init__(self, panel: PredictionNeeds, scene: Any):
        self._panel = panel
        self._scene = scene

    def whyNot(self) -> str:
        """Why Predict cannot work now, "" if it can."""
        panel = self._panel
        why = panel.mustWait() or panel.cannotCompute() or panel.models.pathProblem()
        return why or QuestionWords.whyNotPredicted(panel.parameters, panel.models.facts) or panel.missing.sentence

    state = whyNot

    def predict(self) -> None:
        """Describes the model first where that has not been done; asks for consent where its author's code runs."""
        if not self.whyNot():
            self._panel.models.onceRead(self._ask)
        self._panel.changed()

    def answered(self, job: Job, answer: dict) -> None:
        """The prediction becomes a segmentation node; its first segment is chosen, with its class."""
        panel = self._panel
        if not panel.models.facts.classes:  # a program that does not say them: now that it is open, the worker knows
            panel.models.describe()
        told = [one for item in answer["maps"] for one in item.classes]
        found = [one for one in told if one["voxels"]]
        if not found:
            panel.notices.fail(
                _("The model found none of its classes in this volume."),
                _("Check that the volume is what the model was trained on; no segmentation was added."),
            )
            return
        volume = self._scene.GetNodeByID(job.nodeIds[0])
        facts = answer["facts"] | {"classes": told, "notes": answer["notes"]}
        node = addPrediction(
            self._scene, answer["maps"], volume, _("Predicted by {title}").format(title=job.what["title"]), facts
        )
        segmentation = node.GetSegmentation()
        ids = {segmentation.GetSegment(i).GetName(): i for i in segmentation.GetSegmentIDs()}
        name = panel.parameters.className if panel.parameters.className in ids else found[0]["name"]
        panel.write(segmentation=node, segmentId=ids[name])
        panel.models.match()
        panel.notices.say(_said(found, told, answer))

    def _ask(self) -> None:
        panel = self._panel
        p, model = panel.parameters, panel.models.facts
        if self.whyNot() or not panel.models.agreed():
            return
        volumes = {name: node.GetID() for name, node in volumesOf(p, model).items()}
        how: dict[str, Any] = {"answered": self.answered, "title": "Predicting"}
        job = Job("predict", tuple(volumes.values()), {"title": model.title}, volumes, **how)
        panel.send(job, model.source, QuestionWords.where(p, model))


def _said(found: list[dict], told: list[dict], answer: dict) -> str:
    amounts = [f"{one['name']} ({one['size']})" for one in found]
    text = _("Predicted in {seconds:.1f} s: {names}.").format(
        seconds=answer["session"]["seconds"], names=listed(amounts)
    )
    empty = [one["name"] for one in told if not one["voxels"]]
    if empty:
        text += _(" Not found: {names}.").format(names=listed(empty))
    return " ".join([text, *answer["notes"]])
