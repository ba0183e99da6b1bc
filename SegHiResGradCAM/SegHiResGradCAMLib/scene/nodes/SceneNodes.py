"""Nodes of a scene: by class, and with what is their own."""

from __future__ import annotations

from typing import Any


def nodesOfClass(scene: Any, className: str) -> list:
    """All nodes of a class or of classes derived from it, in the scene's order.

    scene.GetNodesByClass leaks its collection in Python, and with it every node in it, voxels included.
    """
    return [node for node in scene.GetNodes() if node.IsA(className)]


def displaysOf(node: Any) -> list:
    """A displayable node's display nodes, [] of any other node."""
    if not node.IsA("vtkMRMLDisplayableNode"):
        return []
    displays = (node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes()))
    return [display for display in displays if display is not None]


def removeWithOwn(node: Any) -> None:
    """Removes a node with its displays and the node of its file.

    From last to first: removing a volume or its first display leaves a legend's own display node behind.
    """
    scene = node.GetScene()
    own = displaysOf(node)[::-1]
    if node.IsA("vtkMRMLStorableNode") and node.GetStorageNode() is not None:
        own.append(node.GetStorageNode())
    for one in (*own, node):
        scene.RemoveNode(one)
