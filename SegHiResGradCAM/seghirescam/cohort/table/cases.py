"""``cases.csv``: which key is which case, file and model. It stays with the user: it holds names and paths."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ...protocol.csv_text import write_rows
from ..content_key import SHORT
from ..journal import Entry
from ..plans.row import BETWEEN, Row
from ..plans.row import COLUMNS as OF_A_PLAN
from ..run_folder import CASES, RunFolder, written

COLUMNS = ("image", "model hash", "segment hash", "reference hash", "question", "plan row", "state", *OF_A_PLAN)


def write_cases(run: RunFolder, rows: Iterable[tuple[int, Row, Entry | None]]) -> None:
    """rows: (number in the plan, row, what became of it; None where nothing did yet). Raises DiskError."""
    with written(), run.scratch() as scratch:
        path = scratch / CASES
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        write_rows(path, COLUMNS, map(_line, rows))
        os.replace(path, run.path / CASES)


def _line(told: tuple[int, Row, Entry | None]) -> dict:
    number, row, entry = told
    hashes = ("",) * 4 if entry is None else entry.hashes
    state = "waiting" if entry is None else "answered" if entry.key else "failed"
    image, model, segment, reference = (one[:SHORT] for one in hashes)
    words = {name: getattr(row, name) for name in OF_A_PLAN} | {"images": BETWEEN.join(row.images)}
    return {
        "image": image, "model hash": model, "segment hash": segment, "reference hash": reference,
        "question": "" if entry is None else entry.key[2 * SHORT :][:16], "plan row": number, "state": state, **words,
    }  # fmt: skip
