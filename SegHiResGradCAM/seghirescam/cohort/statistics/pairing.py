"""Observations sorted into comparisons: two models, methods or layers, everything else held, paired case by case."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .observed import Observation, Observed, StatisticsError

MODEL, METHOD, LAYER = "model", "method", "layer"
FACTORS = (MODEL, METHOD, LAYER)
#: what is held besides the other two factors, where it differs
_ALSO = ("class_name", "form", "score_of", "rival")


@dataclass
class Pairs:
    """One comparison. held: what both have in common.  a, b: the levels.  units, images: of each pair, and its values.

    sets: pixel sets that were averaged; without: units in which either has no number beside the other's, by reason.
    sets_left: pixel sets of paired units that were left out, because one of the two has no number there.
    layers: where the layer is not held, those that were used.
    """

    by: str
    held: dict[str, str]
    a: str
    b: str
    measured_in: tuple[str, ...] = ()
    units: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    a_values: list[float] = field(default_factory=list)
    b_values: list[float] = field(default_factory=list)
    sets: int = 0
    without: dict[str, int] = field(default_factory=dict)
    sets_left: int = 0
    layers: tuple[str, ...] = ()


def factor_of(found: Observed, by: str = "") -> str:
    """What is compared: ``by``, else the first factor that has two levels. Raises StatisticsError."""
    levels = {factor: {getattr(one, factor) for one in found.rows} for factor in FACTORS}
    if by and len(levels[by]) < 2:
        raise StatisticsError(f"The run has only one {by}.", "Compare what it has several of, with --by.")
    several = [factor for factor in FACTORS if len(levels[factor]) > 1]
    if not several:
        raise StatisticsError("The run has one model, one method and one layer.", "There is nothing to compare.")
    return by or several[0]


def paired(found: Observed, by: str) -> list[Pairs]:
    """All comparisons of two levels of ``by``, in the order of the plan and the table.

    Held are the other two factors, class, form of the pixel set, score and rival; not the layer where every question
    has one (its default), nor between models the rival's index where there is one.
    """
    held = [factor for factor in FACTORS if factor != by] + list(_ALSO)
    free = [word for word in (*((LAYER,) if by != LAYER else ()), *(("rival",) if by == MODEL else ()))
            if _one_each(found.rows, word)]  # fmt: skip
    held = [word for word in held if word not in free]
    strata: dict[tuple, list[Observation]] = defaultdict(list)
    for one in found.rows:
        strata[tuple(getattr(one, word) for word in held)].append(one)
    order = {model: n for n, model in enumerate(found.models)}
    comparisons = []
    # models in the plan's order; the rest as the table has it
    for values, rows in sorted(strata.items(), key=lambda told: order.get(told[1][0].model, 0) if by != MODEL else 0):
        levels = list(dict.fromkeys(getattr(one, by) for one in rows))
        if by == MODEL:
            levels.sort(key=lambda model: order.get(model, len(order)))
        for a, b in itertools.combinations(levels, 2):
            own = Pairs(by, dict(zip(held, values, strict=True)), a, b)
            _fill(own, [one for one in rows if getattr(one, by) in (a, b)])
            if LAYER in free:
                own.layers = tuple(dict.fromkeys(one.layer for one in rows if getattr(one, by) in (a, b)))
                if len(own.layers) == 1:
                    own.held[LAYER] = own.layers[0]
            comparisons.append(own)
    return comparisons


def _one_each(rows: Iterable[Observation], word: str) -> bool:
    others = [name for name in (*FACTORS, *_ALSO) if name != word]
    seen: dict[tuple, str] = {}
    return all(
        seen.setdefault((one.pixels, *(getattr(one, name) for name in others)), getattr(one, word))
        == getattr(one, word)
        for one in rows
    )


def _fill(own: Pairs, rows: Sequence[Observation]) -> None:
    units: dict[str, dict[tuple, dict[str, list[Observation]]]] = {}
    for one in rows:
        sets = units.setdefault(one.unit, {}).setdefault(one.pixels, {own.a: [], own.b: []})
        sets[getattr(one, own.by)].append(one)
    measured_in = set()
    for unit in sorted(units):
        a_values, b_values, reasons = [], [], []
        for sets in units[unit].values():
            values = [[one.value for one in sets[level] if one.value is not None] for level in (own.a, own.b)]
            if all(values):
                a_values.append(_mean(values[0]))
                b_values.append(_mean(values[1]))
                measured_in |= {one.measured_in for both in sets.values() for one in both if one.value is not None}
            else:
                told = [one.why for both in sets.values() for one in both if one.why]
                reasons.append(told[0] if told else "not_asked")
        if a_values:
            own.units.append(unit)
            own.images.append(min(one.image for sets in units[unit].values() for one in (*sets[own.a], *sets[own.b])))
            own.a_values.append(_mean(a_values))
            own.b_values.append(_mean(b_values))
            own.sets += len(a_values)
            own.sets_left += len(reasons)
        else:
            own.without[reasons[0]] = own.without.get(reasons[0], 0) + 1
    own.measured_in = tuple(sorted(measured_in))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
