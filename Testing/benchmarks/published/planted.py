"""Causes that are planted in a copy of a head: each is where an image with it differs from one without it.

bead: a ball of 3 mm as bright as the brightest voxel.  shift: a ball of 6 mm, darker by a fifth of the image's range.
hemisphere: the right half, which the image as it is has and the other has not (set to the darkest value).
Bead and shift stand at a seeded place outside M.  Whether one is a cause of S is decided by its effect alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .networks import Case, ball

CAUSES = ("bead", "shift", "hemisphere")
BEAD_MM, SHIFT_MM, SHIFT = 3.0, 6.0, -0.2
#: mm between M and the ball's surface, from and to
NEAR, FAR = 2.0, 6.0
#: a region counts as a cause if it moves the class's logit, on average over M, by so much (the odds by 5 %)
LEAST_EFFECT = 0.05


@dataclass(frozen=True, eq=False)
class Planted:
    """having: the case whose image has the cause, explained by the maps; lacking: the one without.  region: bool
    ``[K, J, I]``, where they differ."""

    cause: str
    having: Case
    lacking: Case
    region: np.ndarray


def planted(case: Case, cause: str) -> Planted:
    """One cause in one case; the place is seeded by head and copy, so all networks of one block get the same draws."""
    array, grid = case.image.array[0], case.image.grid
    if cause == "hemisphere":
        return Planted(cause, case, case.with_image(np.where(case.right, case.zero, array)), case.right)
    radius = BEAD_MM if cause == "bead" else SHIFT_MM
    region = ball(grid, _place(case, cause, radius), radius)
    span = case.one - case.zero
    new = np.full_like(array, case.one) if cause == "bead" else np.clip(array + SHIFT * span, case.zero, case.one)
    return Planted(cause, case.with_image(np.where(region, new, array)), case, region)


def _place(case, cause, radius):
    """RAS mm of a seeded voxel in tissue at the right distance from M, the whole ball inside the block."""
    from scipy.ndimage import distance_transform_edt

    grid, array = case.image.grid, case.image.array[0]
    away = distance_transform_edt(case.pixels.weights == 0, sampling=grid.spacing_kji)
    free = (away >= radius + NEAR) & (away <= radius + FAR)
    free &= array > case.zero + 0.1 * (case.one - case.zero)
    if cause == "bead":  # a bead in what is as bright as itself changes nothing
        free &= array < case.zero + 0.7 * (case.one - case.zero)
    for axis, (n, mm) in enumerate(zip(grid.shape, grid.spacing_kji, strict=True)):
        edge = int(np.ceil(radius / mm)) + 1
        line = np.arange(n)
        inside = (line >= edge) & (line < n - edge)
        free &= inside.reshape([-1 if a == axis else 1 for a in range(3)])
    places = np.argwhere(free)
    if not len(places):
        raise LookupError(f"There is no place for a {cause} beside M.")
    rng = np.random.default_rng([len(cause), sum(map(ord, case.head)), case.copy])
    return grid.ras(places[rng.integers(len(places))])
