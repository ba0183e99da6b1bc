"""What was found out about a map - tables, plots, a painting - beside it in the scene, and gone with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import AttributeNames
from .SceneNodes import removeWithOwn
from .SubjectHierarchy import placeBeside, takeOut

#: kinds of nodes that are attached to a map
NUMBERS, CURVES, SERIES, CHART, SEGMENTS, PAINTING = "numbers", "curves", "series", "chart", "segments", "painting"
#: which channel, and which anatomy, mattered
CHANNELS, ANATOMY = "channels", "anatomy"


def attach(node: Any, overlay: Any, kind: str, layerName: str) -> None:
    """Makes a node of the scene go with an overlay: same place in the subject hierarchy, saved with the scene.

    layerName: of the map it is about; the overlay may show another layer later.
    """
    node.SetAttribute(AttributeNames.ATTACHED, kind)
    node.SetAttribute(AttributeNames.OF_LAYER, layerName)
    node.SetNodeReferenceID(AttributeNames.RESULT_ROLE, overlay.GetID())
    placeBeside(node, overlay)


def attachedTo(overlay: Any, *kinds: str) -> list:
    """Nodes that go with an overlay, of these kinds or of all, in the scene's order; also after a reload."""
    nodes = _attached(overlay.GetScene())
    mine = [node for node in nodes if node.GetNodeReference(AttributeNames.RESULT_ROLE) is overlay]
    return [node for node in mine if not kinds or node.GetAttribute(AttributeNames.ATTACHED) in kinds]


def attachedToAny(overlays: Any) -> list:
    """As :func:`attachedTo` of several, in one look at their scene."""
    ids = {overlay.GetID() for overlay in overlays}
    nodes = _attached(overlays[0].GetScene()) if overlays else []
    return [node for node in nodes if node.GetNodeReferenceID(AttributeNames.RESULT_ROLE) in ids]


def aboutLayer(overlay: Any, layerName: str, *kinds: str) -> list:
    """As :func:`attachedTo`, only what is about the map of that layer."""
    return [node for node in attachedTo(overlay, *kinds) if node.GetAttribute(AttributeNames.OF_LAYER) == layerName]


@contextmanager
def replacing(former: Any) -> Iterator[list]:
    """Yields a list for the nodes that are made in place of former ones.

    These go last, when the new ones are complete; after an error what was made goes, and the former ones stay.
    """
    made: list[Any] = []
    try:
        yield made
    except Exception:
        removeNodes(made)
        raise
    removeNodes(former)


def moveAttached(former: Any, overlay: Any) -> None:
    """The result is shown by another node now."""
    for node in attachedTo(former):
        node.SetNodeReferenceID(AttributeNames.RESULT_ROLE, overlay.GetID())


def removeAttached(overlay: Any) -> None:
    removeNodes(attachedTo(overlay))


def removeOrphans(scene: Any) -> None:
    """What goes with overlays that were deleted in the Data module; nothing while a scene is being read."""
    if scene.IsBatchProcessing():
        return
    removeNodes([node for node in _attached(scene) if node.GetNodeReference(AttributeNames.RESULT_ROLE) is None])


def removeNodes(nodes: Any) -> None:
    """Removes nodes with their displays, files and places in the subject hierarchy."""
    for node in nodes:
        takeOut(node)
        removeWithOwn(node)


def _attached(scene: Any) -> list:
    return (
        [node for node in scene.GetNodes() if node.GetAttribute(AttributeNames.ATTACHED)] if scene is not None else []
    )
