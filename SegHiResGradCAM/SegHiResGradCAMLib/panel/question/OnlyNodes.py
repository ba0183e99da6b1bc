"""The volume and the segmentation that can only be meant, because the scene holds no other."""

from __future__ import annotations

from typing import Any

from ...scene.nodes import AttributeNames
from ...scene.nodes.Provenance import isImage
from ...scene.nodes.SceneNodes import nodesOfClass

_VOLUME, _SEGMENTATION = "vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode"


def onlyVolume(scene: Any) -> Any:
    """The one volume that the selector offers; None where there is none or a choice."""
    return _only(node for node in nodesOfClass(scene, _VOLUME) if node.GetClassName() == _VOLUME)


def onlySegmentation(scene: Any) -> Any:
    """The one segmentation that is not one of our answers; None where there is none or a choice."""
    return _only(node for node in nodesOfClass(scene, _SEGMENTATION) if not _isAnswer(node))


def onlySegment(segmentation: Any) -> str:
    """Id of the one segment, "" where there is none or a choice."""
    ids = segmentation.GetSegmentation().GetSegmentIDs()
    return str(ids[0]) if len(ids) == 1 else ""


def _only(nodes: Any) -> Any:
    found = [node for node in nodes if isImage(node) and not node.GetHideFromEditors()]
    return found[0] if len(found) == 1 else None


def _isAnswer(node: Any) -> bool:
    marks = (AttributeNames.OF_COMPARISON, AttributeNames.PAINTING)
    return any(node.GetAttribute(mark) is not None for mark in marks)
