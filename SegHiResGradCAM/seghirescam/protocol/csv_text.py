"""Text in CSV files as text: no spreadsheet may take a segment's name for a formula. Standard library only."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula with an apostrophe before it; everything else as it is.

    A carriage return becomes a space: Python's csv writes it without quotes, and the row would end there.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r", " ")
    return f"'{text}" if value.startswith(_FORMULA) else text


def plain_text(text: str) -> str:
    """What :func:`cell` was given, of a text that was read back (but for carriage returns)."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[dict]) -> None:
    """One line a row: numbers in full, empty where there is none. Raises ValueError for a key that is no column."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: "" if value is None else cell(value) for key, value in row.items()} for row in rows)
