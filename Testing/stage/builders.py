"""Small real nodes and explanations for tests: no engine, no torch."""

from __future__ import annotations

import numpy as np

import slicer
from seghirescam.protocol.explanation import Explanation, LayerInfo
from seghirescam.protocol.grid import Grid
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume, matrixFromArray


def obliqueMatrix(spacingIjk=(0.8, 1.1, 2.5), degrees=(20.0, -15.0, 30.0), origin=(-30.0, 12.0, 45.0)) -> np.ndarray:
    """4x4 IJK-to-RAS of a turned, anisotropic grid; mm."""
    turn = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        a, b = [n for n in range(3) if n != axis]
        step = np.eye(3)
        step[a, a] = step[b, b] = np.cos(angle)
        step[a, b], step[b, a] = -np.sin(angle), np.sin(angle)
        turn = step @ turn
    matrix = np.eye(4)
    matrix[:3, :3] = turn * np.asarray(spacingIjk)
    matrix[:3, 3] = origin
    return matrix


def addVolume(array: np.ndarray, matrix: np.ndarray | None = None, name: str = "volume"):
    """A scalar volume node from [K, J, I] and a 4x4 IJK-to-RAS."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(matrixFromArray(np.eye(4) if matrix is None else matrix))
    slicer.util.updateVolumeFromArray(node, array)
    return node


def addTransform(matrix: np.ndarray, *nodes):
    """A linear transform node above the given nodes."""
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "transform")
    transform.SetMatrixTransformToParent(matrixFromArray(matrix))
    for node in nodes:
        node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def addSegmentation(volumeNode, **masks):
    """A segmentation in the volume's geometry with one segment per mask; the segment's id is its name."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "segmentation")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    for name, mask in masks.items():
        node.GetSegmentation().AddEmptySegment(name, name)
        if mask is not None:
            slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), node, name, volumeNode)
    return node


def makeExplanation(cells, grid: Grid, **changes) -> Explanation:
    """An explanation with the given cells [K, J, I]; every other field has a plausible value."""
    cells = np.asarray(cells, dtype=np.float32)
    layer = LayerInfo("encoder.2", 32, cells.shape, (4, 4, 4), "encoder", True)
    fields = {
        "map": cells,
        "grid": grid,
        "unit": "logit",
        "score": 12.5,
        "method": "hirescam",
        "method_title": "Seg-HiRes-Grad CAM",
        "layer": layer,
        "class_index": 1,
        "class_name": "lesion",
        "score_title": "sum of class logits",
        "pixel_set_label": "segment 'lesion'",
        "side": "reads",
        "provenance": {"image_sha256": "0" * 64, "seghirescam": "0.1"},
    }
    return Explanation(**{**fields, **changes})


def blob(grid: Grid, centreRas, sigmaMm: float) -> np.ndarray:
    """A Gaussian [K, J, I] of height 1 around a point in mm."""
    kji = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    distance = np.linalg.norm(grid.ras(kji) - np.asarray(centreRas), axis=-1)
    return np.exp(-((distance / sigmaMm) ** 2) / 2)


def layerGridOf(volumeNode, stride: int = 4) -> Grid:
    """The grid of a layer whose cell u looks at the volume's voxel u * stride."""
    grid = gridOfVolume(volumeNode)
    return grid.strided((stride,) * 3, (0, 0, 0), tuple(n // stride for n in grid.shape))


def spot(volumeNode, cell=(3, 5, 4), strength: float = 2.0):
    """(explanation whose only evidence is one cell of that layer, the cell's place in mm)."""
    grid = layerGridOf(volumeNode)
    cells = np.zeros(grid.shape)
    cells[cell] = strength
    return makeExplanation(cells, grid), grid.ras(cell)
