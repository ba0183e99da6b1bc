"""The units of deletion: blocks of some millimetres, ranked by the evidence they hold. numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...protocol.display.thresholds import positive
from ...protocol.errors import GeometryError, PixelSetError
from ...protocol.grid import Grid

#: mm, evaluation.md 2.2
EDGE_MM = 8.0


def voxels_per_edge(grid: Grid, edge_mm: float = EDGE_MM) -> tuple[int, int, int]:
    """ceil(edge / spacing) voxels along K, J, I, never more than the grid has. Raises GeometryError."""
    if not (math.isfinite(edge_mm) and edge_mm > 0):
        raise GeometryError(f"A block's edge must be a positive number of mm, got {edge_mm}.", "8 mm is usual.")
    # spacings come out of a square root: 8 / 1.9999999 is not five voxels
    sizes = (math.ceil(edge_mm / s - 1e-6) for s in grid.spacing_kji)
    return tuple(min(n, max(1, size)) for n, size in zip(grid.shape, sizes, strict=True))


def lattice(grid: Grid, edge: tuple[int, int, int]) -> tuple[np.ndarray, tuple[int, int, int]]:
    """(number of the block of every voxel ``[K, J, I]``, blocks along K, J, I); the blocks at the far ends are cut."""
    counts = tuple(-(-n // e) for n, e in zip(grid.shape, edge, strict=True))
    axes = [np.arange(n) // e for n, e in zip(grid.shape, edge, strict=True)]
    k, j, i = np.ix_(*axes)
    return (k * counts[1] + j) * counts[2] + i, counts


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks that may be removed, numbered 0..count-1 in array order.

    index: int ``[K, J, I]``, -1 where nothing may be removed.  voxels: int ``[count]``, of each block (those at the
    far ends are cut).  edge_voxels: along K, J, I; asked_mm: the edge that was asked for.
    """

    grid: Grid
    index: np.ndarray
    voxels: np.ndarray
    edge_voxels: tuple[int, int, int]
    asked_mm: float

    @staticmethod
    def of(
        grid: Grid,
        edge_mm: float = EDGE_MM,
        keep_out: np.ndarray | None = None,
        within: np.ndarray | None = None,
    ) -> Blocks:
        """keep_out: bool ``[K, J, I]``; a block with one voxel in it is never removed.  within: bool, the body; a block
        without any voxel in it is left out too (air removed is nothing removed, and flatters every map).

        Raises PixelSetError where a mask does not fit the grid or no block is left.
        """
        edge = voxels_per_edge(grid, edge_mm)
        index, counts = lattice(grid, edge)
        free = np.ones(math.prod(counts), dtype=bool)
        if keep_out is not None:
            free[np.unique(index[on_grid(keep_out, grid)])] = False
        if within is not None:
            inside = np.zeros_like(free)
            inside[np.unique(index[on_grid(within, grid)])] = True
            free &= inside
        if not free.any():
            raise PixelSetError(
                "No block is left that could be removed: all of them meet what is kept.",
                "Choose a smaller pixel set, a smaller margin or smaller blocks.",
            )
        number = np.full(free.size, -1)
        number[free] = np.arange(np.count_nonzero(free))
        voxels = np.bincount(index.reshape(-1), minlength=free.size)[free]
        return Blocks(grid, number[index], voxels, edge, float(edge_mm))

    @property
    def count(self) -> int:
        return len(self.voxels)

    @property
    def edge_mm(self) -> tuple[float, float, float]:
        """What the edge became along K, J, I: whole voxels."""
        return tuple(n * s for n, s in zip(self.edge_voxels, self.grid.spacing_kji, strict=True))

    @property
    def title(self) -> str:
        """One line: how many, how large, how much of the image."""
        size, unit = " x ".join(f"{mm:.3g}" for mm in self.edge_mm), self.grid.length_unit
        share = 100 * float(self.voxels.sum()) / self.index.size
        return f"{self.count} blocks of {size} {unit} ({self.asked_mm:g} {unit} asked for), {share:.3g} % of the image"

    def mean(self, density: np.ndarray) -> np.ndarray:
        """Mean positive evidence of every block, float64 ``[count]``. density: signed, ``[K, J, I]`` on the grid.

        Raises PixelSetError for a density on another grid.
        """
        density = np.asarray(density)
        if density.shape != self.grid.shape:
            raise PixelSetError(
                f"The map has shape {density.shape}, the image {self.grid.shape}.",
                "Resample it first (Explanation.resampled_to).",
            )
        free = self.index >= 0
        evidence = positive(density[free].astype(np.float64))
        return np.bincount(self.index[free], weights=evidence, minlength=self.count) / self.voxels

    def order(self, density: np.ndarray, seed: int = 0) -> np.ndarray:
        """Block numbers by falling mean evidence; ties in an order that the seed decides."""
        return falling(self.mean(density), seed)

    def mask(self, chosen: np.ndarray) -> np.ndarray:
        """Bool ``[K, J, I]`` of the chosen blocks. chosen: bool ``[count]``."""
        # the last entry is what -1 finds
        return np.append(np.asarray(chosen, dtype=bool), False)[self.index]


def falling(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Places of the values from the largest to the smallest, ties shuffled by the seed."""
    return np.lexsort((np.random.default_rng(seed).permutation(len(values)), -np.asarray(values, dtype=np.float64)))


def shuffled(count: int, seed: int) -> np.ndarray:
    """A random order of ``count`` units."""
    return np.random.default_rng(seed).permutation(count)


def on_grid(mask: np.ndarray, grid: Grid) -> np.ndarray:
    """Bool ``[K, J, I]``; raises PixelSetError for another shape."""
    mask = np.asarray(mask) > 0
    if mask.shape != grid.shape:
        raise PixelSetError(
            f"The mask has shape {mask.shape}, the image {grid.shape}.", "Bring it to the image's grid."
        )
    return mask
