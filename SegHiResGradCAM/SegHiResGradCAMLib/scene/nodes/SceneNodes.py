"""Nodes of a scene by class."""

from __future__ import annotations


def nodesOfClass(scene, className: str) -> list:
    """All nodes of a class or of classes derived from it, in the scene's order.

    scene.GetNodesByClass leaks its collection in Python, and with it every node in it, voxels included.
    """
    return [node for node in scene.GetNodes() if node.IsA(className)]
