"""Which part of an image is masked out: the most important region of a map, or the same shape somewhere else. numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...protocol.components import bounds
from ...protocol.display.thresholds import threshold_holding
from ...protocol.errors import EmptyPixelSetError, PixelSetError
from ...protocol.explanation import Explanation
from ...protocol.grid import Grid
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ..metrics.body import body_of
from ..metrics.shares import dilated

#: a region outside M keeps this distance (mm) from it, as blocks do in the context-only deletion curves
CLEARANCE_MM = 3.0
#: places tried for a control before it is given up
_TRIES = 500


@dataclass(frozen=True, eq=False)
class Hottest:
    """The most important region of a map, to be found once M is known. density: ``[K, J, I]`` on the image's grid.

    outside: only evidence that keeps CLEARANCE_MM from M counts, so that what is masked out (margin included) is
    context: masking out M itself takes away what is looked for.
    """

    density: np.ndarray
    share: float = 0.5
    ml: float | None = None
    outside: bool = False

    def around(self, mask: np.ndarray, grid: Grid, margin_mm: float) -> PixelSet:
        """The region on the image's grid. mask: M there. Raises what :func:`hottest` raises."""
        if not self.outside:
            return hottest(self.density, grid, self.share, self.ml)
        return hottest(self.density, grid, self.share, self.ml, dilated(mask, grid, CLEARANCE_MM + margin_mm))


def hottest(
    found: Explanation | np.ndarray,
    grid: Grid,
    share: float = 0.5,
    ml: float | None = None,
    keep_out: np.ndarray | None = None,
) -> PixelSet:
    """The smallest region with that share of the map's positive evidence, or (ml) the hottest ``ml`` millilitres.

    found: an explanation, or a density ``[K, J, I]`` on ``grid``.  keep_out: bool, evidence there does not count.
    Voxels that tie at the border belong to the region (it may hold a little more); of ``ml`` no more is taken than is
    positive.  The label tells the share of the evidence (that counts) which the region holds.
    Raises EmptyPixelSetError where nothing is positive, PixelSetError for values that are not finite, a share or
    volume out of range, and a region that would be the whole image.
    """
    density = found.resampled_to(grid).array if isinstance(found, Explanation) else np.asarray(found)
    if density.shape != grid.shape:
        raise PixelSetError("The map does not lie on the image's grid.", "Give the map of this image.")
    if not np.isfinite(density).all():
        raise PixelSetError(
            "The map holds values that are not finite: it has no most important region.", "Make another map."
        )
    if not (0 < share <= 1 if ml is None else ml > 0):
        raise PixelSetError(
            "The share of the evidence lies between 0 and 1, a volume above 0 ml.", "Half of it (0.5) is usual."
        )
    if ml is not None and grid.is_photo:
        raise PixelSetError("A photo has no millilitres.", "Choose a share of the evidence instead.")
    where, there = "", ""
    if keep_out is not None:
        density, where, there = np.where(keep_out, 0, density), " outside the pixel set", " there"
    evidence = density[density > 0]
    if not evidence.size:
        raise EmptyPixelSetError(
            f"The map holds no positive evidence{where}: it has no most important region{there}.",
            "Choose another layer or another region.",
        )
    if ml is None:
        level = threshold_holding(density, share)
    else:
        count = min(evidence.size, max(1, round(ml / grid.voxel_volume)))
        level = np.partition(evidence, evidence.size - count)[evidence.size - count]
    mask = density >= level
    if mask.all():
        raise PixelSetError(
            "The most important region of the map would be the whole image.",
            "Choose a smaller share, or another layer.",
        )
    held = float(density[mask].sum(dtype=np.float64) / evidence.sum(dtype=np.float64))
    return PixelSet(
        mask,
        grid,
        f"most important region of the map{where}, {100 * held:.3g} % of its evidence{' there' * bool(where)}",
    )


def moved(region: PixelSet, keep_out: np.ndarray, image: Image, seed: int = 0) -> PixelSet | None:
    """The region's shape at a random place of the image: a control for what painting anything over does.

    region: on the image's grid.  keep_out: ``[K, J, I]``; where it is not zero the copy may not lie, nor on the region
    itself.  At least as large a part of the copy as of the region is body (:func:`body.body_of`; anything
    where that tells nothing).  None where no such place is found.
    """
    box = bounds(region.weights)
    shape = region.weights[box]
    inside, size = shape > 0, np.array(shape.shape)
    body = body_of(image)
    body = np.ones(region.grid.shape, dtype=bool) if body is None else body
    least = np.count_nonzero(body[box] & inside)
    taken = (keep_out > 0) | (region.weights > 0)
    draw = np.random.default_rng(seed)
    for _ in range(_TRIES):
        start = draw.integers(0, np.array(region.grid.shape) - size + 1)
        place = tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))
        if not taken[place][inside].any() and np.count_nonzero(body[place] & inside) >= least:
            weights = np.zeros(region.grid.shape, np.float32)
            weights[place] = shape
            return PixelSet(weights, region.grid, "the same shape at a random place")
    return None
