"""How much of a map's positive evidence lies in a region, and how much would lie there by chance. numpy (and scipy)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ...protocol.grid import Grid

#: spacings come from float32 headers and a square root: a voxel at the distance asked for is within it
ROUNDING_MM = 1e-6
#: voxels looked at together: few enough for the processor's cache
_SLAB = 2**15


def dilated(mask: np.ndarray, grid: Grid, distance_mm: float) -> np.ndarray:
    """Bool ``[K, J, I]``: voxels whose centre lies within ``distance_mm`` of the centre of a voxel of the mask."""
    from scipy.ndimage import distance_transform_edt

    mask = np.asarray(mask) > 0
    if not mask.any():
        return mask
    return distance_transform_edt(~mask, sampling=grid.spacing_kji) <= distance_mm + ROUNDING_MM


def share(density: np.ndarray, mask: np.ndarray) -> float:
    """Positive evidence inside the mask over all positive evidence, 0..1; NaN where nothing is positive.

    density: evidence per volume on a regular grid (all voxels have one size, so sums stand for integrals).  The
    positive part is taken here, on the density, after placement: cells of opposite sign cancel where they overlap.
    """
    density, mask = np.asarray(density), np.asarray(mask, dtype=bool)
    largest = float(density.max(initial=0))
    if not largest > 0:
        return math.nan
    whole = (values.reshape(-1) for values, _ in slabs(density, mask))
    parts = (values[within] for values, within in slabs(density, mask) if within.any())
    total, inside = (
        summed((np.maximum(values, 0, dtype=np.float64) / largest for values in pieces), count)  # no sum overflows
        for pieces, count in ((whole, density.size), (parts, int(np.count_nonzero(mask))))
    )
    return inside / total


def summed(pieces: Iterator[np.ndarray], count: int) -> float:
    """What ``np.sum`` says of one float64 array of ``count`` values that come in pieces, bit for bit.

    The same halves are added in the same order (pairwise summation), while only a few of the values are held.
    """
    return _added(_Following(pieces), count)


class _Following:
    """The values of the pieces, so many at a time."""

    def __init__(self, pieces: Iterator[np.ndarray]):
        self._pieces, self._rest = pieces, np.zeros(0)

    def take(self, n: int) -> np.ndarray:
        held = [self._rest]
        while sum(map(len, held)) < n:
            held.append(next(self._pieces))
        values = np.concatenate(held)
        self._rest = values[n:]
        return values[:n]


def _added(following: _Following, n: int) -> float:
    if n <= _SLAB:
        return float(following.take(n).sum())
    half = n // 2 - n // 2 % 8  # numpy's own
    return _added(following, half) + _added(following, n - half)


def slabs(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Views of arrays of one shape, some voxels or slices at a time in their order: nothing of their size is copied."""
    if all(array.flags.c_contiguous for array in arrays):
        arrays = tuple(array.reshape(-1) for array in arrays)
    thick = max(1, _SLAB * len(arrays[0]) // max(1, arrays[0].size))
    for start in range(0, len(arrays[0]), thick):
        yield tuple(array[start : start + thick] for array in arrays)


def chance(mask: np.ndarray) -> float:
    """The share that evenly spread evidence would have: the mask's share of the volume."""
    return float(np.mean(np.asarray(mask, dtype=bool)))


def region_shares(density: np.ndarray, regions: dict[str, np.ndarray]) -> dict[str, float]:
    """The share of every region and of ``elsewhere`` (outside them all)."""
    shares = {name: share(density, mask) for name, mask in regions.items()}
    outside = ~np.logical_or.reduce([np.asarray(mask, dtype=bool) for mask in regions.values()])
    return {**shares, "elsewhere": share(density, outside)}
