"""Display decisions shared by the figures and by Slicer: positive part, and the threshold that holds a share.

numpy only.  Nothing here changes a stored map.
"""

from __future__ import annotations

import numpy as np

_MANY, _BINS = 1_000_000, 65536


def positive(values: np.ndarray) -> np.ndarray:
    """ReLU: the evidence *for* the class."""
    return np.maximum(values, 0)


def threshold_holding(values: np.ndarray, share: float) -> float:
    """The level above which the smallest region holds ``share`` (0..1] of the positive evidence.

    values: a density on a regular grid, any shape.  The region is ``values >= level``.  Ties at the level belong to
    the region, so it may hold a little more.  Returns inf when nothing is positive (an empty region).
    Raises ValueError for a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"A share lies between 0 and 1, got {share}.")
    flat = values[values > 0]
    if flat.size == 0:
        return float("inf")
    target = share * flat.sum(dtype=np.float64) * (1 - 1e-12)
    above = 0.0
    if flat.size > _MANY:  # sort only the one bin of the histogram in which the level lies
        bins = (flat * ((_BINS - 1) / float(flat.max()))).astype(np.uint16)
        held: np.ndarray = np.cumsum(np.bincount(bins, weights=flat, minlength=_BINS)[::-1])
        place = min(int(np.searchsorted(held, target)), _BINS - 1)
        above = float(held[place - 1]) if place else 0.0
        flat = flat[bins == _BINS - 1 - place]
    flat = np.sort(flat)[::-1]
    held = above + np.cumsum(flat, dtype=np.float64)
    return float(flat[min(int(np.searchsorted(held, target)), flat.size - 1)])


def signed_threshold_holding(values: np.ndarray, share: float) -> float:
    """The same for both signs: ``|values| >= level`` holds ``share`` of sum |values|."""
    return threshold_holding(np.abs(values), share)
