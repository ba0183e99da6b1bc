"""The demo case opened in the panel's own way: looked at where the lesion is, its segments as outlines."""

from __future__ import annotations

from typing import Any

from ...scene.views.SliceViews import showCase
from ...scene.volumes.SampleDataSources import loadDemoCase

MODEL, SEGMENT, RIVAL = "demo:shortcut", "Lesion", "look-alike"
#: where the marker shows best; the layer that fits the segment (encoder.2) has cells twice as wide
LAYER = "encoder.1"


def openDemoCase(scene: Any) -> Any:
    """(volume, segmentation, id of the lesion's segment). Raises OSError if the files are not there."""
    volume, segmentationNode = loadDemoCase(scene)
    segmentationNode.GetDisplayNode().SetVisibility2DFill(False)  # a filled segment would hide the map
    segmentation = segmentationNode.GetSegmentation()
    ids = {segmentation.GetSegment(name).GetName(): name for name in segmentation.GetSegmentIDs()}
    showCase(volume, segmentationNode, ids[SEGMENT])
    return volume, segmentationNode, ids[SEGMENT]
