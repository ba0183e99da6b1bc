"""CSV files that grow by whole units of work and are gone on from; rows are dictionaries. Standard library only."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path

WORDS = {
    "model", "rule", "layer", "method", "title", "status", "gain_status", "note", "name", "setting", "group", "network",
    "kind", "proven", "verdict", "belongs", "used", "specific", "bare_used", "head", "cause", "check",
}  # fmt: skip


class Store:
    """A CSV of rows, written anew (whole or not at all) after every :meth:`add`."""

    def __init__(self, path: Path, columns: tuple[str, ...]):
        self.path, self.columns = Path(path), columns
        self.rows: list[dict] = read(self.path) if self.path.exists() else []

    def has(self, **facts) -> bool:
        return any(all(row.get(k) == v for k, v in facts.items()) for row in self.rows)

    def add(self, rows: Iterable[dict]) -> None:
        self.rows += rows
        write(self.path, self.rows, self.columns)


def write(path: Path, rows: Iterable[dict], columns: tuple[str, ...]) -> None:
    """Numbers with four significant digits, nothing for None and NaN; fields that are no column are left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    with open(half, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: _text(v) for k, v in row.items()} for row in rows)
    half.replace(path)


def read(path: Path) -> list[dict]:
    """Words as they are, everything else as int, float or (empty) None."""
    with open(path, newline="", encoding="utf-8") as file:
        return [{k: v if k in WORDS else _number(v) for k, v in row.items()} for row in csv.DictReader(file)]


def _text(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else value


def _number(text):
    if not text:
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)
