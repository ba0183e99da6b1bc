"""Explanation -> a volume node with everything around it, and the way back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import vtk

from seghirescam.protocol.display.map_grids import INPUT, map_grid
from seghirescam.protocol.errors import GeometryError
from seghirescam.protocol.explanation import Explanation
from seghirescam.protocol.grid import Grid

from ...setup.Translation import _
from ..nodes.Geometry import gridOfVolume, matrixFromArray, parentToWorld
from ..nodes.Provenance import writeProvenance
from ..nodes.SceneNodes import displaysOf, nodesOfClass, removeWithOwn
from ..nodes.SubjectHierarchy import placeBeside, takeOut
from ..views.SliceLayers import hideFromForeground, showInForeground
from .ColorTables import removeUnusedTables
from .DisplaySettings import DisplaySettings
from .EvidenceCache import rememberEvidence
from .Legend import updateLegend
from .OverlayDisplay import setScalarDisplay
from .ShownMap import ShownMap, placedHere


def addOverlay(
    scene: Any,
    explanation: Explanation,
    inputVolumeNode: Any,
    segmentationNode: Any = None,
    grid: str = INPUT,
    settings: DisplaySettings | None = None,
    segmentId: str | None = None,
    shown: ShownMap | None = None,
) -> Any:
    """Adds the map to the scene as a signed float32 scalar volume, displayed, with legend and provenance.

    inputVolumeNode: the volume that was explained, or a list of them (channels); the first gives geometry, parent
    transform and subject-hierarchy place.  grid: "input" resamples to that volume's voxels, "quarter" to quarters of
    the layer's cells, or to the volume's voxels where those are coarser (densities, unit per ml); "layer" keeps the
    layer's own cells and affine (unit per cell).  All move with the input's parent transform.
    shown: the map on these voxels, where the worker has made it already; its voxels become the node's.
    Raises ValueError for another grid, GeometryError for a non-linear transform; then the scene is as before.
    """
    settings = settings or DisplaySettings()
    inputNodes = list(inputVolumeNode) if isinstance(inputVolumeNode, (list, tuple)) else [inputVolumeNode]
    moved = _following(explanation, inputNodes[0])
    target = map_grid(grid, moved.grid, gridOfVolume(inputNodes[0]))
    shown = shown or placedHere(moved, target)
    if shown.voxels.array.shape != (target or moved.grid).shape:
        raise GeometryError(_("The volume has another size than when it was explained."), _("Ask again."))
    matrix = _localMatrix(target or moved.grid, inputNodes[0], grid)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(explanation.title()))
    try:
        node.SetIJKToRASMatrix(matrix)
        node.SetAndObserveTransformNodeID(inputNodes[0].GetTransformNodeID())
        setScalarDisplay(node, settings, shown.evidence)
        node.SetAndObserveImageData(shown.voxels.image)
        rememberEvidence(node, shown.evidence)
        reason = explanation.reason or _whyNothing(explanation.map)
        writeProvenance(node, explanation, inputNodes, segmentationNode, segmentId, shown.unit, grid, reason)
        placeBeside(node, inputNodes[0])
        if settings.foreground:
            showInForeground(node, settings.opacity, background=inputNodes[0])
        updateLegend(node, settings)  # after the layers: a legend is drawn where its volume is shown
    except Exception:
        removeOverlay(node)
        raise
    return node


def applyDisplay(volumeNode: Any, settings: DisplaySettings) -> None:
    """Shows an overlay that is already in the scene with other settings; the stored map stays as it is."""
    setScalarDisplay(volumeNode, settings)
    if settings.foreground:
        showInForeground(volumeNode, settings.opacity)
    else:
        hideFromForeground(volumeNode)
    updateLegend(volumeNode, settings)


def removeOverlay(volumeNode: Any) -> None:
    """Removes an overlay and all that came with it: display, legend, volume rendering, colours nobody else uses.

    The former foreground returns to the slice views.
    """
    scene = volumeNode.GetScene()
    hideFromForeground(volumeNode)
    takeOut(volumeNode)
    displays = displaysOf(volumeNode)
    tables = [display.GetColorNode() for display in displays]
    attached = [node for display in displays for node in ownNodes(display)]
    removeWithOwn(volumeNode)
    removeUnusedTables(scene, tables)
    stillUsed = [node for display in nodesOfClass(scene, "vtkMRMLDisplayNode") for node in ownNodes(display)]
    for node in attached:
        if scene.IsNodePresent(node) and node not in stillUsed:
            scene.RemoveNode(node)


def _following(explanation: Explanation, inputNode: Any) -> Explanation:
    """The explanation where the volume is now: its transform may have been edited since the question was asked."""
    asked = explanation.provenance.get("image_grid")
    if asked is None:
        return explanation
    then, now = Grid.from_json(asked), gridOfVolume(inputNode)
    if then.shape != now.shape:
        raise GeometryError(_("The volume has another size than when it was explained."), _("Ask again."))
    if then.same_as(now):
        return explanation
    moved = now.ijk_to_ras @ np.linalg.inv(then.ijk_to_ras)
    return replace(explanation, grid=replace(explanation.grid, ijk_to_ras=moved @ explanation.grid.ijk_to_ras))


def _localMatrix(placed: Grid, inputNode: Any, grid: str) -> vtk.vtkMatrix4x4:
    """vtkMatrix4x4 from IJK of a grid in world mm to the frame the input is stored in."""
    if grid == INPUT:
        matrix = vtk.vtkMatrix4x4()
        inputNode.GetIJKToRASMatrix(matrix)  # copied, never rebuilt from spacing and directions
        return matrix
    return matrixFromArray(np.linalg.inv(parentToWorld(inputNode)) @ placed.ijk_to_ras)


def _whyNothing(values: np.ndarray) -> str:
    if not np.isfinite(values).all():
        return _("the map holds values that are not finite")
    if not values.any():
        return _("every value is zero")
    return "" if values.max() > 0 else _("no value is positive; try both signs")


def ownNodes(display: Any) -> list:
    """Nodes that a volume-rendering display brought along."""
    if not display.IsA("vtkMRMLVolumeRenderingDisplayNode"):
        return []
    return [node for node in (display.GetVolumePropertyNode(), display.GetROINode()) if node is not None]
