"""What a figure looks at in a volume: axes turned to the patient, the strongest place, grey values, the body's box."""

from __future__ import annotations

import numpy as np

from ..protocol.grid import Grid, canonical


def turned(array: np.ndarray, grid: Grid) -> np.ndarray:
    """A view of ``array`` with the axes of ``canonical(grid)``: K, J, I run towards S, A, R. Nothing is resampled."""
    mapping = (np.linalg.inv(grid.kji_to_ras) @ canonical(grid).kji_to_ras)[:3, :3]
    order = np.abs(mapping).argmax(axis=0)
    flips = [slice(None, None, -1 if mapping[s, t] < 0 else 1) for t, s in enumerate(order)]
    return array.transpose(order)[tuple(flips)]


def strongest(density: np.ndarray, mask: np.ndarray, signed: bool = False) -> tuple[int, int, int]:
    """Index of the largest value (of either sign); where there is none, of the voxel of M nearest to its middle."""
    values = np.abs(density) if signed else density
    place = np.unravel_index(int(np.argmax(values)), density.shape)
    if not values[place] > 0:
        found = np.argwhere(mask)
        place = found[np.argmin(((found - found.mean(axis=0)) ** 2).sum(axis=1))]
    return tuple(int(n) for n in place)
