"""Display decisions shared by the figures and by Slicer: positive part, and the threshold that holds a share.

numpy only.  Nothing here changes a stored map.
"""

from __future__ import annotations

import numpy as np


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
    flat = np.sort(values[values > 0], axis=None)[::-1]
    if flat.size == 0:
        return float("inf")
    held = np.cumsum(flat, dtype=np.float64)
    return float(flat[min(int(np.searchsorted(held, share * held[-1] * (1 - 1e-12))), flat.size - 1)])


def signed_threshold_holding(values: np.ndarray, share: float) -> float:
    """The same for both signs: ``|values| >= level`` holds ``share`` of sum |values|."""
    return threshold_holding(np.abs(values), share)
