"""Maps that were shown lately, ready to be shown again at once."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from ...scene.overlay.ShownMap import ShownMap

#: together; the latest is kept whatever its size, because its voxels are those of the node that shows it
BYTES = 2**29


class RecentMaps:
    """By the pass they came of and their layer."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple, ShownMap] = OrderedDict()

    def keep(self, origin: Any, layerName: str, shown: ShownMap) -> None:
        self._kept[id(origin), layerName] = shown
        self._kept.move_to_end((id(origin), layerName))
        while len(self._kept) > 1 and sum(one.voxels.array.nbytes for one in self._kept.values()) > BYTES:
            self._kept.popitem(last=False)

    def get(self, origin: Any, layerName: str) -> ShownMap | None:
        return self._kept.get((id(origin), layerName))

    def forget(self, origins: Any) -> None:
        """Drops what belongs to none of these passes."""
        alive = {id(origin) for origin in origins}
        self._kept = OrderedDict((key, shown) for key, shown in self._kept.items() if key[0] in alive)
