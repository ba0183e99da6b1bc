"""A plan as a CSV table: one line a question, columns named as the fields of a :class:`row.Row`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from .patterns import rows_of
from .row import COLUMNS, PlanError, Row

#: what a line of a plan may hold at most
_LONGEST = 100_000


def rows(path: Path) -> Iterator[tuple[int, Row]]:
    """(line number, row), as they are read. Raises PlanError with the line's number.

    Separated by commas or, where the first line holds semicolons and no comma, by semicolons; UTF-8.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            between = ";" if ";" in first and "," not in first else "\t" if "\t" in first and "," not in first else ","
            file.seek(0)
            lines = csv.reader(file, delimiter=between, strict=True)
            try:
                heads = _heads(next(lines, []))
                for cells in lines:
                    if any(cell.strip() for cell in cells):
                        yield from _line(lines.line_num, heads, cells, path.parent)
            except csv.Error as error:
                raise at_line(lines.line_num, PlanError(f"It is no CSV: {error}.", "Save it anew as CSV.")) from None
    except UnicodeDecodeError:
        raise PlanError("The plan is no UTF-8 text.", "Save it as CSV UTF-8.") from None
    except OSError as error:
        raise PlanError(f"The plan cannot be read: {error.strerror}.", "Check the path.") from None


def at_line(number: int, error: PlanError) -> PlanError:
    """The error with the line it is about."""
    return PlanError(f"Line {number} of the plan: {error.sentence}", error.hint, line=number)


def _heads(cells: list[str]) -> list[str]:
    heads = [cell.strip().lower() for cell in cells]
    listed = f"Columns: {', '.join(COLUMNS)}."
    if "images" not in heads:
        raise PlanError("The plan's first line names no column 'images'.", listed)
    for head in heads:
        if head not in COLUMNS:
            raise PlanError(f"The plan has a column '{head[:40]}', which none is called.", listed)
        if heads.count(head) > 1:
            raise PlanError(f"The plan has the column '{head}' twice.", listed)
    return heads


def _line(number: int, heads: list[str], cells: list[str], folder: Path) -> Iterator[tuple[int, Row]]:
    if len(cells) > len(heads):
        more = PlanError(f"It has {len(cells)} cells, the first line {len(heads)}.", "Quote cells that hold commas.")
        raise at_line(number, more)
    if sum(map(len, cells)) > _LONGEST:
        raise at_line(number, PlanError("It is longer than any question.", "Check the quotes."))
    # a word that many lines hold is held once
    words = {head: sys.intern(cell.strip()) for head, cell in zip(heads, cells, strict=False)}
    try:
        for row in rows_of({"model": "", "case": ""} | words, folder):
            yield number, row
    except PlanError as error:
        raise at_line(number, error) from None
