"""In which question a process ended that had no other beside it: asked once more by itself, then given up as a row.

A worker of dask that dies is missed by its scheduler. Alone, the next start of the same command finds what the dead
one left in ``working/begun-<job>.json``: how often each row was begun, and not ended, while its files were as now.
What ends a run in an orderly way (Ctrl-C, SIGTERM, a full disk) counts for nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...protocol.progress import Tell
from ..journal import Receipts
from ..plans.row import Row
from ..run_folder import RunFolder, written
from .failures import ProcessEndedError, failure
from .job import Job
from .work import Done, Outcome, Work, work_on, worked_on

#: how often a question may end the process before it is given up
TRIES = 2
_BEGUN = "begun-"


def work_counted(job: Job, work: Work, progress: Tell | None = None) -> Outcome:
    """As :func:`work.work_on`, and its raises."""
    return work_on(job, work, progress, worked=_counted)


def forget(run: RunFolder) -> None:
    """Every count, once nothing is left to be asked; but of jobs that another process holds."""
    for path in run.working.glob(f"{_BEGUN}*"):
        with run.held(f"job-{path.name.removeprefix(_BEGUN).split('.')[0]}") as mine, contextlib.suppress(OSError):
            if mine:
                path.unlink()


def _counted(job: Job, work: Work, run: RunFolder, progress: Tell | None) -> tuple[list[Done], int]:
    counts = _Counts(run, job, Receipts(Path(work.plan), work.settings))
    done = {number: counts.given_up(number, row) for number, row in job.rows if counts.of(row) >= TRIES}
    left = [one for one in job.rows if one[0] not in done]
    # which of several it was is not known: each by itself
    groups = [[one] for one in left] if any(counts.of(row) for _, row in left) else [left] if left else []
    passes = 0
    for group in groups:
        with counts.trying(group):
            found, more = worked_on(Job(tuple(group)), work, run, progress, counts.keyed)
        done |= {one.number: one for one in found}
        passes += more
    counts.clear()
    return [done[number] for number, _ in job.rows], passes


class _Counts:
    """Of the rows of one job, which this process holds."""

    def __init__(self, run: RunFolder, job: Job, receipts: Receipts):
        self._run, self._receipts = run, receipts
        self._path = run.working / f"{_BEGUN}{job.name}.json"
        self._held: dict[str, dict] = self._read()

    def of(self, row: Row) -> int:
        return self._held.get(self._receipts.of(row), {}).get("times", 0)

    def given_up(self, number: int, row: Row) -> Done:
        """Its answer where it had one before it was killed, else a failure."""
        held = self._held[self._receipts.of(row)]
        key = held.get("key", "")
        image, model, segment, reference = held.get("hashes", ("",) * 4)
        hashes = image, model, segment, reference
        if key and self._run.question(key) is not None:
            return Done(number, row, key, hashes=hashes)
        error = ProcessEndedError(
            f"The process ended each of the {TRIES} times it was given this question.",
            "It may take more memory than there is, a library may crash, or somebody ended it: --retry-failed asks it "
            "again, and with --workers 2 or more a process that ends does not end the run.",
        )
        return Done(number, row, failed=failure(error, [row]), hashes=hashes)

    @contextmanager
    def trying(self, rows: Sequence[tuple[int, Row]]) -> Iterator[None]:
        before = dict(self._held)
        names = list(dict.fromkeys(self._receipts.of(row) for _, row in rows))
        for name in names:
            held = self._held.get(name, {"times": 0})
            self._held[name] = held | {"times": held["times"] + 1}
        self._write()
        try:
            yield
        except BaseException:
            self._held = before
            if before:
                self._write()
            else:
                self.clear()
            raise
        for name in names:
            self._held[name] = self._held[name] | {"times": 0}
        if len(names) < len(self._held):  # else all of it goes now
            self._write()

    def keyed(self, rows: list[Done]) -> None:
        for one in rows:
            self._held[self._receipts.of(one.row)] |= {"key": one.key, "hashes": list(one.hashes)}
        self._write()

    def clear(self) -> None:
        self._held = {}
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _read(self) -> dict[str, dict]:
        """Nothing where it is not whole: then what it told has not been seen to end a process."""
        try:
            told = json.loads(self._path.read_bytes())
            assert all(len(one.get("hashes", "four")) == 4 for one in told.values())
            return {str(name): {**one, "times": int(one["times"])} for name, one in told.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError):
            return {}

    def _write(self) -> None:
        part = self._path.with_suffix(f".{os.getpid()}.part")
        with written():
            part.write_bytes(json.dumps(self._held).encode())
            os.replace(part, self._path)
