"""A map on the voxels it is shown on: carried there, finite, and 0 where only rounding is left. numpy only."""

from __future__ import annotations

import numpy as np

from ..grid import Grid
from ..resampling import spread

_TINY = 1e-6  # of the largest value: what remains of interpolation there compresses to nothing when stored as 0


def on_voxels(cells: np.ndarray, source: Grid, unit: str, target: Grid | None) -> tuple[np.ndarray, str]:
    """(float32 values [K, J, I], their unit) of a layer's map.

    target: the grid to carry it to, as a density (unit per ml); None keeps the layer's own cells (unit per cell).
    """
    if target is None:
        return storable(cells), f"{unit}/cell"
    return storable(spread(cells, source, target)), f"{unit}/{target.volume_unit}"


def storable(values: np.ndarray) -> np.ndarray:
    """A copy in float32: infinite and missing values become 0, and so does what is below a millionth of the largest."""
    values = np.array(values, dtype=np.float32)
    values[~np.isfinite(values)] = 0
    dust = _TINY * max(float(values.max()), -float(values.min()))
    values[(values < dust) & (values > -dust)] = 0
    return values
