"""nnU-Net's steps from an image to its model grid, carried exactly: reorientation, transposition, crop, resampling.

Arrays and grids are in (K, J, I) order; every step is a product of index matrices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...protocol.grid import Grid

_REVERSE = np.eye(4)[[2, 1, 0, 3]]


@dataclass(frozen=True)
class Turn:
    """A permutation of axes with flips: new axis a runs along old axis ``order[a]``, backwards if ``flips[a]``."""

    order: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)

    def array(self, array: np.ndarray) -> np.ndarray:
        """``[..., K, J, I]`` turned (a view)."""
        lead = array.ndim - 3
        array = array.transpose(*range(lead), *(lead + o for o in self.order))
        return np.flip(array, [lead + a for a in range(3) if self.flips[a]])

    def back(self, array: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`array` (a view)."""
        lead = array.ndim - 3
        array = np.flip(array, [lead + a for a in range(3) if self.flips[a]])
        return array.transpose(*range(lead), *(lead + int(a) for a in np.argsort(self.order)))

    def grid(self, grid: Grid) -> Grid:
        move = np.zeros((4, 4))
        move[3, 3] = 1
        for new, old in enumerate(self.order):
            move[old, new] = -1 if self.flips[new] else 1
            move[old, 3] = grid.shape[old] - 1 if self.flips[new] else 0
        shape = tuple(grid.shape[o] for o in self.order)
        return replace(grid, shape=shape, ijk_to_ras=grid.kji_to_ras @ move @ _REVERSE)


def reader_turn(reader: str, grid: Grid) -> Turn:
    """How the model's own reader turns an image; computed by the library that reader uses."""
    if not reader.endswith("WithReorient"):
        return Turn()
    from nibabel.orientations import axcodes2ornt, io_orientation

    if reader.startswith("SimpleITK"):
        import SimpleITK

        directions = grid.ijk_to_ras[:3, :3] / np.linalg.norm(grid.ijk_to_ras[:3, :3], axis=0)
        lps = (np.diag([-1.0, -1.0, 1.0]) @ directions).ravel()
        code = SimpleITK.DICOMOrientImageFilter_GetOrientationFromDirectionCosines(lps)
        orientation = axcodes2ornt(tuple(code))
    else:
        orientation = io_orientation(grid.ijk_to_ras)
    order, flips = [], []
    for new_axis in (2, 1, 0):  # K, J, I run towards S, A, R
        old = int(np.flatnonzero(orientation[:, 0] == new_axis)[0])
        order.append(2 - old)
        flips.append(bool(orientation[old, 1] < 0))
    return Turn(tuple(order), tuple(flips))


def reader_spacing(reader: str, grid: Grid) -> list[float]:
    """The spacing the reader would hand out, (K, J, I) mm; NIfTI headers hold single precision."""
    if reader == "NaturalImage2DIO":
        return [999.0, 1.0, 1.0]
    if reader.startswith("Nibabel"):
        return [float(np.float32(s)) for s in grid.spacing_kji]
    return [float(f"{s:.12g}") for s in grid.spacing_kji]  # without the rounding noise of an oblique matrix


def resized(grid: Grid, shape) -> Grid:
    """The same box in other cells, half-pixel convention: scale s = old/new, first centre at s/2 - 1/2."""
    scale = np.array(grid.shape, dtype=float) / np.array(shape, dtype=float)
    return grid.strided(scale, 0.5 * scale - 0.5, tuple(int(n) for n in shape))


def model_grid(grid: Grid, transpose_forward, bbox, shape) -> Grid:
    """From the reader's grid to the network's: transposed, cropped to ``bbox`` (half-open), resized to ``shape``."""
    grid = Turn(tuple(transpose_forward)).grid(grid)
    start = tuple(int(low) for low, _ in bbox)
    grid = grid.strided((1, 1, 1), start, tuple(int(high - low) for low, high in bbox))
    return resized(grid, shape)
