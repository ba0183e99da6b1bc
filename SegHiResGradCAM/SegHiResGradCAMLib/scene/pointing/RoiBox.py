"""A box ROI of the Markups module, as the engine takes a box."""

from __future__ import annotations

from typing import Any

import vtk

from seghirescam.protocol.recipes import Box

from ..nodes.Geometry import arrayFromMatrix, parentToWorld


def boxOf(roi: Any) -> Box:
    """A ROI, turned or not, with the transforms above it, in world mm. Raises GeometryError for a non-linear one."""
    parentToWorld(roi, "ROI")  # refuses a non-linear transform
    matrix, size = vtk.vtkMatrix4x4(), roi.GetSize()
    matrix.DeepCopy(roi.GetObjectToWorldMatrix())
    return Box(arrayFromMatrix(matrix), tuple(size))
