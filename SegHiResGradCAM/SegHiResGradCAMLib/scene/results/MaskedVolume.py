"""The volume with a part masked out, in place of the volume in the slice views: one node a result, used again."""

from __future__ import annotations

from typing import Any

from seghirescam.protocol.errors import GeometryError

from ...setup.Translation import _
from ..nodes import AttributeNames
from ..nodes.Attachments import MASKED, attach, attachedTo
from ..nodes.Geometry import gridOfVolume, localMatrix, matrixFromArray
from ..nodes.SceneNodes import nodesOfClass


def showMasked(overlay: Any, volumeNode: Any, masked: Any, layerName: str, title: str) -> Any:
    """Shows an answer's ``masked`` (voxels, grid) where the volume is background; returns the node.

    It lies where the volume lies and has its window, so that what changed is what was masked out.  Raises
    GeometryError where the volume has another size now.
    """
    if gridOfVolume(volumeNode).shape != masked.voxels.array.shape:
        raise GeometryError(_("The volume has another size than when it was explained."), _("Ask again."))
    scene = overlay.GetScene()
    node = maskedOf(overlay)
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(_("Masked out")))
        node.CreateDefaultDisplayNodes()
    node.SetIJKToRASMatrix(matrixFromArray(localMatrix(volumeNode)))
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    _setWindow(node.GetDisplayNode(), volumeNode)
    node.SetAndObserveImageData(masked.voxels.image)
    node.SetNodeReferenceID(AttributeNames.INPUT_VOLUME_ROLE, volumeNode.GetID())
    attach(node, overlay, MASKED, layerName)
    node.SetDescription(title)
    ofVolume = [one for one in maskedVolumes(scene) if _volumeOf(one) is volumeNode]
    _exchange(scene, (volumeNode, *ofVolume), node)
    return node


def hideMasked(overlay: Any) -> None:
    """The volume itself is shown again."""
    node = maskedOf(overlay)
    if node is not None:
        _showVolumeOf(node)


def hideMaskedBut(overlay: Any) -> None:
    """No view shows what was masked out for another result."""
    for node in maskedVolumes(overlay.GetScene()):
        if node.GetNodeReference(AttributeNames.RESULT_ROLE) is not overlay:
            _showVolumeOf(node)


def maskedOf(overlay: Any) -> Any:
    """The node that goes with a result, None without one."""
    return next(iter(attachedTo(overlay, MASKED)), None)


def maskedVolumes(scene: Any) -> list:
    """All of them, of every result."""
    volumes = nodesOfClass(scene, "vtkMRMLScalarVolumeNode")
    return [node for node in volumes if node.GetAttribute(AttributeNames.ATTACHED) == MASKED]


def showVolumesOfOrphans(scene: Any) -> None:
    """Before those go whose result was deleted in the Data module: no view is left without its volume."""
    for node in maskedVolumes(scene):
        if node.GetNodeReference(AttributeNames.RESULT_ROLE) is None and not scene.IsBatchProcessing():
            _showVolumeOf(node)


def _showVolumeOf(node: Any) -> None:
    _exchange(node.GetScene(), (node,), _volumeOf(node))


def _volumeOf(node: Any) -> Any:
    return node.GetNodeReference(AttributeNames.INPUT_VOLUME_ROLE)


def _exchange(scene: Any, formers: tuple, shown: Any) -> None:
    """In the views that have one of ``formers`` as their background; those that show something else stay as they
    are."""
    ids = [node.GetID() for node in formers]
    for composite in nodesOfClass(scene, "vtkMRMLSliceCompositeNode"):
        if composite.GetBackgroundVolumeID() in ids:
            composite.SetBackgroundVolumeID(shown.GetID() if shown is not None else None)


def _setWindow(display: Any, volumeNode: Any) -> None:
    of = volumeNode.GetDisplayNode()
    display.AutoWindowLevelOff()
    if of is not None and of.IsA("vtkMRMLScalarVolumeDisplayNode"):
        display.SetWindowLevelMinMax(of.GetWindowLevelMin(), of.GetWindowLevelMax())
        display.SetAndObserveColorNodeID(of.GetColorNodeID())
    else:
        low, high = volumeNode.GetImageData().GetScalarRange()
        display.SetWindowLevelMinMax(low, max(high, low + 1.0))
