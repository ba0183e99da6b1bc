"""Slice views moved to a place, and a case brought into them; without views nothing happens."""

from __future__ import annotations

from typing import Any

import slicer

from ..nodes.SceneNodes import nodesOfClass


def jumpTo(scene: Any, ras: Any) -> None:
    """Every slice view through a point in mm, by offset: the user's zoom stays."""
    for sliceNode in nodesOfClass(scene, "vtkMRMLSliceNode"):
        sliceNode.JumpSliceByOffsetting(*ras)


def showCase(volumeNode: Any, segmentationNode: Any = None, segmentId: str = "") -> None:
    """The volume as background of all slice views, fitted, at the middle of a segment."""
    logic = slicer.app.applicationLogic()
    selection = logic.GetSelectionNode()
    if selection is not None:
        selection.SetActiveVolumeID(volumeNode.GetID())
        logic.PropagateVolumeSelection(1)
    if segmentationNode is not None and segmentId:
        centre = segmentationNode.GetSegmentCenterRAS(segmentId)
        if centre is not None:
            jumpTo(volumeNode.GetScene(), centre)
