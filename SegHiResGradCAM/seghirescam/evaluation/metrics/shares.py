"""How much of a map's positive evidence lies in a region, and how much would lie there by chance. numpy (and scipy)."""

from __future__ import annotations

import math

import numpy as np

from ...protocol.display.thresholds import positive
from ...protocol.grid import Grid

#: spacings come from float32 headers and a square root: a voxel at the distance asked for is within it
ROUNDING_MM = 1e-6


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
    evidence = positive(np.asarray(density, dtype=np.float64))
    total = float(evidence.sum())
    return float(evidence[np.asarray(mask, dtype=bool)].sum()) / total if total > 0 else math.nan


def chance(mask: np.ndarray) -> float:
    """The share that evenly spread evidence would have: the mask's share of the volume."""
    return float(np.mean(np.asarray(mask, dtype=bool)))


def region_shares(density: np.ndarray, regions: dict[str, np.ndarray]) -> dict[str, float]:
    """The share of every region and of ``elsewhere`` (outside them all)."""
    shares = {name: share(density, mask) for name, mask in regions.items()}
    outside = ~np.logical_or.reduce([np.asarray(mask, dtype=bool) for mask in regions.values()])
    return {**shares, "elsewhere": share(density, outside)}
