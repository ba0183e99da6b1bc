"""Maps that were shown lately, ready to be shown again at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from weakref import ReferenceType, ref

from ...scene.overlay.ShownMap import ShownMap

#: together; the latest is kept whatever its size, because its voxels are those of the node that shows it
BYTES = 2**29


class RecentMaps:
    """By the pass they came of and their layer.  A pass is not kept alive, and another one at its address is not it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[ReferenceType, str], ShownMap] = OrderedDict()

    def keep(self, origin: Any, layerName: str, shown: ShownMap) -> None:
        self._drop(lambda former: former is None)
        self._kept[ref(origin), layerName] = shown
        self._kept.move_to_end((ref(origin), layerName))
        while len(self._kept) > 1 and sum(one.voxels.array.nbytes for one in self._kept.values()) > BYTES:
            self._kept.popitem(last=False)

    def get(self, origin: Any, layerName: str) -> ShownMap | None:
        return self._kept.get((ref(origin), layerName))

    def forget(self, origins: Any) -> None:
        """Drops what belongs to none of these passes."""
        alive = {id(origin) for origin in origins}
        self._drop(lambda origin: origin is None or id(origin) not in alive)

    def _drop(self, isGone: Callable[[Any], bool]) -> None:
        self._kept = OrderedDict((key, shown) for key, shown in self._kept.items() if not isGone(key[0]()))
