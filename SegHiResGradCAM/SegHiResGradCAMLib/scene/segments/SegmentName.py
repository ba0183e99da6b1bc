"""What the user calls a segment."""

from __future__ import annotations

from typing import Any


def segmentName(segmentationNode: Any, segmentId: str) -> str:
    """Empty if there is none (also for an id that is no longer there)."""
    if segmentationNode is None or segmentId not in segmentationNode.GetSegmentation().GetSegmentIDs():
        return ""
    return segmentationNode.GetSegmentation().GetSegment(segmentId).GetName()
