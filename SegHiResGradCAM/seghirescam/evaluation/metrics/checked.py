"""What every metric asks of its map and masks before it computes, and the status it answers otherwise. numpy."""

from __future__ import annotations

import functools

import numpy as np

from ...protocol.errors import GeometryError, PixelSetError
from ...protocol.grid import Grid
from ...protocol.pixel_set import PixelSet
from ...protocol.value import EMPTY_REFERENCE, NONFINITE, ZERO_MAP, Value
from .shares import slabs


class NoValue(Exception):
    """A question without an answer: a status of :mod:`value`, one sentence, and the chance level where it is known."""

    def __init__(self, status: str, note: str, chance: float | None = None):
        super().__init__(note)
        self.status, self.note, self.chance = status, note, chance

    def value(self, unit: str = "") -> Value:
        return Value.without(self.status, self.note, unit, self.chance)


def valued(unit: str = ""):
    """Decorator: a NoValue raised inside becomes the metric's Value in that unit."""

    def wrap(metric):
        @functools.wraps(metric)
        def answer(*args, **kwargs):
            try:
                return metric(*args, **kwargs)
            except NoValue as nothing:
                return nothing.value(unit)

        return answer

    return wrap


def fits(density: np.ndarray, grid: Grid | None) -> np.ndarray:
    """The map as an array of at least one voxel; GeometryError where its shape is not the grid's."""
    density = np.asarray(density)
    if density.dtype.kind not in "fiub" or not density.size:
        raise GeometryError(f"A map needs numbers in at least one voxel, got {density.dtype} {density.shape}.")
    if grid is not None and density.shape != grid.shape:
        raise GeometryError(
            f"The map has shape {density.shape}, its grid {grid.shape}.", "Bring the map onto the grid first."
        )
    return density


def region(mask: np.ndarray | PixelSet, density: np.ndarray, grid: Grid | None = None) -> np.ndarray:
    """The mask as bool, shape of the map; soft weights count from one half, whole numbers from 1.

    Raises PixelSetError for a mask on another grid or with weights outside 0..1.
    """
    if isinstance(mask, PixelSet):
        if grid is not None and not mask.grid.same_as(grid):
            raise PixelSetError(
                f"The region ({mask.label}) lies on another grid than the map.",
                "Bring it there with PixelSet.on(grid).",
            )
        mask = mask.weights
    mask = np.asarray(mask)
    if mask.shape != np.shape(density):
        raise PixelSetError(
            f"The mask has shape {mask.shape}, the map {np.shape(density)}.", "Bring both onto one grid first."
        )
    if mask.dtype.kind != "f":
        return mask if mask.dtype == bool else mask > 0
    if mask.size and not (mask.min() >= 0 and mask.max() <= 1):  # written so that NaN fails too
        raise PixelSetError("The weights of a mask must lie between 0 and 1.", "Pass a mask, or divide by the maximum.")
    return mask >= 0.5


def tissue(body, density: np.ndarray, grid: Grid | None = None) -> np.ndarray | None:
    """The body as bool, None where the whole volume counts; PixelSetError as for :func:`region` or without a voxel."""
    if body is None:
        return None
    body = region(body, density, grid)
    if not body.any():
        raise PixelSetError("The body mask is empty.", "Leave it out to count the whole volume.")
    return body


def reference(density, mask, body=None, grid: Grid | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Reference and body as bool, after every check of shapes and grids; NoValue for an empty reference."""
    density = fits(density, grid)
    inside, body = region(mask, density, grid), tissue(body, density, grid)
    if not inside.any():
        raise NoValue(EMPTY_REFERENCE, "The reference holds no voxel (of a weight of at least one half).")
    return inside, body


def finite(density: np.ndarray, chance: float | None = None) -> np.ndarray:
    """The map as float64; NoValue for NaN and infinity."""
    density = np.asarray(density, dtype=np.float64)
    if not np.isfinite(density).all():
        raise NoValue(NONFINITE, "The map holds NaN or infinite values.", chance)
    return density


def evidence_of(density: np.ndarray, chance: float | None = None) -> np.ndarray:
    """A+ = max(A, 0) over its maximum, float64: no metric depends on the scale, and no sum of this overflows.

    NoValue as :func:`with_evidence`.
    """
    largest = np.float64(with_evidence(density, chance).max())
    evidence = np.maximum(density, 0, dtype=np.float64)
    evidence /= largest
    return evidence


def with_evidence(density: np.ndarray, chance: float | None = None) -> np.ndarray:
    """The map as it is, and no copy of it. NoValue for NaN, infinity, and for a map without positive evidence."""
    density = np.asarray(density)
    smallest, largest = density.min(), density.max()
    if not (np.isfinite(smallest) and np.isfinite(largest)):  # NaN is the smallest and the largest of all
        raise NoValue(NONFINITE, "The map holds NaN or infinite values.", chance)
    if not largest > 0:
        raise NoValue(ZERO_MAP, "The map holds no positive evidence.", chance)
    return density


def chance_in(inside: np.ndarray, body: np.ndarray | None) -> float:
    """|R in the body| / |body|: the share of evidence that is spread evenly over the body (the volume without one)."""
    if body is None:
        return float(np.mean(inside))
    shared = sum(int(np.count_nonzero(part & within)) for part, within in slabs(inside, body))
    return shared / int(np.count_nonzero(body))
