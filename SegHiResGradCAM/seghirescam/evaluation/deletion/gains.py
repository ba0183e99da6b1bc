"""A curve against random orders: the only number of a deletion test that means something by itself. numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...protocol.errors import MethodError
from ...protocol.progress import Progress
from ...protocol.value import OK, Value
from .deletion_curves import FRACTIONS, Curve, Probe, checked, deletion_curve, insertion_curve, random_curve, unit_key


@dataclass(frozen=True, eq=False)
class Gain:
    """A curve against n random orders; every gain is positive where the map does better than they do.

    score: in areas under y1; logit: in areas under the mean score, in its unit; dice: in areas under y2.  chance is 0.
    score_sd, logit_sd, dice_sd: of the random areas (n - 1), None where there is none.
    """

    curve: Curve
    random: tuple[Curve, ...]
    score: Value
    logit: Value
    dice: Value
    score_sd: float | None
    logit_sd: float | None
    dice_sd: float | None

    @property
    def n(self) -> int:
        return len(self.random)

    @property
    def each(self) -> tuple[tuple[str, Value, float | None], ...]:
        """(what tables call it, gain, sd): in areas under y1, the mean score (by its unit) and y2."""
        own = unit_key(self.curve.unit)
        return (
            ("score", self.score, self.score_sd), (own, self.logit, self.logit_sd), ("dice", self.dice, self.dice_sd)
        )  # fmt: skip

    def to_json(self) -> dict:
        gains = {key: value.to_json() for key, value, _ in self.each}
        sds = {f"{key}_sd": sd for key, _, sd in self.each}
        return {
            "curve": self.curve.to_json(),
            "random": [c.to_json() for c in self.random],
            "n": self.n,
            **gains,
            **sds,
        }


def gain_over_random(
    probe: Probe,
    evidence,
    *,
    insertion: bool = False,
    orders: int = 5,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Gain:
    """Deletion: mean area of the random orders minus the map's; insertion: the other way round.

    orders: how many random orders (5 or more, evaluation.md 4); their seeds are seed + 1, seed + 2, ...  Nothing is
    predicted for a map that gives no order.
    """
    if orders < 1:
        raise MethodError(f"A gain needs at least one random order, got {orders}.", "Use 5.")
    parts = [Progress(progress).part(n / (orders + 1), (n + 1) / (orders + 1)) for n in range(orders + 1)]
    kind = insertion_curve if insertion else deletion_curve
    curve = kind(probe, evidence, fractions=fractions, seed=seed, progress=parts[0])
    random = ()
    if curve.status == OK:
        random = tuple(
            random_curve(probe, seed + n, insertion=insertion, fractions=fractions, progress=parts[n])
            for n in range(1, orders + 1)
        )
    gains = [_gain(getattr(curve, area), [getattr(c, area) for c in random], insertion) for area in _AREAS]
    return Gain(curve, random, *(value for value, _ in gains), *(sd for _, sd in gains))


_AREAS = ("auc", "logit_auc", "dice_auc")


def area_between(upper: Curve, lower: Curve) -> Value:
    """LeRF - MoRF of two deletion curves, or ADF = insertion - deletion, in areas under y1. High is good."""
    for curve in (upper, lower):
        if not curve.auc.ok:
            return curve.auc
    return Value.of(upper.auc.value - lower.auc.value, chance=None if upper.insertion else 0.0, note=lower.auc.note)


def cost(curves: int = 1, fractions: Sequence[float] = FRACTIONS) -> int:
    """Predictions that so many curves on one probe need at most (nothing and everything removed are shared).

    A gain over n random orders is n + 1 curves; with insertion and least-first: 2 (n + 1) + 1.
    """
    return 2 + curves * len([q for q in checked(fractions) if 0 < q < 1])


def _gain(own, random, insertion):
    """(gain, sd of the random areas)"""
    if not own.ok:
        return Value.without(own.status, own.note, own.unit), None
    for other in random:
        if not other.ok:
            return Value.without(other.status, other.note, own.unit), None
    areas = np.array([v.value for v in random])
    gain = (own.value - areas.mean()) * (1 if insertion else -1)
    sd = float(areas.std(ddof=1)) if len(areas) > 1 else None
    spread = "" if sd is None else f", sd {sd:.3g}"
    note = (
        f"Area {own.value:.3g} against {areas.mean():.3g}{spread} of {len(areas)} random order(s). {own.note}".strip()
    )
    return Value.of(gain, own.unit, chance=0.0, note=note.strip()), sd
