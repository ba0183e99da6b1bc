"""What the demo networks see: RAS, 4 mm, zero mean, unit variance. Training and inference share this file. No torch."""

from __future__ import annotations

import numpy as np

from ...protocol.grid import Grid, canonical
from ...protocol.image import Image
from ...protocol.resampling import resampled

#: edge of the model's cubic voxels, mm
SPACING_MM = 4.0
#: class names in channel order
CLASSES = ("background", "lesion", "look-alike")
LESION, LOOK_ALIKE = 1, 2
#: the networks halve each axis four times
DIVISOR = 16


def on_model_grid(image: Image) -> tuple[np.ndarray, Grid]:
    """The image averaged onto 4 mm voxels that run towards R, A, S, then normalised: float32 ``[C, K, J, I]``."""
    grid = canonical(image.grid, SPACING_MM)
    return normalised(resampled(image.array.astype(np.float32), image.grid, grid)), grid


def normalised(array: np.ndarray) -> np.ndarray:
    """Each channel to zero mean and unit variance over the whole volume; a constant channel becomes zero."""
    axes = (-3, -2, -1)
    wide = array.astype(np.float64)
    centred = wide - wide.mean(axis=axes, keepdims=True)
    spread = centred.std(axis=axes, keepdims=True)
    # relative to the values' own size: the rounding error of a constant is not a contrast
    floor = 1e-6 * np.abs(wide).max(axis=axes, keepdims=True)
    return np.where(spread > floor, centred / np.where(spread > floor, spread, 1), 0).astype(np.float32)
