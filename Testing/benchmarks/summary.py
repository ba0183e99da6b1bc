"""From single measurements to one line a row: medians, ratios to the floor of the same run.  Standard library only."""

from __future__ import annotations

from statistics import median

from rows import FLOOR, Row

COLUMNS = (
    "contestant",
    "target",
    "status",
    "time_ratio",
    "time_ratio_low",
    "time_ratio_high",
    "paired_time_ratio",
    "memory_ratio",
    "cpu_s",
    "first_call_cpu_s",
    "extra_mib",
    "stays_mib",
    "rounds",
    "max_difference",
    "cosine",
    "correlation",
    "compared",
    "note",
)


def summarise(rows: list[Row], results_of) -> list[dict]:
    """One dictionary with COLUMNS a row.  ``results_of(key)``: its measurements."""
    floor = _medians([r for r in results_of(FLOOR.key) if r["status"] == "ok"])
    return [_line(row, results_of(row.key), floor) for row in rows if results_of(row.key)]


def _line(row: Row, results: list[dict], floor: dict) -> dict:
    good = [r for r in results if r["status"] == "ok"]
    line = dict.fromkeys(COLUMNS)
    line.update(contestant=row.title, target=row.target, status="ok", rounds=len(good), note="")
    if not good:
        line.update(status="did not run", note=results[0]["reason"])
        return line
    line["note"] = good[0].get("note", "")
    if row.timed:
        mid = _medians(good)
        line.update(mid)
        times = sorted(r["again"]["cpu_s"] for r in good)
        line.update(
            time_ratio=mid["cpu_s"] / floor["cpu_s"],
            time_ratio_low=times[0] / floor["cpu_s"],
            time_ratio_high=times[-1] / floor["cpu_s"],
            paired_time_ratio=median(r["again"]["cpu_s"] / r["forward"]["cpu_s"] for r in good),
        )
        if mid["extra_mib"] is not None and floor["extra_mib"]:
            line["memory_ratio"] = mid["extra_mib"] / floor["extra_mib"]
    compared = next((r["agreement"] for r in good if "agreement" in r), None)
    if compared and "error" in compared:
        line.update(compared=compared["kind"], note=f"{line['note']} map: {compared['error']}".strip())
    elif compared:
        line.update({k: compared[k] for k in ("max_difference", "cosine", "correlation")}, compared=compared["kind"])
    return line


def _medians(good: list[dict]) -> dict:
    return {
        "cpu_s": _median(good, "again", "cpu_s"),
        "first_call_cpu_s": _median(good, "first", "cpu_s"),
        "extra_mib": _median([r["memory"] for r in good], "again", "extra_mib"),
        "stays_mib": _median([r["memory"] for r in good], "first", "kept_mib"),
    }


def _median(good: list[dict], call: str, what: str) -> float | None:
    values = [result[call][what] for result in good]
    return None if None in values else median(values)


def off(result: dict) -> bool:
    """True if a contestant failed or its map is not the reference's: then it gets an out-of-place network as well."""
    found = result.get("agreement")
    if result["status"] != "ok":
        return True
    return bool(found) and ("error" in found or found["max_difference"] > 0.02)
