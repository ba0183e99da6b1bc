"""What Evidence by segment does: how much of the evidence lies in which organ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import vtk

import slicer
from seghirescam.protocol.requests import Cells

from ...scene.nodes import AttributeNames
from ...scene.nodes.Attachments import SEGMENTS, aboutLayer
from ...scene.nodes.Geometry import gridOfVolume
from ...scene.nodes.Provenance import inputVolumesOf
from ...scene.results.Export import whyNotExported
from ...scene.results.SegmentEvidence import addSegmentTable, labelSteps
from ...setup.Translation import _
from ...worker.Job import Job
from ..Controls import FeatureView
from ..Needs import ChecksMaps, HasParameters
from ..results.RepeatedQuestion import layerOf

#: how many segments the panel names; the table has all
_NAMED = 3


_TIP = _("How much of the evidence lies in which segment of the chosen segmentation: a table beside the map.")


@dataclass(frozen=True)
class SegmentEvidenceState:
    """reason: why the table cannot be made now.  text: what it says."""

    reason: str = ""
    text: str = ""


class SegmentEvidenceView(FeatureView):
    def connect(self, segments: Any) -> None:
        """segments: SegmentEvidenceLogic."""
        self._controls.onClick("segmentsButton", segments.ask)

    def show(self, state: SegmentEvidenceState) -> None:
        self._controls.button("segmentsButton", state.reason, _TIP)
        self._controls.say("segmentsTextLabel", state.text)


class SegmentEvidenceNeeds(ChecksMaps, HasParameters, Protocol):
    """What this feature needs of the panel."""


class SegmentEvidenceLogic:
    View = SegmentEvidenceView

    def __init__(self, panel: SegmentEvidenceNeeds, scene: Any):
        self._panel, self._scene = panel, scene

    def whyNot(self) -> str:
        """Why the table cannot be made now, "" if it can."""
        panel = self._panel
        if panel.cannotTest():
            return panel.cannotTest()
        if panel.desk.node is None:
            return _("There is no map: press Apply first.")
        if whyNotExported(panel.desk.node):  # without voxels, or bent
            return whyNotExported(panel.desk.node)
        segmentation = self._segmentation()
        if segmentation is None or not segmentation.GetSegmentation().GetNumberOfSegments():
            return _("Choose a segmentation with segments (in Inputs).")
        return ""

    def state(self) -> SegmentEvidenceState:
        node = self._panel.desk.node
        return SegmentEvidenceState() if node is None else SegmentEvidenceState(self.whyNot(), self.text(node))

    def ask(self) -> None:
        """Reads the segments by and by and asks the worker; needs no model."""
        if not self.whyNot():
            self._panel.do(self._send)

    def answered(self, job: Job, answer: dict) -> None:
        """The rows become a table beside the map, and its head a sentence."""
        origin = job.what["origin"]
        node = self._panel.desk.results.nodeOf(origin) if origin else self._scene.GetNodeByID(job.nodeIds[-1])
        if node is None:  # removed meanwhile
            return
        table = addSegmentTable(node, answer["rows"], job.what["layer"])
        self._panel.notices.say(
            " ".join([_("Table: {name}.").format(name=table.GetName()), *job.what["leftOut"], *answer.get("notes", [])])
        )

    def text(self, node: Any) -> str:
        """Where most of a map's evidence lies, "" before it was asked."""
        found = aboutLayer(node, layerOf(node), SEGMENTS)
        return _sentence(found[-1].GetTable()) if found else ""

    def _send(self) -> None:
        panel, node, segmentation = self._panel, self._panel.desk.node, self._segmentation()
        leftOut: list[str] = []
        volume = next(iter(inputVolumesOf(node)), node)  # a layer's cells are too coarse for organs
        question = {"map": self._map(node), "labels": partial(labelSteps, segmentation, volume, leftOut)}
        origin = panel.desk.results.origin(node)
        what = {"origin": origin, "layer": layerOf(node), "leftOut": leftOut}
        nodes = [segmentation.GetID(), volume.GetID()]
        if origin is None:  # else its node may be replaced by that of another layer meanwhile
            nodes.append(node.GetID())
        how: dict[str, Any] = {
            "request": "by_segment",
            "answered": self.answered,
            "title": _("Sharing out the evidence"),
        }
        panel.send(Job("by segment", tuple(nodes), what, self._explained(node), **how), "", question)

    def _explained(self, node: Any) -> dict[str, str]:
        """The volumes that were explained, in whose body chance is counted; {} where one of them is gone."""
        found = inputVolumesOf(node)
        whole = len(found) == node.GetNumberOfNodeReferences(AttributeNames.INPUT_VOLUME_ROLE)
        return {_("channel {n}").format(n=n): one.GetID() for n, one in enumerate(found, start=1)} if whole else {}

    def _segmentation(self) -> Any:
        """The chosen one, else the one that the map is about."""
        return self._panel.parameters.segmentation or self._panel.desk.node.GetNodeReference(
            AttributeNames.SEGMENTATION_ROLE
        )

    def _map(self, node: Any) -> Cells:
        """The layer's own cells where the map is still where they were, else the voxels of the node."""
        results = self._panel.desk.results
        origin = results.origin(node)
        if origin is not None:
            one = origin.maps[results.shownLayer(node)]
            if (results.target(node, one.layer.name) or one.grid).same_as(gridOfVolume(node)):
                return one.map, one.grid
        return slicer.util.arrayFromVolume(node), gridOfVolume(node)


def _sentence(table: Any) -> str:
    names, shares = table.GetColumnByName("segment"), table.GetColumnByName("share")
    if not isinstance(names, vtk.vtkStringArray) or not isinstance(shares, vtk.vtkDataArray):
        return ""  # somebody has edited it
    rows = range(min(names.GetNumberOfTuples(), shares.GetNumberOfTuples()))
    found = [(shares.GetComponent(n, 0), names.GetValue(n)) for n in rows]
    found = sorted(((share, name) for share, name in found if share == share), reverse=True)  # NaN is no share
    if not found:
        return _("No segment holds evidence; the table says why.")
    return _("Evidence: ") + ", ".join(f"{100 * share:.0f} % {name}" for share, name in found[:_NAMED]) + "."
