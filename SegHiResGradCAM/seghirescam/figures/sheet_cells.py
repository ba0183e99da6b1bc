"""What the cells of a contact sheet show: one slice for all of them, each map on the common scale of :mod:`compare`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..comparison.compare import Cell, Comparison, shown
from ..protocol.display.thresholds import signed_threshold_holding, threshold_holding
from ..protocol.errors import ImageError
from ..protocol.grid import Grid, canonical
from .slices import turned
from .style import PLANES

AUTO = "auto"


@dataclass(frozen=True, eq=False)
class Panel:
    """values: the slice ``[up, right]`` of the cell's map on the common scale.  level: the smallest region that holds
    the look's share of the whole volume's evidence is ``values >= level`` (inf: nothing to show), with both signs
    ``abs(values) >= level``.  facts: as in the table.  against: of a map with both signs, the part of its size that is
    negative (0..1), else None."""

    cell: Cell
    values: np.ndarray
    level: float
    facts: dict
    against: float | None = None


@dataclass(frozen=True, eq=False)
class Sheet:
    """panels: by cell.  plane: of :data:`style.PLANES`.  at: (k, j, i) on the canonical grid.  highest: the largest
    value of any cell in the slice (of either sign, if signed), 0 if there is none.  chosen: whether the place was
    chosen here.  signed: whether the values have both signs."""

    panels: dict[int, Panel]
    plane: tuple
    at: tuple[int, int, int]
    highest: float
    chosen: bool
    signed: bool = False

    def of(self, cell: Cell) -> Panel | None:
        return self.panels.get(id(cell))


def lay_out(
    comparison: Comparison, share: float, plane: str = AUTO, at_ras=None, each=None, signed: bool = False
) -> Sheet:
    """The slice and every cell's part of it; with both signs, or what speaks for the class.

    plane: "axial", "coronal", "sagittal", or "auto" (axial, or the only one of a single slice).  at_ras: a place in the
    slice; None: of the slices that meet the pixel set the one with the most evidence, averaged over the cells.
    each(cell, density, facts): called once for every map, its density on the image's grid at hand.
    Raises ImageError for a place outside the image.
    """
    grid = canonical(comparison.grid)
    chosen = plane_of(plane, grid)
    across = chosen[1]
    mask = turned(comparison.mask, comparison.grid)
    others = tuple(a for a in range(3) if a != across)
    holding = signed_threshold_holding if signed else threshold_holding
    profile, levels, facts, against = np.zeros(grid.shape[across]), {}, {}, {}
    found = [cell for cell in comparison if cell.explanation]
    for cell in found:
        density = cell.explanation.resampled_to(comparison.grid).array
        facts[id(cell)] = comparison.facts(cell, density)
        if each is not None:
            each(cell, density, facts[id(cell)])
        values = shown(density, comparison.grid, signed)
        levels[id(cell)] = holding(values, share)
        if signed:
            opposing = np.abs(values[values < 0]).sum(dtype=np.float64) * comparison.grid.voxel_volume
            against[id(cell)] = float(opposing)
        profile += turned(np.abs(values), comparison.grid).sum(axis=others, dtype=np.float64)
    if at_ras is None:
        meets = mask.any(axis=others)
        # where nothing speaks for the class: the middle of the pixel set
        weight = np.where(meets, profile, -1) if (profile[meets] > 0).any() else mask.sum(axis=others)
        at = [n // 2 for n in grid.shape]
        at[across] = int(np.argmax(weight))
    else:
        at = np.round(grid.kji(at_ras)).astype(int)
        if (at < 0).any() or (at >= grid.shape).any():
            raise ImageError("The place of the slice lies outside the image.", "Choose one inside, in mm, RAS.")
    panels = {}
    for cell in found:  # a second time: keeping every volume would take gigabytes
        values = shown(cell.explanation.resampled_to(comparison.grid).array, comparison.grid, signed)
        cut = flat(turned(values, comparison.grid), chosen, at).copy()
        panels[id(cell)] = Panel(cell, cut, levels[id(cell)], facts[id(cell)], against.get(id(cell)))
    highest = max((float(np.abs(p.values).max()) for p in panels.values() if math.isfinite(p.level)), default=0.0)
    return Sheet(panels, chosen, tuple(int(n) for n in at), highest, at_ras is None, signed)


def flat(array: np.ndarray, plane, at) -> np.ndarray:
    """The slice ``[up, right]`` of a canonical array (..., K, J, I)."""
    _, across, right, up, _ = plane
    cut = [slice(None)] * 3
    cut[across] = at[across]
    found = array[(..., *cut)]
    return found if up < right else np.swapaxes(found, -1, -2)


def plane_of(wanted: str, grid: Grid) -> tuple:
    """Of :data:`style.PLANES`: the named one, or for AUTO the axial one or the only one of a single slice."""
    if wanted != AUTO:
        return next(p for p in PLANES if p[0].lower() == wanted)
    thin = int(np.argmin(grid.shape))
    across = thin if grid.shape[thin] == 1 else 0
    return next(p for p in PLANES if p[1] == across)
