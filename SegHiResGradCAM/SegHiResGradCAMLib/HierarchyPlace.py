"""The overlay's place in the subject hierarchy: beside the volume it explains."""

from __future__ import annotations

import slicer


def placeBeside(volumeNode, neighbourNode) -> None:
    """Puts the volume into the folder or study that holds the neighbour; makes the items where Slicer has not."""
    hierarchy = _hierarchy(volumeNode.GetScene())
    if hierarchy is None:
        return
    neighbour = hierarchy.GetItemByDataNode(neighbourNode)
    if not neighbour:
        neighbour = hierarchy.CreateItem(hierarchy.GetSceneItemID(), neighbourNode)
    parent = hierarchy.GetItemParent(neighbour)
    item = hierarchy.GetItemByDataNode(volumeNode)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, volumeNode)


def takeOut(volumeNode) -> None:
    """Removes the volume's item; the application does so by itself, a scene without plugins does not."""
    hierarchy = _hierarchy(volumeNode.GetScene())
    item = hierarchy.GetItemByDataNode(volumeNode) if hierarchy is not None else 0
    if item:
        hierarchy.RemoveItem(item, False, False)


def _hierarchy(scene):
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
