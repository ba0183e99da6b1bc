"""The overlay as foreground of the slice views, and the former foreground back when it goes."""

from __future__ import annotations

from typing import Any

from ..nodes import AttributeNames
from ..nodes.Provenance import isOverlay
from ..nodes.SceneNodes import nodesOfClass


def showInForeground(volumeNode: Any, opacity: float | None = None, background: Any = None) -> None:
    """Puts an overlay over every slice view of its scene (there may be none).

    opacity: None keeps what the user set while an overlay was shown.  background: shown in views that have none.
    What was in the foreground before the first overlay is remembered in the composite node, also across saving.
    """
    for composite in _compositeNodes(volumeNode.GetScene()):
        current = volumeNode.GetScene().GetNodeByID(composite.GetForegroundVolumeID() or "")
        if current is None or not isOverlay(current):
            composite.SetNodeReferenceID(AttributeNames.FORMER_FOREGROUND_ROLE, current.GetID() if current else None)
            composite.SetAttribute(AttributeNames.FORMER_OPACITY, repr(composite.GetForegroundOpacity()))
        if background is not None and not composite.GetBackgroundVolumeID():
            composite.SetBackgroundVolumeID(background.GetID())
        composite.SetForegroundVolumeID(volumeNode.GetID())
        if opacity is not None:
            composite.SetForegroundOpacity(opacity)


def hideFromForeground(volumeNode: Any) -> None:
    """Takes an overlay out of the slice views that show it and restores the former foreground and its opacity."""
    for composite in _compositeNodes(volumeNode.GetScene()):
        if composite.GetForegroundVolumeID() != volumeNode.GetID():
            continue
        composite.SetForegroundVolumeID(composite.GetNodeReferenceID(AttributeNames.FORMER_FOREGROUND_ROLE))
        formerOpacity = composite.GetAttribute(AttributeNames.FORMER_OPACITY)
        if formerOpacity is not None:
            composite.SetForegroundOpacity(float(formerOpacity))
        composite.SetNodeReferenceID(AttributeNames.FORMER_FOREGROUND_ROLE, None)
        composite.RemoveAttribute(AttributeNames.FORMER_OPACITY)


def _compositeNodes(scene: Any) -> list:
    return nodesOfClass(scene, "vtkMRMLSliceCompositeNode")
