"""Deletion and insertion curves over units of anything that can be removed. numpy.

After evaluation.md 2.2.  A :class:`Probe` says what a unit is and what the network says once some are removed:
:mod:`image_deletion` (blocks of the image), :mod:`activation_deletion` (cells of a layer).
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...protocol.errors import MethodError
from ...protocol.explanation import USUAL_UNIT
from ...protocol.progress import Progress
from ...protocol.value import EMPTY_REFERENCE, NONFINITE, NOT_MEASURED, OK, TOO_SMALL, ZERO_MAP, Value
from .blocks import falling, shuffled

#: shares of the removable volume, evaluation.md 2.2
FRACTIONS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1)
#: a score that everything removed lowers by less than this share of itself is not explained by what was removed
LEAST_CHANGE = 1e-3
MOST, LEAST, RANDOM = "most", "least", "random"


def unit_key(unit: str) -> str:
    """How tables and JSON call a column in the score's unit: "logit", "log_score"."""
    return unit.replace(" ", "_")


@dataclass(frozen=True)
class Point:
    """mean score over M, in its unit; dice: of the prediction with the original one, None where not asked or empty."""

    score: float
    dice: float | None = None


class Probe(ABC):
    """sizes: volume of every unit, float ``[n]``.  predictions: made so far (a state asked for again costs none).

    empty_dice: the class was not predicted to begin with, so that there is no self-Dice.  unit: of the score.
    """

    empty_dice = False
    unit = USUAL_UNIT

    def __init__(self, sizes: np.ndarray):
        self.sizes = np.asarray(sizes, dtype=np.float64)
        self.predictions = 0
        self._seen: dict[bytes, Point] = {}

    @abstractmethod
    def values(self, evidence) -> np.ndarray:
        """Positive evidence of every unit, by which they are ordered."""

    @abstractmethod
    def _look(self, removed: np.ndarray, progress: Callable[[float, str], None]) -> Point:
        """What the network says with these units removed (bool ``[n]``)."""

    def see(self, removed: np.ndarray, progress: Callable[[float, str], None] | None = None) -> Point:
        key = hashlib.sha256(np.packbits(removed)).digest()
        if key not in self._seen:
            self._seen[key] = self._look(removed, Progress(progress))
            self.predictions += 1
        return self._seen[key]

    def refusal(self, evidence) -> tuple[str, str]:
        """(status, sentence) where no order can come from this evidence, else (OK, "")."""
        values = self.values(evidence)
        if not np.isfinite(values).all():
            return NONFINITE, "The map holds NaN or infinite values."
        if not (values > 0).any():
            return ZERO_MAP, "The map has no positive evidence where something may be removed."
        if len(values) < 2:
            return TOO_SMALL, "There is only one unit to remove, so no order to compare."
        return OK, ""


@dataclass(frozen=True, eq=False)
class Curve:
    """fractions: of the removable volume removed (insertion: present), as whole units reach it.  logits: mean score
    over M at each.  dice: y2, None if not asked.  full, empty: the mean score with nothing and with all removed.
    status: whether the curve could be measured at all; then note says why not.  unit: of the score.
    """

    insertion: bool
    order: str
    fractions: tuple[float, ...] = ()
    logits: tuple[float, ...] = ()
    dice: tuple[float, ...] | None = None
    full: float = math.nan
    empty: float = math.nan
    status: str = OK
    note: str = ""
    dice_status: str = NOT_MEASURED
    unit: str = USUAL_UNIT

    @property
    def score_status(self) -> tuple[str, str]:
        """(status, sentence) of y1: TOO_SMALL where all removed lowers the score by next to nothing, or raises it.

        Divided by a negative difference, y1 would praise a map for what speaks against the class; the areas in its
        own unit keep their meaning.
        """
        if self.status != OK:
            return self.status, self.note
        if self.full - self.empty > LEAST_CHANGE * max(abs(self.full), abs(self.empty)):
            return OK, ""
        verb = "raises" if self.empty > self.full else "hardly changes"
        return TOO_SMALL, (
            f"Removing everything removable {verb} the mean score: {self.full:.4g} before, {self.empty:.4g} after."
        )

    @property
    def score(self) -> tuple[float, ...] | None:
        """y1 = (S(q) - S(100 %)) / (S(0) - S(100 %)), or None."""
        if self.score_status[0] != OK:
            return None
        return tuple((s - self.empty) / (self.full - self.empty) for s in self.logits)

    @property
    def auc(self) -> Value:
        """Area under y1 over the volume fraction. Deletion: low is good, insertion: high is good."""
        return self._area(self.score, "", *self.score_status)

    @property
    def logit_auc(self) -> Value:
        """Area under the mean score, in its unit: needs no denominator."""
        return self._area(self.logits, self.unit, self.status, self.note)

    @property
    def dice_auc(self) -> Value:
        """Area under y2."""
        if self.status != OK:
            return Value.without(self.status, self.note)
        words = {NOT_MEASURED: "Dice was not asked for.", EMPTY_REFERENCE: "The class was not predicted there."}
        return self._area(self.dice, "", self.dice_status, words.get(self.dice_status, ""))

    def _area(self, heights, unit, status, note):
        if status != OK:
            return Value.without(status, note, unit)
        return Value.of(_area(self.fractions, heights), unit, note=note)

    def to_json(self) -> dict:
        status, note = self.score_status
        return {
            "name": f"{'insertion' if self.insertion else 'deletion'}, {self.order}",
            "fractions": list(self.fractions),
            "score": None if self.score is None else list(self.score),
            unit_key(self.unit): list(self.logits),
            **({} if self.unit == USUAL_UNIT else {"unit": self.unit}),
            "dice": None if self.dice is None else list(self.dice),
            "status": status,
            "note": note,
        }


