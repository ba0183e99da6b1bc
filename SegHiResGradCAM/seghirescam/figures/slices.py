"""What a figure looks at in a volume: axes turned to the patient, the strongest place, grey values, the body's box."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Panel:
    """Where the slice of a plane stands: inches from the upper left corner of all of them (top: of the picture, the
    title's line lies above), and how much of the scene it frames, in mm, which may be more than the slice."""

    plane: tuple
    left: float
    top: float
    wide: float
    tall: float
    frame: tuple[float, float]


class Slices:
    """One slice in each plane at one scale, cut to the box in which a body and the masks lie.

    grid: canonical; every array has its axes.  size: of the box in mm, along K, J, I.
    """

    def __init__(self, grid: Grid, behind: np.ndarray, window: tuple[float, float], masks):
        self.grid = grid
        self.planes = [p for p in PLANES if min(grid.shape[p[2]], grid.shape[p[3]]) > 1 or max(grid.shape) == 1]
        self.box = body_box(behind, window, masks)
        self.size = [(stop - start) * mm for (start, stop), mm in zip(self.box, grid.spacing_kji, strict=True)]

    def laid_out(self, wide: float, tall: float, head: float, gap: float) -> tuple[list[Panel], float, float]:
        """(the panels, their width and height together in inches), within ``wide`` x ``tall`` below one title's line.

        All are as tall as the tallest, and two that fit beside it one above the other stand so: nothing is left empty.
        head: inches of a title's line above each.  gap: inches between panels.
        """
        sizes = [(self.size[p[2]], self.size[p[3]]) for p in self.planes]
        (first, high), others = sizes[0], sizes[1:]
        if len(others) == 2:
            second = max(w for w, _ in others)
            inch = min((wide - gap) / (first + second), tall / high)
            room = (high * inch - head - gap) / 2
            if max(h for _, h in others) * inch <= room:
                frame = (second, room / inch)
                tops = (head, head + room + gap + head)
                panels = [Panel(self.planes[0], 0, head, first * inch, high * inch, (first, high))]
                panels += [
                    Panel(plane, first * inch + gap, top, second * inch, room, frame)
                    for plane, top in zip(self.planes[1:], tops, strict=True)
                ]
                return panels, (first + second) * inch + gap, head + high * inch
        highest = max(h for _, h in sizes)
        inch = min((wide - gap * len(others)) / sum(w for w, _ in sizes), tall / highest)
        panels, left = [], 0.0
        for plane, (across, _) in zip(self.planes, sizes, strict=True):
            panels.append(Panel(plane, left, head, across * inch, highest * inch, (across, highest)))
            left += across * inch + gap
        return panels, left - gap, head + highest * inch

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
        """Of a slice in mm, as matplotlib takes it."""
        return 0, self.size[plane[2]], 0, self.size[plane[3]]

    def finish(self, axis, panel: Panel, at: tuple[int, int, int], theme: Theme, fontsize: float = 9) -> None:
        """Frame, bearings and title of the slice through a voxel; the scale bar in the first."""
        bare(axis)
        axis.patch.set(facecolor="black", edgecolor="black", linewidth=0.5)  # the slice's last pixel never sticks out
        _, wide, _, tall = self.extent(panel.plane)
        beside, below = ((have - need) / 2 for have, need in zip(panel.frame, (wide, tall), strict=True))
        axis.set_xlim(wide + beside, -beside)  # right and anterior on the left
        axis.set_ylim(-below, tall + below)
        axis.set_aspect("auto")  # the panel has the frame's shape already; "equal" would shrink it by a pixel
        draw_bearings(axis, self.grid, panel.plane, bar=panel.plane is self.planes[0])
        axis.set_title(slice_words(self.grid, panel.plane, at), color=theme.ink, fontsize=fontsize, pad=4)
