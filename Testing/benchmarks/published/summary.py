"""From the rows to what the tables say, with intervals. numpy.

The unit is a copy of a head that has the cause.  Medians have a percentile bootstrap in two steps, over the heads (of
all networks together: over network and head) and then over the copies of each; counts have Wilson's interval.
"""

from __future__ import annotations

import numpy as np
from benchmarks.known.stats import wilson

from .planted import CAUSES, LEAST_EFFECT

RESAMPLES = 2000
#: values below which no interval is given
FEWEST = 3
ALL = "all"


def causes_found(causes: list[dict]) -> list[dict]:
    """A row a network and cause: copies it was planted in, in how many it moved S, the effects (logit)."""
    found = []
    for network in _in_order(causes, "network"):
        for cause in CAUSES:
            picked = [row for row in causes if (row["network"], row["cause"]) == (network, cause)]
            effects = {(row["head"], row["copy"]): row["effect"] for row in picked}
            if effects:
                values = np.array(list(effects.values()))
                moved = np.abs(values) >= LEAST_EFFECT
                sizes = {"low": values.min(), "median": np.median(values), "high": values.max()}
                found.append({
                    "network": network, "cause": cause, "copies": len(values), "causes": int(moved.sum()),
                    "raised": int((values[moved] > 0).sum()), **{f"effect_{k}": float(v) for k, v in sizes.items()},
                })  # fmt: skip
    return found


def shown(causes: list[dict]) -> list[dict]:
    """A row a network (and ALL of them together), cause, layer and method: lift and sign, with intervals.

    lift: share of the evidence of the effect's sign in the planted region, over chance.  before: the same of the image
    without the cause.  right: copies in which the region's signed evidence has the effect's sign.  changes: copies
    with a map of both images (bead, shift); change_right: in how many the region's signed evidence rises or falls with
    the effect.
    """
    groups: dict[tuple, list[dict]] = {}
    for row in causes:
        if row["share"] is not None:
            for network in (row["network"], ALL):
                groups.setdefault((network, row["cause"], row["layer"], row["method"]), []).append(row)
    return [dict(zip(("network", "cause", "layer", "method"), key, strict=True)) | _line(rows)
            for key, rows in groups.items()]  # fmt: skip


def _line(rows):
    lifts = [row["share"] / row["chance"] for row in rows]
    groups = [(row["network"], row["head"]) for row in rows]
    before = [row["share_before"] / row["chance"] for row in rows if row["share_before"] is not None]
    right = sum(row["signed"] * row["effect"] > 0 for row in rows)
    changes = [row for row in rows if row["signed_before"] is not None]
    followed = sum((row["signed"] - row["signed_before"]) * row["effect"] > 0 for row in changes)
    low, high = interval(lifts, groups)
    sign_low, sign_high = wilson(right, len(rows))
    return {
        "n": len(rows), "lift": float(np.median(lifts)), "lift_low": _or_none(low), "lift_high": _or_none(high),
        "before": float(np.median(before)) if before else None, "right": right, "right_low": sign_low,
        "right_high": sign_high, "changes": len(changes), "change_right": followed,
    }  # fmt: skip


def checked(checks: list[dict]) -> list[dict]:
    """A row a network, check, layer and method: how many values, the median, the smallest and the largest."""
    groups: dict[tuple, list[float]] = {}
    for row in checks:
        if row["value"] is not None and row["status"] == "ok":
            key = row["network"], row["check"], row["layer"], row["method"]
            groups.setdefault(key, []).append(float(row["value"]))
    return [
        dict(zip(("network", "check", "layer", "method"), key, strict=True))
        | {"n": len(v), "median": float(np.median(v)), "low": min(v), "high": max(v)}
        for key, v in groups.items()
    ]


def failed(checks: list[dict]) -> list[dict]:
    """A row a network and head: in how many of the planned copies the class was not drawn at the place asked about."""
    found: dict[tuple, list[bool]] = {}
    for row in checks:
        if row["check"] == "explained":
            found.setdefault((row["network"], row["head"]), []).append(row["status"] != "ok")
    return [
        {"network": network, "head": head, "copies": sum(missed), "planned": len(missed)}
        for (network, head), missed in found.items()
        if any(missed)
    ]


def of(causes: list[dict], checks: list[dict]) -> dict:
    """All of it, JSON-able."""
    explained = [row for row in checks if row["check"] == "explained"]
    return {
        "copies": {n: sum(r["network"] == n for r in explained) for n in _in_order(explained, "network")},
        "cpu_s": round(sum(row["value"] for row in checks if row["check"] == "cpu_s"), 1),
        "causes": causes_found(causes), "shown": shown(causes), "checks": checked(checks), "failed": failed(checks),
    }  # fmt: skip


def interval(values, groups, seed: int = 0) -> tuple[float, float]:
    """95 % of the median: bootstrap of the groups, then of the values in each drawn group; both nan below FEWEST."""
    values, names = np.array(values, dtype=float), list(groups)
    if len(values) < FEWEST:
        return float("nan"), float("nan")
    held = [values[[name == one for name in names]] for one in dict.fromkeys(names)]
    rng = np.random.default_rng(seed)

    def drawn():
        chosen = (held[n] for n in rng.integers(len(held), size=len(held)))
        return np.median(np.concatenate([own[rng.integers(len(own), size=len(own))] for own in chosen]))

    low, high = np.quantile([drawn() for _ in range(RESAMPLES)], [0.025, 0.975])
    return float(low), float(high)


def _or_none(number):
    return None if np.isnan(number) else number


def _in_order(rows, name):
    return list(dict.fromkeys(row[name] for row in rows))
