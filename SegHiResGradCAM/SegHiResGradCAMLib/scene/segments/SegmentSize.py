"""How large a segment is, compared with the cells of a layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...schedule.Steps import finished
from ...setup.Translation import _
from .SegmentLabelmap import SegmentLabelmap, labelmapStamp

_known: dict = {}


def segmentExtentMm(segmentationNode: Any, segmentId: str) -> tuple[float, float, float] | None:
    """As :func:`measuredExtentMm`, measured again only when the segmentation has changed (the panel asks often)."""
    if segmentationNode is None:
        return None
    key = segmentationNode.GetID(), segmentId
    stamp = labelmapStamp(segmentationNode, segmentId), segmentationNode.GetMTime()
    if _known.get("key") != (key, stamp):
        _known.update(key=(key, stamp), extent=measuredExtentMm(segmentationNode, segmentId))
    return _known["extent"]


def measuredExtentMm(segmentationNode: Any, segmentId: str) -> tuple[float, float, float] | None:
    """Edges of the box around a segment in mm, along the axes it is stored in; None without a binary labelmap."""
    if segmentationNode is None or segmentId not in segmentationNode.GetSegmentation().GetSegmentIDs():
        return None
    labelmap = SegmentLabelmap.of(segmentationNode, segmentId)
    box = finished(labelmap.boxSteps()) if labelmap is not None else None
    if labelmap is None or box is None:
        return None
    steps = np.linalg.norm(labelmap.ijkToLocal[:3, :3], axis=0)
    i, j, k = (float(mm) for mm in (box[1] - box[0] + 1)[::-1] * steps)
    return i, j, k


def coarsenessWarning(layer: Any, extentMm: Any) -> str:
    """A sentence if a layer's cells are too coarse to resolve the segment, "" if they are fine enough or unknown.

    layer: LayerInfo.  The engine's rule is two cells across on every axis; here the smallest edge is compared with the
    largest cell, because segment and layer may lie on grids turned against each other.
    """
    if layer is None or layer.mm_per_cell is None or extentMm is None:
        return ""
    cell, edge = max(layer.mm_per_cell), min(extentMm)
    if edge >= 2 * cell:
        return ""
    return _(
        "Coarse: a cell of this layer is {cell:.3g} mm, the segment only {edge:.3g} mm across. The map "
        "cannot tell places inside the segment apart."
    ).format(cell=cell, edge=edge)
