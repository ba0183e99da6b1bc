"""Explanation -> a volume node with everything around it, and the way back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import vtk

import slicer
from seghirescam.errors import GeometryError
from seghirescam.geometry import Grid
from seghirescam.protocol import Explanation

from .ColorTables import removeUnusedTables
from .DisplaySettings import DisplaySettings
from .Geometry import gridOfVolume, matrixFromArray, parentToWorld
from .HierarchyPlace import placeBeside, takeOut
from .Legend import updateLegend
from .OverlayDisplay import setScalarDisplay
from .Provenance import writeProvenance
from .SceneNodes import nodesOfClass
from .SliceLayers import hideFromForeground, showInForeground

GRIDS = ("input", "layer")
_TINY = 1e-6  # of the largest value: what remains of interpolation there compresses to nothing when stored as 0


def addOverlay(
    scene,
    explanation: Explanation,
    inputVolumeNode,
    segmentationNode=None,
    grid: str = "input",
    settings: DisplaySettings | None = None,
    segmentId: str | None = None,
):
    """Adds the map to the scene as a signed float32 scalar volume, displayed, with legend and provenance.

    inputVolumeNode: the volume that was explained, or a list of them (channels); the first gives geometry, parent
    transform and subject-hierarchy place.  grid: "input" resamples to that volume's voxels (a density, unit per ml);
    "layer" keeps the layer's own cells and affine (unit per cell).  Both move with the input's parent transform.
    Raises ValueError for another grid, GeometryError for a non-linear transform; then the scene is as before.
    """
    if grid not in GRIDS:
        raise ValueError(f"The grid is one of {', '.join(GRIDS)}, got '{grid}'.")
    settings = settings or DisplaySettings()
    inputNodes = list(inputVolumeNode) if isinstance(inputVolumeNode, (list, tuple)) else [inputVolumeNode]
    values, matrix, unit = _placed(_following(explanation, inputNodes[0]), inputNodes[0], grid)
    values = _storable(values)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(explanation.title()))
    try:
        node.SetIJKToRASMatrix(matrix)
        node.SetAndObserveTransformNodeID(inputNodes[0].GetTransformNodeID())
        setScalarDisplay(node, settings, values)
        slicer.util.updateVolumeFromArray(node, values)
        reason = explanation.reason or _whyNothing(explanation.map)
        writeProvenance(node, explanation, inputNodes, segmentationNode, segmentId, unit, grid, reason)
        placeBeside(node, inputNodes[0])
        if settings.foreground:
            showInForeground(node, settings.opacity, background=inputNodes[0])
        updateLegend(node, settings)  # after the layers: a legend is drawn where its volume is shown
    except Exception:
        removeOverlay(node)
        raise
    return node


def applyDisplay(volumeNode, settings: DisplaySettings) -> None:
    """Shows an overlay that is already in the scene with other settings; the stored map stays as it is."""
    setScalarDisplay(volumeNode, settings)
    if settings.foreground:
        showInForeground(volumeNode, settings.opacity)
    else:
        hideFromForeground(volumeNode)
    updateLegend(volumeNode, settings)


def removeOverlay(volumeNode) -> None:
    """Removes an overlay and all that came with it: display, legend, volume rendering, colours nobody else uses.

    The former foreground returns to the slice views.
    """
    scene = volumeNode.GetScene()
    hideFromForeground(volumeNode)
    takeOut(volumeNode)
    displays = [volumeNode.GetNthDisplayNode(n) for n in range(volumeNode.GetNumberOfDisplayNodes())]
    displays = [display for display in displays if display is not None]
    tables = [display.GetColorNode() for display in displays]
    attached = [node for display in displays for node in _ownNodes(display)]
    # from last to first: removing the volume or its first display leaves the legend's own display node behind
    for display in reversed(displays):
        scene.RemoveNode(display)
    if volumeNode.GetStorageNode() is not None:
        scene.RemoveNode(volumeNode.GetStorageNode())
    scene.RemoveNode(volumeNode)
    removeUnusedTables(scene, tables)
    stillUsed = [node for display in nodesOfClass(scene, "vtkMRMLDisplayNode") for node in _ownNodes(display)]
    for node in attached:
        if scene.IsNodePresent(node) and node not in stillUsed:
            scene.RemoveNode(node)


def _following(explanation, inputNode):
    """The explanation where the volume is now: its transform may have been edited since the question was asked."""
    asked = explanation.provenance.get("image_grid")
    if asked is None:
        return explanation
    then, now = Grid.from_json(asked), gridOfVolume(inputNode)
    if then.shape != now.shape:
        raise GeometryError("The volume has another size than when it was explained.", "Ask again.")
    if then.same_as(now):
        return explanation
    moved = now.ijk_to_ras @ np.linalg.inv(then.ijk_to_ras)
    return replace(explanation, grid=Grid(explanation.grid.shape, moved @ explanation.grid.ijk_to_ras))


def _placed(explanation, inputNode, grid):
    """(values [K, J, I], vtk matrix IJK to the input's parent, unit)."""
    if grid == "input":
        placed = explanation.resampled_to(gridOfVolume(inputNode))
        matrix = vtk.vtkMatrix4x4()
        inputNode.GetIJKToRASMatrix(matrix)  # copied, never rebuilt from spacing and directions
        return placed.array, matrix, placed.unit
    local = np.linalg.inv(parentToWorld(inputNode)) @ explanation.grid.ijk_to_ras
    return explanation.map, matrixFromArray(local), f"{explanation.unit}/cell"


def _storable(values):
    """float32, finite, and zero where only rounding is left."""
    values = np.array(values, dtype=np.float32)
    values[~np.isfinite(values)] = 0
    dust = _TINY * max(float(values.max()), -float(values.min()))
    values[(values < dust) & (values > -dust)] = 0
    return values


def _whyNothing(values):
    if not np.isfinite(values).all():
        return "the map holds values that are not finite"
    if not values.any():
        return "every value is zero"
    return "" if values.max() > 0 else "no value is positive; try both signs"


def _ownNodes(display):
    """Nodes that a volume-rendering display brought along."""
    if not display.IsA("vtkMRMLVolumeRenderingDisplayNode"):
        return []
    return [node for node in (display.GetVolumePropertyNode(), display.GetROINode()) if node is not None]
