"""Matrices and grids of MRML nodes, in world millimetres (RAS)."""

from __future__ import annotations

import numpy as np
import vtk

import slicer
from seghirescam.protocol.errors import GeometryError
from seghirescam.protocol.grid import Grid

from ...setup.Translation import _


def arrayFromMatrix(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    """A vtkMatrix4x4 as a 4x4 float64 array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def matrixFromArray(array: np.ndarray) -> vtk.vtkMatrix4x4:
    """A 4x4 array as a vtkMatrix4x4."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(array, dtype=float).ravel().tolist())
    return matrix


def parentToWorld(node: slicer.vtkMRMLTransformableNode, what: str = "volume") -> np.ndarray:
    """4x4 from the coordinates a node is stored in to world RAS; the identity without a parent transform.

    what: how an error calls the node (node names may hold patient names, so they are not used).
    Raises GeometryError for a non-linear transform: a warped grid has no affine.
    """
    transform, matrix = node.GetParentTransformNode(), vtk.vtkMatrix4x4()
    if transform is None:
        return np.eye(4)
    # asked first, because GetMatrixTransformToWorld prints an error of its own
    if not transform.IsTransformToWorldLinear() or not transform.GetMatrixTransformToWorld(matrix):
        raise GeometryError(
            _("The {what} is under a non-linear transform.").format(what=what),
            _("Harden the transform (Data module, right click), or remove it."),
        )
    return arrayFromMatrix(matrix)


def localMatrix(volumeNode: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """4x4 IJK-to-RAS of a volume as stored, without its parent transform."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return arrayFromMatrix(matrix)


def gridOfVolume(volumeNode: slicer.vtkMRMLVolumeNode) -> Grid:
    """The volume's grid in world RAS (parent transform included). Raises GeometryError if it has no usable affine."""
    size = volumeNode.GetImageData().GetDimensions()
    return Grid(tuple(reversed(size)), parentToWorld(volumeNode) @ localMatrix(volumeNode))
