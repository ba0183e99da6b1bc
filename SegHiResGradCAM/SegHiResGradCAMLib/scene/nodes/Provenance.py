"""What a result remembers: the nodes it came from, and everything needed to compute it again."""

from __future__ import annotations

import json
import math
from typing import Any

from seghirescam.protocol.explanation import Explanation

from . import AttributeNames
from .NodeFacts import factsOf


def writeProvenance(
    volumeNode: Any,
    explanation: Explanation,
    inputNodes: Any,
    segmentationNode: Any,
    segmentId: str | None,
    unit: str,
    grid: str,
    reason: str,
) -> None:
    """Node references for nodes (they survive renaming and import), attributes for values; no node's name is copied."""
    for node in inputNodes:
        volumeNode.AddNodeReferenceID(AttributeNames.INPUT_VOLUME_ROLE, node.GetID())
    if segmentationNode is not None:
        volumeNode.SetNodeReferenceID(AttributeNames.SEGMENTATION_ROLE, segmentationNode.GetID())
    values = {
        "Method": explanation.method,
        "ClassIndex": explanation.class_index,
        "ClassName": explanation.class_name,
        "Layer": explanation.layer.name,
        "PixelSet": explanation.pixel_set_label,
        "SegmentId": segmentId,
        "Score": explanation.score,
        "ScoreTitle": explanation.score_title,
        "Total": explanation.total,
        "Completeness": explanation.completeness,
        "Unit": unit,
        "Grid": grid,
        "Status": explanation.status,
        "Reason": reason,
        "Explanation": json.dumps(_finite(explanation.to_json()), sort_keys=True, allow_nan=False),
    }
    for key, value in values.items():
        if value not in (None, ""):
            volumeNode.SetAttribute(AttributeNames.PREFIX + key, value if isinstance(value, str) else repr(value))


def forgetProvenance(volumeNode: Any) -> None:
    """Takes away what a map remembers, before another one is shown in its node; how it is displayed stays."""
    for role in (AttributeNames.INPUT_VOLUME_ROLE, AttributeNames.SEGMENTATION_ROLE):
        volumeNode.RemoveNodeReferenceIDs(role)
    for name in volumeNode.GetAttributeNames():
        if name.startswith(AttributeNames.PREFIX) and name != AttributeNames.SETTINGS:
            volumeNode.RemoveAttribute(name)


def isOverlay(node: Any) -> bool:
    """True for a volume node that :func:`addOverlay` made, also after the scene was reloaded."""
    return node is not None and node.GetAttribute(AttributeNames.EXPLANATION) is not None


def isImage(node: Any) -> bool:
    """False for a volume that is a map, or an image with a part masked out: neither is what a network looks at."""
    return not isOverlay(node) and node.GetAttribute(AttributeNames.ATTACHED) is None


def explanationFacts(volumeNode: Any) -> dict:
    """Explanation.to_json() as stored with the overlay, to be read only."""
    return factsOf(volumeNode, AttributeNames.EXPLANATION)


def inputVolumesOf(volumeNode: Any) -> list:
    """The volumes (channels) that were explained, as far as they are still in the scene."""
    count = volumeNode.GetNumberOfNodeReferences(AttributeNames.INPUT_VOLUME_ROLE)
    nodes = (volumeNode.GetNthNodeReference(AttributeNames.INPUT_VOLUME_ROLE, n) for n in range(count))
    return [node for node in nodes if node is not None]


def _finite(value: Any) -> Any:
    """JSON knows no NaN: the same structure with None in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
