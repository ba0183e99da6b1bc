"""One explainable layer, as :mod:`listing` finds it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..placement.probe import Placement
from ..placement.receptive_field import Reach


@dataclass
class Layer:
    """One explainable layer, spatial axes in the network's own order; see protocol.LayerInfo for the public form."""

    name: str
    channels: int
    cells: tuple[int, ...]
    stride: tuple[int, ...]
    order: int
    aliases: list[str] = field(default_factory=list)
    part: str = "encoder"
    main: bool = False
    is_head: bool = False
    glued: bool = False
    idle: bool = False
    placement: Placement | None = None
    placement_problem: str = ""
    reach: Reach | None = None

    @property
    def volume(self) -> int:
        return math.prod(self.stride)

    @property
    def grain(self) -> tuple[int, ...]:
        """Voxels per axis a cell stands for: what it reads where all layers have one resolution, else its size."""
        return self.reach.reads if self.reach else self.stride
