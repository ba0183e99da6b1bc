"""Methods measured on networks, resumable by network; a CSV a row a map, a table a row a method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import stats, trained
from ..entry import scoring, table
from ..store import Store, read


def rows(methods: dict, folder: Path, wanted: list[trained.Name], seeds: Sequence[int], path: Path) -> list[dict]:
    """One dictionary (scoring.ROWS) a map, from the CSV at ``path``; what it holds already is not measured again.

    Raises RuntimeError for a method that failed.
    """
    kept = Store(path, scoring.ROWS)
    for name in wanted:
        missing = {title: one for title, one in methods.items() if not kept.has(method=title, model=str(name))}
        if missing:
            kept.add(scoring.rows(missing, folder, [name], seeds=seeds))
    # as they were written: the same digits whether it was interrupted or not
    names = {str(name) for name in wanted}
    found = [row for row in read(path) if row["method"] in methods and row["model"] in names]
    if failed := [row for row in found if row["status"] == scoring.FAILED]:
        raise RuntimeError(f"{len(failed)} maps failed; the first: {failed[0]['method']}, {failed[0]['note']}")
    return sorted(found, key=lambda row: list(methods).index(row["method"]))


def markdown(found: list[dict], networks: int, cases: int) -> str:
    """The entry's table, with the margin as one column more."""
    lines = table.markdown(scoring.summary(found), networks, networks * cases, []).splitlines()
    groups: dict[str, list] = {}
    for row in found:
        groups.setdefault(row["method"], []).append(row)
    cells = iter([" margin |", "---|", *(f" {margin(group):.2f} |" for group in groups.values())])
    return "\n".join(line + next(cells) if line.startswith("|") else line for line in lines) + "\n"


def shares(found: list[dict], rule: str) -> dict[str, float]:
    """{network: mean share of its positive evidence on the marker} of one method's rows."""
    groups: dict[str, list] = {}
    for row in found:
        if row["rule"] == rule:
            groups.setdefault(row["model"], []).append(row["share_cue"])
    numbers = {model: stats.finite(values) for model, values in groups.items()}
    return {model: float(values.mean()) for model, values in numbers.items() if values.size}


def margin(found: list[dict]) -> float:
    """Of one method's rows: the smallest marker share of a shortcut network over the largest of an honest one.

    NaN without one of both; infinite where no honest one has any.
    """
    honest, shortcut = (list(shares(found, rule).values()) for rule in ("honest", "shortcut"))
    if not (honest and shortcut):
        return math.nan
    return min(shortcut) / max(honest) if max(honest) > 0 else math.inf


def difference(one: list[dict], other: list[dict], seed: int = 0) -> tuple[float, float, float]:
    """AUROC of one method minus that of another, with its 95 % interval: networks are drawn within each rule, the same
    for both methods.  Networks without a number from either are left out; NaN where none is left of a rule."""
    pairs = {}
    for rule in ("honest", "shortcut"):
        a, b = shares(one, rule), shares(other, rule)
        pairs[rule] = np.array([(a[model], b[model]) for model in sorted(a.keys() & b.keys())])
    honest, shortcut = pairs["honest"], pairs["shortcut"]
    if not (len(honest) and len(shortcut)):
        return math.nan, math.nan, math.nan
    rng = np.random.default_rng(seed)
    # [networks of either rule]: what each pair of networks adds to the difference
    won = np.sign(shortcut[:, None] - honest) / 2
    wins = won[..., 0] - won[..., 1]
    drawn = [
        wins[
            np.ix_(rng.integers(len(shortcut), size=len(shortcut)), rng.integers(len(honest), size=len(honest)))
        ].mean()
        for _ in range(stats.RESAMPLES)
    ]
    return (float(wins.mean()), *(float(v) for v in np.quantile(drawn, [0.025, 0.975])))
