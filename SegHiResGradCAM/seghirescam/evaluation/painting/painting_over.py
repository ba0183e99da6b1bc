"""Mask out a region with what surrounds it: the least that could have been there instead."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...protocol.components import bounds
from ...protocol.errors import EmptyPixelSetError, PixelSetError
from ...protocol.grid import Grid
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ..metrics.shares import ROUNDING_MM


def paint_over(
    image: Image,
    region: PixelSet,
    margin_mm: float = 0.0,
    progress: Callable[[float, str], None] | None = None,
) -> Image:
    """The image with the region filled smoothly from its surroundings; everything else stays bit for bit.

    The fill is harmonic: each channel solves Laplace's equation inside (distances in mm along the voxel axes), with
    the voxels around the region as boundary values, so a constant or a linear ramp is continued and no new extremum
    arises.  Where the region touches the image's border, nothing flows through it.  Soft weights blend:
    ``(1 - w) * image + w * fill``.  region: on any grid.  margin_mm: see :func:`grown`.  progress may raise to cancel.
    Raises EmptyPixelSetError, and PixelSetError for a region outside the image or one that covers all of it.
    """
    weights = grown(region, image.grid, margin_mm).weights
    if weights.all():
        raise PixelSetError(
            f"The region ({region.label}) covers the whole image: nothing around it is left to paint with.",
            "Choose a smaller region.",
        )
    # only the region's box with one voxel around it takes part
    box = _boxed(weights, (1, 1, 1))
    weights = weights[box]
    hole = weights > 0
    painted = image.array.copy()
    solve = _laplace_solver(hole, image.grid.spacing_kji, Progress(progress))
    for n, channel in enumerate(painted[(slice(None), *box)]):
        old = channel[hole].astype(np.float64)
        new = old + weights[hole] * (solve(channel, n / len(painted)) - old)
        channel[hole] = new if channel.dtype.kind == "f" else np.rint(new)
    return Image(painted, image.grid)


def grown(region: PixelSet, grid: Grid, margin_mm: float) -> PixelSet:
    """What :func:`paint_over` changes: the region on a grid and every voxel within ``margin_mm`` of it.

    Each new voxel takes the weight of the nearest region voxel.  (Bodies with soft edges leave a rim without a margin.)
    """
    own = region_on(region, grid)
    if not 0 <= margin_mm < math.inf:
        raise PixelSetError(f"The margin must be 0 mm or more, got {margin_mm:g}.", "2 mm is usual.")
    if margin_mm == 0:
        return own
    box = _boxed(own.weights, [int(margin_mm / mm) + 1 for mm in grid.spacing_kji])
    weights = own.weights.copy()
    weights[box] = _grown(own.weights[box], grid, margin_mm)
    return PixelSet(weights, grid, own.label)


def region_on(region: PixelSet, grid: Grid) -> PixelSet:
    """The region on a grid; EmptyPixelSetError if it holds no voxel, PixelSetError if none reaches the grid."""
    if region.is_empty:
        raise EmptyPixelSetError(f"The region ({region.label}) is empty.", "Choose a region with at least one voxel.")
    return region.on(grid)


def _boxed(weights, around):
    """The box of what is not zero with so many voxels around it, as far as there are."""
    return tuple(slice(max(0, b.start - n), b.stop + n) for b, n in zip(bounds(weights), around, strict=True))


def _grown(weights, grid, margin_mm):
    from scipy.ndimage import distance_transform_edt

    distance, nearest = distance_transform_edt(weights == 0, sampling=grid.spacing_kji, return_indices=True)
    return np.where(distance <= margin_mm + ROUNDING_MM, weights[tuple(nearest)], 0)


def _laplace_solver(hole, spacing_kji, tell):
    """A function from (channel, fraction told) to the harmonic values in the hole (float64, ``channel[hole]``'s order).

    Seven-point stencil weighted by 1 / spacing^2, solved by conjugate gradients to 1e-6 of the boundary's spread.
    """
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import cg

    number = np.full(hole.shape, -1)
    number[hole] = np.arange(np.count_nonzero(hole))
    rows, columns, couplings, rims = [], [], [], []
    for axis, spacing in enumerate(spacing_kji):
        strength = 1 / spacing**2
        low = [slice(None)] * 3
        high = list(low)
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        for here, there in ((tuple(low), tuple(high)), (tuple(high), tuple(low))):
            inner, outer = number[here], number[there]
            both = (inner >= 0) & (outer >= 0)
            rows.append(inner[both])
            columns.append(outer[both])
            couplings.append(np.full(np.count_nonzero(both), strength))
            rims.append(((inner >= 0) & (outer < 0), inner, there, strength))
    size = int(hole.sum())
    links = coo_matrix((np.concatenate(couplings), (np.concatenate(rows), np.concatenate(columns))), (size, size))
    diagonal = np.asarray(links.sum(axis=1)).ravel()
    for edge, inner, _, strength in rims:
        np.add.at(diagonal, inner[edge], strength)
    matrix = (diags(diagonal) - links).tocsr()
    preconditioner = diags(1 / diagonal)

    def solve(channel, fraction):
        def step(_):
            tell(fraction, "masking out")

        step(None)
        total, count = np.zeros(size), np.zeros(size)
        for edge, inner, there, strength in rims:
            np.add.at(total, inner[edge], strength * channel[there][edge].astype(np.float64))
            np.add.at(count, inner[edge], strength)
        # solve for the difference from the boundary's mean: a constant surrounding is then exact
        mean = total.sum() / count.sum()
        source = total - count * mean
        if not np.abs(source).max() > 1e-12 * max(np.abs(total).max(), 1e-300):
            return np.full(size, mean)
        found, status = cg(matrix, source, rtol=1e-6, maxiter=10_000, M=preconditioner, callback=step)
        if status:
            raise PixelSetError("The region could not be filled from its surroundings.", "Choose a smaller region.")
        return found + mean

    return solve
