"""What may be concluded from a comparison, and what not, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .compared import Compared, held, level
from .observed import GROUP, Observed
from .paired_test import EXACT, FEW_DIFFER, LEAST, NO_DIFFERENCE, NORMAL, OK, OTHER_UNITS, SIGNS, TOO_FEW
from .pairing import METHOD, MODEL
from .plain_words import number_words

_P_BY = {EXACT: "exact", SIGNS: "exact, all changes of signs", NORMAL: "normal approximation"}
#: up to how many pairs the interval held the true median in fewer than 95 % of trials
_FEW = 10
#: statuses of a number, in a reader's words
_WHY = {
    "empty_reference": "the set is empty", "zero_map": "the map is zero", "nonfinite": "not finite",
    "too_small": "too small to measure", "not_measured": "not measured", "no_chance_level": "no chance level",
    "not_asked": "one of the two was not asked, or failed",
}  # fmt: skip


def sentences(one: Compared, found: Observed, names: Mapping[str, str]) -> list[str]:
    """The numbers, what may be concluded, and what was left out."""
    a, b, test, pairs = level(one, "a", names), level(one, "b", names), one.test, one.pairs
    units, number = "groups" if found.unit == GROUP else "cases", number_name(found)
    told = [_numbers(one, a, b, units)]
    if test.status == OK:
        told.append(_concluded(one, a, b, number, units))
    elif test.status == TOO_FEW:
        told.append(f"No test: {test.n} of the {LEAST} {units} that one needs have both numbers.")
    elif test.status == FEW_DIFFER:
        told.append(f"No test: only {test.n - test.equal} of {test.n} {units} differ, and {LEAST} must.")
    elif test.status == NO_DIFFERENCE:
        told.append(f"No test: the two are equal in all {test.n} {units}.")
    elif test.status == OTHER_UNITS:
        told.append(f"No test: the two are measured in different units ({' and '.join(pairs.measured_in)}).")
    told += _left_out(one, units)
    if pairs.by == MODEL and any("logit" in unit for unit in pairs.measured_in):
        told.append("A logit of one network is no logit of another: shares compare, scores and totals do not.")
    if pairs.by == MODEL and pairs.held.get("form") != "segment":
        told.append("Each model was asked about its own prediction, so what was asked about differs, too.")
    if len(pairs.layers) > 1:
        told.append(f"The layer was not held: each question has its own ({', '.join(pairs.layers[:4])}"
                    f"{', ...' if len(pairs.layers) > 4 else ''}).")  # fmt: skip
    return told


def number_name(found: Observed) -> str:
    return number_words(found.of, found.label)


def heading(one: Compared, found: Observed, names: Mapping[str, str]) -> str:
    common = held(one, names)
    sides = f"{level(one, 'a', names)} against {level(one, 'b', names)}"
    name = number_name(found)
    return f"{one.number}. {name[:1].upper()}{name[1:]}: {sides}" + (f" ({common})" if common else "")


def limits(found: Observed, by: str, every: Sequence[Compared]) -> list[str]:
    """What no comparison of the command shows."""
    tests = sum(one.test.p is not None for one in every)
    unit = "group" if found.unit == GROUP else "case"
    told = [
        f"The {unit} is the unit; several pixel sets of one are averaged first. They are taken as independent of each "
        "other" + ("." if found.unit == GROUP else " (several of one patient are not: --unit group)."),
        "Larger is not better: whether evidence should lie there, or a number be large, is not for a test to say.",
        "A small p says that a difference is systematic in cases like these; not that it matters, nor why it is there, "
        "nor that it holds for other scanners, sites or models.",
    ]
    if by == METHOD:
        told.append("That a method shows more evidence in a place does not show that the network used that place.")
    if tests:
        told.insert(1, f"Holm's correction covers the {tests} tests of this command; numbers looked at elsewhere "
                       "count, too, if only one of them is told.")  # fmt: skip
    if any(one.test.low is not None and one.test.n <= _FEW for one in every):
        told.append(f"With {_FEW} and fewer {unit}s a 95 % bootstrap interval of a median is somewhat too narrow.")
    if found.failed:
        told.append(f"{found.failed} questions of the run failed and are in no comparison; table.csv says why.")
    return told


def p_text(p: float) -> str:
    return f"{p:.2g}" if p >= 1e-4 else f"{p:.1e}"


def _numbers(one: Compared, a: str, b: str, units: str) -> str:
    test, unit = one.test, " ".join(one.pairs.measured_in)
    unit = f" {unit}" if unit and len(one.pairs.measured_in) == 1 else ""
    if test.difference is None:
        return f"{test.n} {units} have both numbers."
    said = (
        f"{test.n} {units}: median {test.a_median:.4g}{unit} with {a}, {test.b_median:.4g}{unit} with {b}; the median "
        f"of the differences, {a} minus {b}, is {test.difference:.4g}{unit}"
    )
    if test.low is not None:
        said += f" (95 % bootstrap interval {test.low:.4g} to {test.high:.4g})"
    return said + f". Larger with {a} in {test.a_larger}, with {b} in {test.b_larger}, equal in {test.equal}."


def _concluded(one: Compared, a: str, b: str, number: str, units: str) -> str:
    test = one.test
    assert test.p is not None and one.p_holm is not None and test.low is not None and test.high is not None
    said = (
        f"Wilcoxon signed-rank p = {p_text(test.p)} ({_P_BY[test.p_by]}), p = {p_text(one.p_holm)} after Holm over "
        f"{one.family}; rank-biserial correlation {test.rank_biserial:.2f}. "
    )
    if not one.differs:
        return said + (
            f"No difference was shown. That is no proof that there is none: median differences from {test.low:.4g} to "
            f"{test.high:.4g} agree with these {units}."
        )
    assert test.rank_biserial is not None and test.difference is not None
    if test.rank_biserial * test.difference < 0:
        return said + (
            "The two differ, and neither is the larger one: many small differences go one way, fewer large ones the "
            "other. Look at the figure."
        )
    larger = a if test.rank_biserial > 0 else b
    said += f"May be concluded: over {units} like these, {number} is systematically larger with {larger}."
    if test.low <= 0 <= test.high:
        said += " By how much is open: the interval of the median difference holds 0."
    return said


def _left_out(one: Compared, units: str) -> Sequence[str]:
    pairs, told = one.pairs, []
    if pairs.without:
        reasons = ", ".join(f"{_WHY.get(why, why)}: {count}" for why, count in sorted(pairs.without.items()))
        told.append(f"{sum(pairs.without.values())} more {units} were left out, for one of the two has no number "
                    f"({reasons}). Are they left out for a reason that goes with what is compared?")  # fmt: skip
    if pairs.sets > len(pairs.units) or pairs.sets_left:
        left = f"; {pairs.sets_left} more had a number on one side at most" if pairs.sets_left else ""
        told.append(f"{pairs.sets} pixel sets of {len(pairs.units)} {units} were averaged{left}.")
    return told
