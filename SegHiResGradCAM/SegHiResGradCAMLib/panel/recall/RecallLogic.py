"""What *Explain this segment* does: fills the panel, and asks at once where the model is known."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Protocol

import slicer

from ...scene.nodes import AttributeNames
from ...scene.nodes.NodeFacts import factsOf
from ...scene.nodes.Provenance import isImage
from ...scene.segments.SegmentName import segmentName
from ...setup.Translation import _
from ...worker.Job import Job
from ..model import ModelList
from ..model.Channels import FIELDS, severalChannels
from ..model.ModelFacts import READ
from ..model.ModelLogic import ModelLogic
from ..Needs import AsksWorker, HasParameters
from ..question.Choices import PixelSetChoice
from ..question.OnlyNodes import onlyVolume
from .KnownModels import KnownModels


class RecallNeeds(AsksWorker, HasParameters, Protocol):
    """What this feature needs of the panel."""

    models: ModelLogic

    def ask(self, question: str) -> bool: ...
    def pick(self, **fields: Any) -> None: ...
    def whyNot(self) -> str: ...
    def apply(self) -> None: ...


class RecallLogic:
    """The segmentation remembers its last model by its key, which says nothing about where it lies; and each segment's
    class, which may have been chosen by hand."""

    def __init__(self, panel: RecallNeeds, scene: Any, settings: Any):
        self._panel, self._scene = panel, scene
        self._known = KnownModels(settings, panel.models.shelf)

    def explain(self, segmentation: Any, segmentId: str) -> None:
        """Chooses the segment and the volume it was drawn on; asks where its model is known, or is the only one that
        fits and the user says yes.  A model whose author's code would run is asked about as with Apply."""
        panel = self._panel
        if panel.parameters is None or not segmentName(segmentation, segmentId):
            return
        panel.notices.clear()
        if panel.busy:
            panel.notices.fail(_("The worker is busy with another question."), _("Wait for its answer, or cancel it."))
            panel.changed()
            return
        segmentOnly: Any = PixelSetChoice["SEGMENT"]
        former, volume = panel.parameters.model, self._volumeOf(segmentation)
        chosen = [getattr(panel.parameters, field) for field in FIELDS]
        together = volume in chosen and bool(severalChannels(panel.models.facts))
        fields: dict[str, Any] = {"segmentation": segmentation, "segmentId": segmentId, "allSegments": False}
        if volume is not None and not together:  # further volumes are those of another image
            fields |= dict.fromkeys(FIELDS) | {"volume": volume}
        panel.pick(pixelSet=segmentOnly, **fields)
        key = self._modelFor(segmentation)
        if key:
            panel.write(model=key)
            panel.models.take()
            panel.models.onceRead(partial(self._ask, volume is not None, together and key == former))
        panel.changed()

    def learn(self) -> None:
        """A model was described."""
        facts = self._panel.models.facts
        if facts.state == READ and facts.classes:
            self._known.learn(facts.key, facts.classes)

    def answered(self, job: Job) -> None:
        """Maps of a segment have come: its segmentation remembers the model."""
        node = self._scene.GetNodeByID(job.what.get("segmentation") or "")
        p, key = self._panel.parameters, self._panel.models.facts.key
        if node is None or p is None or not key or job.what.get("model") != self._panel.models.facts.source:
            return
        model, former = _remembered(node)
        classes = dict(former) if model == key else {}
        if job.what.get("many") is None and p.className and job.what["segmentId"] == p.segmentId:
            classes[p.segmentId] = p.className
        text = json.dumps({"model": key, "classes": classes}, sort_keys=True)
        if node.GetAttribute(AttributeNames.MODEL) != text:
            node.SetAttribute(AttributeNames.MODEL, text)

    def _volumeOf(self, segmentation: Any) -> Any:
        """The volume it was drawn on, else the only one there is; None where that is a choice."""
        role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
        volume = segmentation.GetNodeReference(role)
        known = volume is not None and volume.IsA("vtkMRMLScalarVolumeNode") and isImage(volume)
        return volume if known else onlyVolume(self._scene)

    def _modelFor(self, segmentation: Any) -> str:
        """Key of the model to be asked, "" where the user must choose one."""
        panel, shelf = self._panel, self._panel.models.shelf
        key, _classes = _remembered(segmentation)
        if key and shelf.source(key):
            return key
        segments = segmentation.GetSegmentation()
        key = self._known.fitting([segments.GetSegment(one).GetName() for one in segments.GetSegmentIDs()])
        title = ModelList.title(key, shelf.path(key)) if key else ""
        asked = _(
            "Every segment is called like a class of {model}, the only known model of which that is so. Ask it?"
        ).format(model=title)
        return key if key and (key == panel.parameters.model or panel.ask(asked)) else ""

    def _ask(self, volumeKnown: bool, together: bool) -> None:
        """At once, unless a volume may be another image's: then the panel is filled, and the user presses Apply.

        together: the segment's volume was one of those that had been chosen for this model.
        """
        panel, p = self._panel, self._panel.parameters
        if p is None or p.segmentation is None:  # it went while the model was read
            return
        className = _remembered(p.segmentation)[1].get(p.segmentId)
        if className in panel.models.facts.classes:
            panel.write(className=className)
        sure = volumeKnown and (together or not severalChannels(panel.models.facts))
        if sure and not panel.whyNot():  # else the panel says what is missing
            panel.apply()


def _remembered(segmentation: Any) -> tuple[str, dict]:
    """(key of the model, {segment id: class}); what another program wrote there is passed over."""
    try:
        found: Any = factsOf(segmentation, AttributeNames.MODEL)
    except ValueError:
        found = {}
    model, classes = (found.get("model"), found.get("classes")) if isinstance(found, dict) else (None, None)
    return model if isinstance(model, str) else "", classes if isinstance(classes, dict) else {}
