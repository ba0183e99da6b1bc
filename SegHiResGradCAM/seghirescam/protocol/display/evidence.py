"""The evidence in a map, sorted: thresholds, shares and the strongest place, each without looking at the voxels again.

numpy only: the worker makes it, Slicer's side asks it with every move of a slider.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: maps up to this many voxels keep every value
EXACT = 2**18
#: larger ones are counted in bins of the float32 pattern: the sign, the exponent and 12 bits of the mantissa remain,
#: so that a level is exact to 1 part in 4096, whatever its size
_SHIFT = 11
_BINS = 1 << (31 - _SHIFT)
_CHUNK = 2**21


@dataclass(frozen=True, eq=False)
class Levels:
    """Evidence of one sign.  levels: float64, falling, all above 0.  held: what lies at or above each of them."""

    levels: np.ndarray
    held: np.ndarray

    @property
    def total(self) -> float:
        return float(self.held[-1]) if self.held.size else 0.0

    def holding(self, share: float) -> float:
        """The level at and above which the smallest region holds ``share`` (0..1]; inf where there is no evidence.

        Ties at the level (and a bin of a large map) belong to the region, so it may hold a little more.
        """
        if not 0 < share <= 1:
            raise ValueError(f"A share lies between 0 and 1, got {share}.")
        if not self.total > 0:
            return math.inf
        place = np.searchsorted(self.held, share * self.total * (1 - 1e-12))
        return float(self.levels[min(int(place), self.levels.size - 1)])

    def at_least(self, level: float) -> float:
        """What lies at or above a level; of a large map's bin all or nothing."""
        count = int(np.searchsorted(-self.levels, -level, side="right"))
        return float(self.held[count - 1]) if count else 0.0

    def below(self, level: float) -> float:
        return self.total - self.at_least(level)

    def joined(self, other: Levels) -> Levels:
        """Both together."""
        levels = np.concatenate([self.levels, other.levels])
        amounts = np.concatenate([np.diff(each.held, prepend=0.0) for each in (self, other)])
        order = np.argsort(-levels, kind="stable")
        return Levels(levels[order], np.cumsum(amounts[order]))


@dataclass(frozen=True, eq=False)
class Evidence:
    """positive, negative: Levels of the values and of the negated values.  largest, smallest: values.

    highest, lowest: (k, j, i) of these values.
    """

    positive: Levels
    negative: Levels
    largest: float
    smallest: float
    highest: tuple[int, ...]
    lowest: tuple[int, ...]

    @cached_property
    def both(self) -> Levels:
        """Levels of the values without their sign."""
        return self.positive.joined(self.negative)

    @property
    def strongest(self) -> tuple[int, ...]:
        """(k, j, i) of the largest value of either sign."""
        return self.highest if self.largest >= -self.smallest else self.lowest

    @staticmethod
    def of(values: np.ndarray) -> Evidence:
        """values: float32, finite, any shape of at least one voxel (that of three axes gives (k, j, i))."""
        high, low = int(values.argmax()), int(values.argmin())
        flat = np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
        positive, negative = _exact(flat) if flat.size <= EXACT else _binned(flat)
        highest, lowest = (tuple(int(n) for n in np.unravel_index(place, values.shape)) for place in (high, low))
        return Evidence(positive, negative, float(values.flat[high]), float(values.flat[low]), highest, lowest)

    def to_json(self, save: Callable[[np.ndarray], str]) -> dict:
        """``save(array) -> name`` keeps the tables."""
        tables = {"positive": self.positive, "negative": self.negative}
        return {
            **{name: {"array": save(np.stack([one.levels, one.held]))} for name, one in tables.items()},
            "largest": self.largest,
            "smallest": self.smallest,
            "highest": list(self.highest),
            "lowest": list(self.lowest),
        }

    @staticmethod
    def from_json(data: dict, load: Callable[[str], np.ndarray]) -> Evidence:
        """``load(name) -> array``."""
        positive, negative = (Levels(*load(data[name]["array"])) for name in ("positive", "negative"))
        places = (tuple(data[name]) for name in ("highest", "lowest"))
        return Evidence(positive, negative, data["largest"], data["smallest"], *places)


def _exact(flat: np.ndarray) -> Iterator[Levels]:
    for sign in (1.0, -1.0):
        levels = np.sort((sign * flat[sign * flat > 0]).astype(np.float64))[::-1]
        yield Levels(levels, np.cumsum(levels))


def _binned(flat: np.ndarray) -> Iterator[Levels]:
    held = np.zeros((2, _BINS))
    for start in range(0, flat.size, _CHUNK):
        chunk = flat[start : start + _CHUNK]
        for sign, part in enumerate((chunk[chunk > 0], -chunk[chunk < 0])):
            if part.size:
                held[sign] += np.bincount(part.view(np.uint32) >> _SHIFT, weights=part, minlength=_BINS)
    for row in held:
        bins = np.flatnonzero(row)[::-1]
        # a bin's lower edge: at and above it lies the whole bin
        levels = (bins.astype(np.uint32) << _SHIFT).view(np.float32).astype(np.float64)
        yield Levels(levels, np.cumsum(row[bins]))
