"""A segment brought before the user: visible, and in the middle of the slice views."""

from __future__ import annotations

from typing import Any

from ..views.SliceViews import jumpTo


def showSegment(segmentationNode: Any, segmentId: str) -> tuple[float, float, float] | None:
    """Shows the segment, whatever was hidden, and moves every slice view to its centre; returns that in world mm, None
    of a segment without a voxel. Other segments stay as they are."""
    if segmentationNode.GetDisplayNode() is None:
        segmentationNode.CreateDefaultDisplayNodes()
    display = segmentationNode.GetDisplayNode()
    display.SetVisibility(True)
    display.SetSegmentVisibility(segmentId, True)
    display.SetVisibility2DOutline(True)
    display.SetSegmentVisibility2DOutline(segmentId, True)
    centre = segmentationNode.GetSegmentCenterRAS(segmentId)
    if centre is None:
        return None
    jumpTo(segmentationNode.GetScene(), centre)
    r, a, s = (float(mm) for mm in centre)
    return r, a, s
