"""The volumes that a followed place lies in: whether their voxels, or where these lie, have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from seghirescam.protocol.errors import GeometryError

from ..nodes.Geometry import gridOfVolume
from ..volumes.ImageReader import voxelStamp


class WatchedVolumes:
    """Calls ``onChange()`` when a network would see something else; :meth:`follow` of none ends that."""

    def __init__(self, onChange: Callable[[], object]):
        self._onChange = onChange
        self._watched: dict[Any, list[int]] = {}  # node -> tags of its observers
        self._seen: dict[Any, tuple] = {}

    def follow(self, nodes: Iterable[Any]) -> None:
        """Watches these in place of the former ones."""
        wanted = [node for node in nodes if node is not None]
        for node in [one for one in self._watched if one not in wanted]:
            for tag in self._watched.pop(node):
                node.RemoveObserver(tag)
        for node in wanted:
            if node not in self._watched:
                events = ("ModifiedEvent", node.TransformModifiedEvent, node.ImageDataModifiedEvent)
                self._watched[node] = [node.AddObserver(event, self._changed) for event in events]
        self._seen = {node: _seen(node) for node in self._watched}

    def _changed(self, caller: Any, event: str) -> None:
        if caller in self._watched and _seen(caller) != self._seen[caller]:
            self._seen[caller] = _seen(caller)
            self._onChange()


def _seen(node: Any) -> tuple:
    try:
        place = tuple(gridOfVolume(node).ijk_to_ras.ravel().tolist()) if node.GetImageData() is not None else ()
    except GeometryError:  # bent; asking tells why that cannot be
        place = ()
    return voxelStamp(node), place