def deletion_curve(
    probe: Probe,
    evidence,
    *,
    first: str = MOST,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Curve:
    """Remove the units with the most (or, ``first="least"``, the least) evidence first; ties by the seed."""
    if first not in (MOST, LEAST):
        raise MethodError(f"Unknown order {first!r}.", "Use 'most' or 'least'.")
    status, note = probe.refusal(evidence)
    if status != OK:
        return Curve(False, first, status=status, note=note, unit=probe.unit)
    order = falling(probe.values(evidence), seed)
    return _measured(probe, order if first == MOST else order[::-1], first, fractions, False, Progress(progress))


def insertion_curve(
    probe: Probe,
    evidence,
    *,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Curve:
    """Start with everything removed and bring back the units with the most evidence first."""
    status, note = probe.refusal(evidence)
    if status != OK:
        return Curve(True, MOST, status=status, note=note, unit=probe.unit)
    return _measured(probe, falling(probe.values(evidence), seed), MOST, fractions, True, Progress(progress))


def random_curve(
    probe: Probe,
    seed: int,
    *,
    insertion: bool = False,
    fractions: Sequence[float] = FRACTIONS,
    progress: Callable[[float, str], None] | None = None,
) -> Curve:
    """The same in a random order: what a map that knows nothing gets."""
    order = shuffled(len(probe.sizes), seed)
    return _measured(probe, order, RANDOM, fractions, insertion, Progress(progress))


def first_units(sizes: np.ndarray, order: np.ndarray, fraction: float) -> tuple[np.ndarray, float]:
    """(bool ``[n]``: the first units of an order that come nearest to a share of the volume, the share they are): those
    that a curve removes at that share."""
    held = np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.float64)[order])])
    count = int(np.abs(held - fraction * held[-1]).argmin())
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[:count]] = True
    return chosen, float(held[count] / held[-1])


def _measured(probe, order, name, fractions, insertion, tell):
    wanted = checked(fractions)
    held = np.concatenate([[0], np.cumsum(probe.sizes[order])])
    counts = list(dict.fromkeys(int(np.abs(held - q * held[-1]).argmin()) for q in wanted))
    # the two ends first: they are what the others are measured against
    steps = [0, len(order), *(n for n in counts if 0 < n < len(order))]
    points = {}
    for done, n in enumerate(steps):
        removed = np.full(len(order), insertion)
        removed[order[:n]] = not insertion
        what = f"{100 * (held[-1] - held[n] if insertion else held[n]) / held[-1]:.3g} % removed"

        def within(fraction, words, done=done, what=what):
            tell((done + fraction) / len(steps), f"{what}: {words}")

        within(0.0, "predicting")
        points[n] = probe.see(removed, within)
    tell(1.0, "curve done")
    kept = [0, *sorted(n for n in counts if 0 < n < len(order)), len(order)]
    logits = tuple(points[n].score for n in kept)
    dice = tuple(points[n].dice for n in kept)
    missing = None in dice
    full, empty = (logits[-1], logits[0]) if insertion else (logits[0], logits[-1])
    finite = all(map(math.isfinite, logits))
    return Curve(
        insertion,
        name,
        tuple(float(held[n] / held[-1]) for n in kept),
        logits if finite else (),
        None if missing or not finite else dice,
        full,
        empty,
        OK if finite else NONFINITE,
        "" if finite else f"The network answered with NaN or infinite {probe.unit}s.",
        (EMPTY_REFERENCE if probe.empty_dice else NOT_MEASURED) if missing else OK,
        probe.unit,
    )


def checked(fractions: Sequence[float]) -> list[float]:
    """Increasing, with both ends. Raises MethodError for what is no share."""
    found = sorted({0.0, 1.0, *(float(q) for q in fractions)})
    if not (found[0] == 0 and found[-1] == 1):
        raise MethodError("Fractions of the volume lie between 0 and 1.", f"For example {FRACTIONS}.")
    return found


def _area(x, y):
    x, y = np.asarray(x), np.asarray(y)
    return float(((x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2).sum())
