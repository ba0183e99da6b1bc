"""Rows of maps into error rates: shares with Wilson's 95 % interval, as JSON and as the table of the docs. scipy."""

from __future__ import annotations

import json
import math
import platform
import time
from pathlib import Path

from benchmarks.known.stats import wilson

from . import subjects
from .judging import RIGHT
from .wrong_maps import EDGES, KINDS, PAINTED

NO_MAP = "no map"
SUPPORTED, UNCLEAR, NOT_SUPPORTED = "supported", "not judged", "not supported by the model"
WORDS = (SUPPORTED, UNCLEAR, NOT_SUPPORTED)
ALL_WRONG = "all wrong maps"
#: the goals: highest rate of misses of every kind, and of false alarms; least share of right maps supported; kinds that
#: must never be called supported
MISSES, ALARMS, LEAST_SUPPORTED, NEVER = 0.05, 0.20, 0.80, (EDGES, PAINTED)
#: maps behind every rate
LEAST_N = 100


def write(rows: list[dict], out: Path, explore: bool) -> None:
    found = summary(rows)
    if explore:
        print(markdown(found))
        return
    import torch
    from benchmarks.machine import describe

    path = out / "summary.json"
    facts = {"machine": describe(), "python": platform.python_version(), "torch": torch.__version__}
    facts |= {"date": time.strftime("%Y-%m-%d"), "threads": 1}
    facts["maps"] = len(rows)
    path.write_text(json.dumps({"about": facts, **found}, indent=1) + "\n", encoding="utf-8")
    (out / "table.md").write_text(markdown(found), encoding="utf-8")


def counts(rows: list[dict], column: str = "verdict") -> dict:
    """How many maps, how many of each word, and the intervals of the two that are errors."""
    own = [sum(row[column] == word for row in rows) for word in WORDS]
    found = {"n": len(rows), "supported": own[0], "unclear": own[1], "not_supported": own[2]}
    for name in ("supported", "not_supported"):
        found[f"{name}_interval"] = [round(v, 4) for v in wilson(found[name], len(rows)) if not math.isnan(v)]
    return found


def summary(rows: list[dict]) -> dict:
    """misses: by kind of wrong map; bare: the line about use alone; right: proven right maps by group; faithful: maps
    of networks whose reason is not known, or not proven for this map."""
    told = [row for row in rows if row["kind"] != NO_MAP]
    wrong = {kind: [row for row in told if row["kind"] == kind] for kind in KINDS}
    wrong[ALL_WRONG] = [row for row in told if row["kind"] != RIGHT]
    right = [row for row in told if row["kind"] == RIGHT]
    proven = [row for row in right if row["proven"] == "yes"]
    rest = [row for row in right if row["proven"] != "yes"]
    groups = (subjects.HAND_SET, subjects.TRAINED, subjects.DEMO)
    others = {
        "trained, not proven by the rule": [row for row in rest if row["group"] == subjects.TRAINED],
        "demo, not proven by the rule": [row for row in rest if row["group"] == subjects.DEMO],
        "published networks": [row for row in rest if row["group"] == subjects.PUBLISHED],
        "random networks": [row for row in rest if row["group"] == subjects.RANDOM],
    }
    return {
        "misses": {kind: counts(own) for kind, own in wrong.items()},
        "bare": {kind: counts(own, "bare_used") for kind, own in wrong.items()},
        "bare_right": counts(proven, "bare_used"),
        "right": {group: counts([row for row in proven if row["group"] == group]) for group in groups}
        | {"all": counts(proven)},
        "faithful": {name: counts(own) for name, own in others.items() if own},
        "failed_lines": {
            line: sum(row[line] == NOT_SUPPORTED for row in proven) for line in ("belongs", "used", "specific")
        },
        "no_map": sum(row["kind"] == NO_MAP for row in rows),
        "random_without_prediction": sum(row["group"] == subjects.RANDOM and row["drawn"] == 0 for row in right),
    }


