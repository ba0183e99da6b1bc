"""A pixel set of which only the box around it is held: a segment is small, its volume is not. numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .grid import Grid
from .pixel_set import PixelSet, outside, refuse_elsewhere, refuse_weights
from .resampling import copied, resampled


@dataclass(frozen=True, eq=False)
class LabelBox:
    """The box of one label of a label map, as an array that is made whenever it is looked at: uint8, 0 and 1.

    labels: a view of the label map.
    """

    labels: np.ndarray
    value: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.labels.shape

    def any(self) -> bool:
        return bool((self.labels == self.value).any())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return (self.labels == self.value).astype(dtype or np.uint8)


class BoxedPixelSet(PixelSet):
    """As any other, and carried to another grid by its box alone; ``weights`` are made whenever they are asked for."""

    @classmethod
    def of(cls, inner: np.ndarray | LabelBox, start: tuple[int, ...], grid: Grid, label: str) -> PixelSet:
        """inner: weights [K, J, I] of the box, all others are 0.  start: its first index.  Raises PixelSetError."""
        if not isinstance(inner, LabelBox):
            refuse_weights(inner)
        made: Any = object.__new__(cls)
        made.__dict__.update(grid=grid, label=label, notes=(), header="", _box=(inner, tuple(start)))
        return made

    def __getattr__(self, name: str) -> Any:
        if name != "weights" or "_box" not in self.__dict__:
            raise AttributeError(name)
        return self._padded((0, 0, 0), whole=True)[0]

    def on(self, grid: Grid) -> PixelSet:
        """See :meth:`PixelSet.on`."""
        if "_box" not in self.__dict__ or self.grid.same_as(grid):
            return super().on(grid)
        refuse_elsewhere(self.grid, grid, self.label)
        weights = copied(*self._padded((0, 0, 0)), grid)
        if weights is None:
            # what one voxel of the other grid spans here, and a neighbour to interpolate with
            to_own = np.linalg.inv(self.grid.kji_to_ras) @ grid.kji_to_ras
            reach = np.ceil(np.abs(to_own[:3, :3]).sum(axis=1)).astype(int) + 1
            weights = np.clip(resampled(*self._padded(reach.tolist()), grid), 0, 1)
        if self._box[0].any() and not weights.any():
            raise outside(self.label)
        return PixelSet(weights, grid, self.label)

    def _padded(self, by: Any, whole: bool = False) -> tuple[np.ndarray, Grid]:
        """(weights, their grid): the box with that many voxels around it, as far as the grid goes, or all of it."""
        inner, start = self._box
        spans = zip(start, inner.shape, by, self.grid.shape, strict=True)
        edges = [(0, size) if whole else (max(0, s - m), min(size, s + n + m)) for s, n, m, size in spans]
        weights = np.zeros([b - a for a, b in edges], np.float32)
        weights[tuple(slice(s - e[0], s - e[0] + n) for s, n, e in zip(start, inner.shape, edges, strict=True))] = inner
        return weights, self.grid.strided((1, 1, 1), [a for a, _ in edges], weights.shape)
