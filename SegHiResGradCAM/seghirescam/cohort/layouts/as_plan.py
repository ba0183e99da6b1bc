"""Rows of a layout as a plan on disk, which a user can read, cut and add to. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...protocol.csv_text import write_rows
from ..plans.patterns import is_pattern
from ..plans.row import BETWEEN, COLUMNS, PlanError, Row


def write_plan(path: Path | str, rows: Iterable[Row]) -> int:
    """Writes a CSV, one line a row, streamed; returns how many. Images and masks stand in it by their absolute paths.

    Raises PlanError where the file is there already, or a path holds a sign that means something in a plan.
    """
    place = Path(path)
    if place.exists():
        raise PlanError(f"'{place.name}' exists already.", "Name another file, or delete it.")
    count = 0

    def told():
        nonlocal count
        for row in rows:
            count += 1
            images = [_absolute(image) for image in row.images]
            own = {"images": BETWEEN.join(images)} | {
                name: _absolute(getattr(row, name)) for name in ("segment", "reference") if getattr(row, name)
            }
            yield {name: getattr(row, name) for name in COLUMNS} | own

    try:
        write_rows(place, COLUMNS, told())
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return count


def _absolute(path: str) -> str:
    whole = str(Path(path).absolute())
    if BETWEEN in whole or is_pattern(whole):
        raise PlanError(
            f"A path to '{Path(path).name}' holds one of {BETWEEN} * ? [, which mean something in a plan.",
            "Rename the folder or the file.",
        )
    return whole
