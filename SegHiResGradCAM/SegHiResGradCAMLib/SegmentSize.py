"""How large a segment is, compared with the cells of a layer."""

from __future__ import annotations

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import slicer

_known: dict = {}


def segmentExtentMm(segmentationNode, segmentId: str) -> tuple[float, float, float] | None:
    """As :func:`measuredExtentMm`, measured again only when the segmentation has changed (the panel asks often)."""
    if segmentationNode is None:
        return None
    key = segmentationNode.GetID(), segmentId
    stamp = segmentationNode.GetSegmentation().GetMTime(), segmentationNode.GetMTime()
    if _known.get("key") != (key, stamp):
        _known.update(key=(key, stamp), extent=measuredExtentMm(segmentationNode, segmentId))
    return _known["extent"]


def measuredExtentMm(segmentationNode, segmentId: str) -> tuple[float, float, float] | None:
    """Edges of the box around a segment in mm, along the axes it is stored in; None without a binary labelmap."""
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    if segmentationNode is None or not segmentationNode.GetSegmentation().ContainsRepresentation(name):
        return None
    if segmentId not in segmentationNode.GetSegmentation().GetSegmentIDs():
        return None
    image = slicer.vtkOrientedImageData()
    if not segmentationNode.GetBinaryLabelmapRepresentation(segmentId, image):
        return None
    scalars, shape = image.GetPointData().GetScalars(), tuple(reversed(image.GetDimensions()))
    if scalars is None or min(shape) < 1:
        return None
    mask = vtk_to_numpy(scalars).reshape(shape) > 0
    if not mask.any():
        return None
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    edges = []
    for column, axis in enumerate((2, 1, 0)):
        found = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        step = np.linalg.norm([matrix.GetElement(row, column) for row in range(3)])
        edges.append(float((found[-1] - found[0] + 1) * step))
    return tuple(edges)


def coarsenessWarning(layer, extentMm) -> str:
    """A sentence if a layer's cells are too coarse to resolve the segment, "" if they are fine enough or unknown.

    layer: LayerInfo.  The engine's rule is two cells across on every axis; here the smallest edge is compared with the
    largest cell, because segment and layer may lie on grids turned against each other.
    """
    if layer is None or layer.mm_per_cell is None or extentMm is None:
        return ""
    cell, edge = max(layer.mm_per_cell), min(extentMm)
    if edge >= 2 * cell:
        return ""
    return (
        f"Coarse: a cell of this layer is {cell:.3g} mm, the segment only {edge:.3g} mm across. The map cannot tell "
        "places inside the segment apart."
    )
