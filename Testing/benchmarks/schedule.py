"""Which measurement comes when, and which are already done.  Standard library only."""

from __future__ import annotations

import json
from pathlib import Path

from rows import FLOOR, Row

FLOOR_EVERY = 6


def round_of(rows: list[Row], number: int) -> list[tuple[Row, int]]:
    """(row, slot) of one round: every row once, in an order that turns from round to round, floors in between.

    A machine that grows slower or busier then hits every contestant and the floor alike.
    """
    others = [row for row in rows if row != FLOOR]
    shift = (number * len(others) // 5) % max(1, len(others))
    turned = others[shift:] + others[:shift]
    plan = []
    for place, row in enumerate(turned):
        if place % FLOOR_EVERY == 0:
            plan.append((FLOOR, place // FLOOR_EVERY))
        plan.append((row, 0))
    return plan


class WorkFile:
    """Finished measurements, one JSON line each; the first line names the settings they were taken with."""

    def __init__(self, path: Path, settings: dict, resume: bool):
        self.path = path
        self.done: dict[tuple, dict] = {}
        if resume and path.exists():
            first, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
            if first == json.dumps(settings, sort_keys=True):
                kept = [entry for entry in map(json.loads, lines) if _worth_keeping(entry["result"])]
                self.done = {tuple(entry["at"]): entry["result"] for entry in kept}
                return
            print("The work file was taken with other settings: starting anew.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings, sort_keys=True) + "\n", encoding="utf-8")

    def get(self, *at) -> dict | None:
        """A finished measurement, or None."""
        return self.done.get(at)

    def put(self, result: dict, *at) -> None:
        """Keep a measurement at once: an interrupted run loses only the one in progress."""
        self.done[at] = result
        with self.path.open("a") as file:
            file.write(json.dumps({"at": at, "result": result}) + "\n")

    def results(self, key: str) -> list[dict]:
        """All measurements of one row."""
        return [result for at, result in self.done.items() if at[0] == key]


def _worth_keeping(result: dict) -> bool:
    """What did not run is tried again when a run is resumed."""
    return result.get("status", "ok") == "ok" and "error" not in result
