"""What the Predict button does: the model's own segmentation, as a node whose segments can be explained at once."""

from __future__ import annotations

from ...scene.segments.PredictionNode import addPrediction
from ...worker.Job import PREDICT, Job
from ..model.Channels import volumesOf
from ..question import QuestionLogic

_LISTED = 4


class PredictionLogic:
    """The presenter's half for predictions; ``panel`` is the Presenter, whose parameters, notices and jobs it uses."""

    def __init__(self, panel, scene):
        self._panel = panel
        self._scene = scene

    def whyNot(self) -> str:
        """Why Predict cannot work now, "" if it can."""
        panel = self._panel
        if panel.busy:
            return "Wait for what is running, or cancel it."
        why = panel.cannotCompute() or panel.models.pathProblem()
        return why or QuestionLogic.whyNotPredicted(panel.parameters, panel.model) or panel.missing.sentence

    def predict(self) -> None:
        """Describes the model first where that has not been done; asks for consent where its author's code runs."""
        if not self.whyNot():
            self._panel.models.onceRead(self._ask)
        self._panel.changed()

    def answered(self, job: Job, answer: dict) -> None:
        """The prediction becomes a segmentation node; its first segment is chosen, with its class."""
        panel = self._panel
        if not panel.model.classes:  # a program that does not say them: now that it is open, the worker knows
            panel.models.describe()
        told = [one for item in answer["maps"] for one in item.classes]
        found = [one for one in told if one["voxels"]]
        if not found:
            panel.notices.fail(
                "The model found none of its classes in this volume.",
                "Check that the volume is what the model was trained on; no segmentation was added.",
            )
            return
        volume = self._scene.GetNodeByID(job.nodeIds[0])
        facts = answer["facts"] | {"classes": told, "notes": answer["notes"]}
        node = addPrediction(self._scene, answer["maps"], volume, f"Predicted by {job.what['title']}", facts)
        segmentation = node.GetSegmentation()
        ids = {segmentation.GetSegment(i).GetName(): i for i in segmentation.GetSegmentIDs()}
        name = panel.parameters.className if panel.parameters.className in ids else found[0]["name"]
        panel.write(segmentation=node, segmentId=ids[name])
        panel.models.match()
        panel.notices.say(_said(found, told, answer))

    def _ask(self):
        panel = self._panel
        if self.whyNot() or not panel.agreed():
            return
        volumes = {name: node.GetID() for name, node in volumesOf(panel.parameters, panel.model).items()}
        job = Job(PREDICT, tuple(volumes.values()), {"title": panel.model.title}, volumes)
        panel.send(job, panel.model.source, QuestionLogic.where(panel.parameters, panel.model))


def _said(found, told, answer):
    amounts = [f"{one['name']} ({one['size']})" for one in found]
    text = f"Predicted in {answer['session']['seconds']:.1f} s: {_listed(amounts)}."
    empty = [one["name"] for one in told if not one["voxels"]]
    if empty:
        text += f" Not found: {_listed(empty)}."
    return " ".join([text, *answer["notes"]])


def _listed(words):
    more = len(words) - _LISTED
    return ", ".join(words[:_LISTED]) + (f" and {more} more" if more > 0 else "")