def goals(found: dict) -> list[str]:
    """What was to be reached, and whether it was."""
    misses, right = found["misses"], found["right"]
    worst = max(KINDS, key=lambda kind: _share(misses[kind], "supported"))
    never = {kind: misses[kind] for kind in NEVER}
    known = {group: right[group] for group in (subjects.HAND_SET, subjects.DEMO) if right[group]["n"]}
    random = found["faithful"].get("random networks", {"n": 0})["n"]
    shown = {
        "never": ", ".join(f"{kind}: {one['supported']} of {one['n']}" for kind, one in never.items()),
        "known": ", ".join(f"{group}: {one['supported']} of {one['n']}" for group, one in known.items()),
    }
    reached = {
        f"Misses of every kind at most {100 * MISSES:.0f} %": (
            _share(misses[worst], "supported") <= MISSES,
            f"the highest: {worst}, {_rate(misses[worst], 'supported')}",
        ),
        f"False alarms at most {100 * ALARMS:.0f} %": (
            _share(right["all"], "not_supported") <= ALARMS, _rate(right["all"], "not_supported"),
        ),
        "Edges and the painted prediction never supported in 100 trials": (
            all(one["supported"] == 0 and one["n"] >= 100 for one in never.values()), shown["never"],
        ),
        f"Right maps supported in at least {100 * LEAST_SUPPORTED:.0f} %": (
            all(_share(one, "supported") >= LEAST_SUPPORTED for one in known.values()), shown["known"],
        ),
    }  # fmt: skip
    lines = [f"- {goal}: {'reached' if yes else '**not reached**'} ({told})." for goal, (yes, told) in reached.items()]
    few = {name for name, one in misses.items() if one["n"] < LEAST_N} | (
        {"right"} if right["all"]["n"] < LEAST_N else set()
    )
    lines += [f"- Fewer than {LEAST_N} maps: {', '.join(sorted(few))}."] if few else []
    lines.append(
        f"- {found['random_without_prediction']} of {random} random networks drew the class nowhere in their pixel "
        "set, and the verdict's sentence says so."
    )
    return [*lines, ""]


def _share(one, name):
    return one[name] / one["n"] if one["n"] else 0.0


def markdown(found: dict) -> str:
    """The goals and tables of docs/benchmarks/verdict.md."""
    lines = [
        *goals(found),
        "| wrong maps | n | called supported (miss) [95 % CI] | unclear | not supported |",
        "|---|---|---|---|---|",
    ]
    for kind, one in found["misses"].items():
        lines.append(f"| {_bold(kind)} | {one['n']} | {_rate(one, 'supported')} | {_part(one, 'unclear')} | "
                     f"{_part(one, 'not_supported')} |")  # fmt: skip
    lines += ["", "| right maps | n | called not supported (false alarm) [95 % CI] | unclear | supported |"]
    lines.append("|---|---|---|---|---|")
    for name, one in [*found["right"].items(), *found["faithful"].items()]:
        lines.append(f"| {_bold(name)} | {one['n']} | {_rate(one, 'not_supported')} | {_part(one, 'unclear')} | "
                     f"{_part(one, 'supported')} |")  # fmt: skip
    lines += [
        "",
        "| map of unknown origin: *used by the network* | n | supported [95 % CI] | unclear | not supported |",
    ]
    lines.append("|---|---|---|---|---|")
    for kind, one in [*found["bare"].items(), ("right, proven", found["bare_right"])]:
        lines.append(f"| {_bold(kind)} | {one['n']} | {_rate(one, 'supported')} | {_part(one, 'unclear')} | "
                     f"{_part(one, 'not_supported')} |")  # fmt: skip
    return "\n".join(lines) + "\n"


def _bold(name):
    return {ALL_WRONG: f"**{ALL_WRONG}**", "all": "**all proven**"}.get(name, name)


def _part(one, name):
    return f"{100 * one[name] / one['n']:.1f} %" if one["n"] else "-"


def _rate(one, name):
    if not one["n"]:
        return "-"
    low, high = one[f"{name}_interval"]
    return f"{_part(one, name)} [{100 * low:.1f}-{100 * high:.1f}]"
