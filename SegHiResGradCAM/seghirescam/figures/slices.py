"""What a figure looks at in a volume: axes turned to the patient, the strongest place, grey values, the body's box."""

from __future__ import annotations

import numpy as np

from ..evaluation.metrics.body import body_box
from ..protocol.grid import Grid, canonical
from .style import PLANES, Theme, bare, draw_bearings, slice_words


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


class Slices:
    """One slice in each plane, side by side at one scale, cut to the box in which a body and the masks lie.

    grid: canonical; every array has its axes.  size: of the box in mm, along K, J, I.
    """

    def __init__(self, grid: Grid, behind: np.ndarray, window: tuple[float, float], masks):
        self.grid = grid
        self.planes = [p for p in PLANES if min(grid.shape[p[2]], grid.shape[p[3]]) > 1 or max(grid.shape) == 1]
        self.box = body_box(behind, window, masks)
        self.size = [(stop - start) * mm for (start, stop), mm in zip(self.box, grid.spacing_kji, strict=True)]
        self.tall = max(self.size[p[3]] for p in self.planes)

    def inch(self, wide: float, tall: float) -> float:
        """Inches for a mm, so that all fit into ``wide`` (without what lies between them) x ``tall`` inches."""
        return min(wide / sum(self.size[p[2]] for p in self.planes), tall / self.tall)

    def cut(self, array: np.ndarray, plane, at: int | None) -> np.ndarray:
        """``[up, right]`` through the index ``at``; None: of a mask, what lies in any slice."""
        _, across, right, up, _ = plane
        part = [slice(*pair) for pair in self.box]
        if at is not None:
            part[across] = at
        found = array[tuple(part)] if at is not None else array[tuple(part)].any(axis=across)
        # the first index must run upwards, the second to the right
        return found if up < right else np.swapaxes(found, 0, 1)

    def extent(self, plane) -> tuple[float, float, float, float]:
        return 0, self.size[plane[2]], 0, self.size[plane[3]]

    def finish(self, axis, plane, at: tuple[int, int, int], theme: Theme) -> None:
        """Frame, bearings and title of the slice through a voxel; the scale bar in the first."""
        bare(axis)
        _, wide, _, tall = self.extent(plane)
        draw_bearings(axis, self.grid, plane, wide, tall, bar=plane is self.planes[0])
        axis.set_xlim(wide, 0)  # right and anterior on the left
        axis.set_ylim(0, tall)
        axis.set_title(slice_words(self.grid, plane, at), color=theme.ink, fontsize=9, pad=4)
