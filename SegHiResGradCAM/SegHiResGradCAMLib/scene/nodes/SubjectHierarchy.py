"""Places in the subject hierarchy: beside the volume that is explained, alone or in a folder."""

from __future__ import annotations

from typing import Any

import vtk

import slicer

from . import AttributeNames


def placeBeside(volumeNode: Any, neighbourNode: Any) -> None:
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


def takeOut(node: Any) -> int:
    """Removes the node's item; the application does so by itself, a scene without plugins does not.

    Returns the item that held it, 0 if there was none.
    """
    hierarchy = _hierarchy(node.GetScene())
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    if not item:
        return 0
    parent = hierarchy.GetItemParent(item)
    hierarchy.RemoveItem(item, False, False)
    return parent


def folderBeside(scene: Any, name: str, neighbourNode: Any) -> int:
    """A new folder of ours in the folder or study that holds the neighbour; 0 without a subject hierarchy."""
    hierarchy = _hierarchy(scene)
    if hierarchy is None:
        return 0
    neighbour = hierarchy.GetItemByDataNode(neighbourNode)
    parent = hierarchy.GetItemParent(neighbour) if neighbour else hierarchy.GetSceneItemID()
    folder = hierarchy.CreateFolderItem(parent, hierarchy.GenerateUniqueItemName(name))
    hierarchy.SetItemAttribute(folder, AttributeNames.COMPARISON, "1")
    return folder


def moveInto(folder: int, node: Any) -> None:
    """Puts a node into a folder; makes its item where Slicer has not."""
    hierarchy = _hierarchy(node.GetScene())
    if hierarchy is None or not folder:
        return
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, folder)
    else:
        item = hierarchy.CreateItem(folder, node)
    hierarchy.SetItemAttribute(item, AttributeNames.OF_COMPARISON, "1")


def removeEmptyFolder(scene: Any, folder: int) -> None:
    """Removes a folder that :func:`folderBeside` made and in which nothing is left."""
    hierarchy = _hierarchy(scene)
    if hierarchy is None or not folder or hierarchy.GetItemAttribute(folder, AttributeNames.COMPARISON) != "1":
        return
    if not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder, False, False)


def sweepItems(scene: Any) -> None:
    """Removes items of ours whose node was not saved with the scene, and folders of ours in which nothing is left."""
    hierarchy, found = _hierarchy(scene), vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), found, True)
    items = [found.GetId(n) for n in range(found.GetNumberOfIds())]
    for item in reversed(items):
        if hierarchy.GetItemAttribute(item, AttributeNames.OF_COMPARISON) and hierarchy.GetItemDataNode(item) is None:
            items.remove(item)
            hierarchy.RemoveItem(item, False, False)
    for item in items:
        if hierarchy.GetItemDataNode(item) is None:
            removeEmptyFolder(scene, item)


def _hierarchy(scene: Any) -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
