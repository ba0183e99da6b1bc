"""Tier 1 from maps to models to methods: means over a model's cases, then AUROC and tests over models. numpy, scipy.

The score of a model is the mean share of its evidence on the marker; cases without a number are left out and counted in
``status``.  What every method is tested against is Seg-HiRes-Grad CAM at the same layer (at the primary one for maps of
the image and the baselines), paired over models; Holm's correction runs over the methods of one table.
"""

from __future__ import annotations

import math
from collections import Counter

from . import stats
from .maps import HIRES, INPUT, NO_LAYER, NUMBERS

MEANS = (*NUMBERS, "loss_cue", "loss_own")
#: of models.csv, which is committed: the rest is in the raw rows
MODEL_COLUMNS = (
    "tier", "seed", "model", "rule", "learned", "layer", "method", "status", "cases", "share_cue", "lift_cue",
    "share_own", "lift_own", "v90_ml", "phantom_1e-2", "gain_logit", "cpu_s", "loss_cue", "loss_own",
)  # fmt: skip
_SPREAD = {
    "shortcut": ("share_cue", "lift_cue", "mm_cue", "share_own", "gain_logit"),
    "honest": ("share_cue", "lift_cue", "share_own", "lift_own", "mm_own", "gain_logit"),
}
_OF_ALL = ("v90_ml", "phantom", "phantom_1e-2", "gap", "cpu_s")
PARTS = ("", "_q1", "_q3")
METHOD_COLUMNS = (
    "layer", "method", "title", "status", "models", "auroc", "auroc_low", "auroc_high", "learned", "auroc_learned",
    *(f"{rule}_{what}{part}" for rule, names in _SPREAD.items() for what in names for part in PARTS),
    *_OF_ALL, "p_cue", "p_own", "p_gain",
)  # fmt: skip


def by_model(rows: list[dict], learned: dict[str, bool]) -> list[dict]:
    """One row a model, layer and method: means over its cases. learned: by model name."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["layer"], row["method"]), []).append(row)
    found = []
    for (model, layer, method), group in groups.items():
        first = group[0]
        said = Counter(row["status"] for row in group)
        found.append({
            "tier": 1, "seed": int(model.removeprefix(first["rule"])), "model": model, "rule": first["rule"],
            "learned": int(learned[model]), "layer": layer, "method": method, "title": first["title"],
            "status": _counted(said), "cases": len(group),
            "gains": len(stats.finite(row.get("gain_logit") for row in group)),
            **{name: _mean(row.get(name) for row in group) for name in MEANS},
        })  # fmt: skip
    return found


def by_method(models: list[dict], rows: list[dict], primary: str) -> list[dict]:
    """One row a layer and method, METHOD_COLUMNS. models: of :func:`by_model`; rows: the maps, for the paired tests."""
    groups: dict[tuple, list[dict]] = {}
    for row in models:
        groups.setdefault((row["layer"], row["method"]), []).append(row)
    lines = {key: _line(group) for key, group in groups.items()}
    raw: dict[tuple, list[dict]] = {}
    for row in rows:
        raw.setdefault((row["layer"], row["method"]), []).append(row)
    families: dict[str, list[tuple]] = {}
    for layer, method in groups:
        # one table: the primary layer, and what knows no layer
        home = primary if layer in (INPUT, NO_LAYER) or method == "cam" else layer
        if method != HIRES and (home, HIRES) in groups:
            families.setdefault(home, []).append((layer, method))
    for home, keys in families.items():
        for p, what, rule in (("p_cue", "share_cue", "shortcut"), ("p_own", "share_own", "honest"),
                              ("p_gain", "gain_logit", "shortcut")):  # fmt: skip
            ps = [stats.wilcoxon(*_paired(raw[key], raw[home, HIRES], what, rule)) for key in keys]
            for key, adjusted in zip(keys, stats.holm(ps), strict=True):
                lines[key][p] = adjusted
    return list(lines.values())


def _line(group):
    first = group[0]
    # the reference is no map: its score is what masking out the marker takes away
    score = "loss_cue" if first["method"] == "paint_over" else "share_cue"
    scores = {rule: [r[score] for r in group if r["rule"] == rule] for rule in _SPREAD}
    good = {rule: [r[score] for r in group if r["rule"] == rule and r["learned"]] for rule in _SPREAD}
    low, high = stats.auroc_interval(scores["honest"], scores["shortcut"])
    said = Counter()
    for row in group:
        said += _uncounted(row["status"], row["cases"])
    line = {
        "layer": first["layer"], "method": first["method"], "title": first["title"], "status": _counted(said),
        "models": sum(len(stats.finite(v)) for v in scores.values()),
        "auroc": stats.auroc(scores["honest"], scores["shortcut"]), "auroc_low": low, "auroc_high": high,
        "learned": sum(len(stats.finite(v)) for v in good.values()),
        "auroc_learned": stats.auroc(good["honest"], good["shortcut"]),
    }  # fmt: skip
    for rule, names in _SPREAD.items():
        for what in names:
            values = stats.quartiles(r[what] for r in group if r["rule"] == rule)
            line |= {f"{rule}_{what}{part}": v for part, v in zip(PARTS, values, strict=True)}
    return line | {what: stats.quartiles(r[what] for r in group)[0] for what in _OF_ALL}


def _paired(one, other, what, rule):
    """Two lists, a number a model each: means over the cases in which both methods have one."""
    found = []
    for rows in (one, other):
        numbers = {(r["model"], r["seed"]): r.get(what) for r in rows if r["rule"] == rule}
        found.append({key: value for key, value in numbers.items() if stats.finite([value]).size})
    pairs: dict[str, list] = {}
    for model, seed in found[0].keys() & found[1].keys():
        pairs.setdefault(model, []).append([numbers[model, seed] for numbers in found])
    means = [[_mean(column) for column in zip(*pairs[model], strict=True)] for model in sorted(pairs)]
    return [a for a, _ in means], [b for _, b in means]


def _mean(values):
    numbers = stats.finite(values)
    return float(numbers.mean()) if numbers.size else math.nan


def _counted(said: Counter) -> str:
    """ "ok", or "ok 3, zero_map 1"."""
    if len(said) == 1:
        return next(iter(said))
    return ", ".join(f"{status} {n}" for status, n in sorted(said.items()))


def _uncounted(text: str, cases: int) -> Counter:
    if "," not in text:
        return Counter({text: cases})
    return Counter({part.rsplit(" ", 1)[0]: int(part.rsplit(" ", 1)[1]) for part in text.split(", ")})
