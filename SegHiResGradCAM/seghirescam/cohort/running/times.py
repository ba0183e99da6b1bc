"""What each job took. It stands beside the journal and in no table: tables are the same from any way of running.

One line a job in ``journal/<process>.times``, appended by the process that runs the cohort: the model by its hash, how
many questions were computed, passes, seconds of the clock and of the CPU in the process that computed them.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from ..content_key import SHORT
from ..run_folder import RunFolder, written

_ENDING = ".times"


@dataclass(frozen=True, slots=True)
class Took:
    """A job's. model: first SHORT digits of its hash.  questions: that were computed; none is a job that failed."""

    model: str
    questions: int
    passes: int
    seconds: float
    cpu_seconds: float

    def __add__(self, other: Took) -> Took:
        return Took(
            self.model, self.questions + other.questions, self.passes + other.passes, self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
        )  # fmt: skip


class Times:
    """Written by one process. Raises DiskError."""

    def __init__(self, run: RunFolder):
        self._path = run.journal / f"{os.getpid()}-{secrets.token_hex(4)}{_ENDING}"
        self._file = None

    def note(self, outcome) -> None:
        """outcome: of :func:`work.work_on`; nothing is noted of a job in which nothing was computed."""
        computed = [one for one in outcome.done if one.computed]
        if not computed:
            return
        took = Took(
            computed[0].hashes[1][:SHORT], len(computed), outcome.passes, round(outcome.seconds, 6),
            round(outcome.cpu_seconds, 6),
        )  # fmt: skip
        with written():
            if self._file is None:
                self._file = open(self._path, "a", encoding="ascii")
            self._file.write(json.dumps(asdict(took)) + "\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def took(run: RunFolder) -> Iterator[Took]:
    """Every job that any process has noted; a line that was cut short is none."""
    for path in sorted(run.journal.glob(f"*{_ENDING}")):
        with open(path, encoding="ascii", errors="replace") as file:
            for text in file:
                try:
                    words = json.loads(text)
                    numbers = int(words["questions"]), int(words["passes"]), float(words["seconds"])
                    yield Took(str(words["model"]), *numbers, float(words["cpu_seconds"]))
                except (ValueError, KeyError, TypeError):
                    continue


def by_model(run: RunFolder) -> dict[str, Took]:
    """What each model's jobs took together."""
    found: dict[str, Took] = {}
    for one in took(run):
        found[one.model] = found[one.model] + one if one.model in found else one
    return found
