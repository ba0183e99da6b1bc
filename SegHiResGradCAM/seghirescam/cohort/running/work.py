"""What a process does with a job: hold it, see what is finished, answer the rest, write each answer whole."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...protocol.arrays import DiskError
from ...protocol.errors import CancelledError, SegHiResCamError
from ...protocol.progress import Tell
from ..content_key import content_key
from ..plans.row import Row
from ..run_folder import RunFolder
from ..settings import Settings
from .failures import failure
from .job import Job
from .model_store import Consent, Kept, ModelStore
from .row_questions import OpenCase


@dataclass(frozen=True)
class Work:
    """What does not change from job to job; sent along with each. run, plan: folders, absolute, seen by all."""

    run: str
    plan: str
    settings: Settings
    consent: Consent = field(default_factory=Consent)
    #: of each process, where GPUs are shared out: CUDA_VISIBLE_DEVICES of the n-th
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """What became of one row. key: "" where it failed.  failed: {"code", "sentence"}.  computed: now, not before."""

    number: int
    row: Row
    key: str = ""
    failed: dict | None = None
    computed: bool = False
    hashes: tuple[str, str, str, str] = ("", "", "", "")


@dataclass(frozen=True)
class Outcome:
    """Of a job. busy: another process holds it, nothing was done.  passes, seconds, cpu_seconds: of what was computed;
    pid, loads: of the process, and how often it has opened models."""

    done: tuple[Done, ...] = ()
    busy: bool = False
    passes: int = 0
    seconds: float = 0.0
    pid: int = 0
    loads: int = 0
    cpu_seconds: float = 0.0


#: the models of this process
STORE = ModelStore()
_DEVICES: dict[str, str] = {}


def work_on(
    job: Job, work: Work, progress: Tell | None = None, *, worked: Callable[..., tuple[list[Done], int]] | None = None
) -> Outcome:
    """worked: in the place of :func:`worked_on`.

    Raises DiskError (nothing can be written: the run ends), CancelledError; everything else is a row's failure.
    """
    run, started, cpu = RunFolder(work.run), time.perf_counter(), time.process_time()
    with run.held(f"job-{job.name}") as mine:
        if not mine:
            return Outcome(busy=True)
        set_threads(work.settings.threads)
        done, passes = (worked or worked_on)(job, work, run, progress)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return Outcome(tuple(done), False, passes, seconds, os.getpid(), sum(STORE.loads.values()), cpu)


def set_threads(count: int) -> None:
    import torch

    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def device_of(word: str) -> tuple[str, str]:
    """(device, how a key calls it): a GPU by its name too, for its kind rounds as it does."""
    if word not in _DEVICES:
        from ...session.devices import settled_device

        _DEVICES[word] = settled_device(word)
    device = _DEVICES[word]
    if not device.startswith("cuda"):
        return device, device
    import torch

    return device, f"cuda {torch.cuda.get_device_name(device)}"


def worked_on(
    job: Job, work: Work, run: RunFolder, progress: Tell | None = None,
    tell: Callable[[list[Done]], None] = lambda keyed: None,
) -> tuple[list[Done], int]:  # fmt: skip
    """(what became of each row, forward passes). tell: is given the keys, before anything is answered."""
    rows = [row for _, row in job.rows]
    try:
        device, called = device_of(work.settings.device)
        kept = STORE.get(_model_place(job.model, work), work.consent, device)
        case = OpenCase.read(rows[0], kept.model, Path(work.plan), lambda note: None)
    except Exception as error:
        _raise_what_ends(error)
        return [Done(number, row, failed=failure(error, [row])) for number, row in job.rows], 0
    done: dict[int, Done] = {}
    waiting: list[tuple[int, Row, str, tuple[str, str, str, str]]] = []
    for number, row in job.rows:
        try:
            hashes = case.sha256, kept.sha256, case.hash_of(row.segment), case.hash_of(row.reference)
            key = content_key(row, *hashes, work.settings, called)
        except Exception as error:
            _raise_what_ends(error)
            done[number] = Done(number, row, failed=failure(error, [row]), hashes=(case.sha256, kept.sha256, "", ""))
            continue
        if run.question(key) is not None:
            done[number] = Done(number, row, key, hashes=hashes)
        else:
            waiting.append((number, row, key, hashes))
    tell([Done(number, row, key, hashes=hashes) for number, row, key, hashes in waiting])
    found, passes = _answered(waiting, case, kept, work, run, device, progress) if waiting else ({}, 0)
    done |= found
    return [done[number] for number, _ in job.rows], passes


def _answered(waiting, case: OpenCase, kept: Kept, work: Work, run: RunFolder, device: str, progress):
    from .answers import answered

    scratch = run.scratch()
    try:
        maps = _maps(scratch.path, [key for _, _, key, _ in waiting]) if work.settings.maps else None
        rows = [row for _, row, _, _ in waiting]
        try:
            answers, passes = answered(rows, case, kept, work.settings, device, maps, progress)
        except Exception as error:
            _raise_what_ends(error)
            return {n: Done(n, row, failed=failure(error, [row]), hashes=h) for n, row, _, h in waiting}, 0
        done = {}
        for (number, row, key, hashes), answer in zip(waiting, answers, strict=True):
            if answer.failed is not None:
                _raise_what_ends(answer.failed)
                done[number] = Done(number, row, failed=failure(answer.failed, [row]), hashes=hashes)
                continue
            if work.settings.maps:
                move_maps(scratch.path, run.maps, key)
            run.write_question(key, {"lines": answer.lines, "by_label": answer.by_label}, scratch.path)
            done[number] = Done(number, row, key, computed=True, hashes=hashes)
        return done, passes
    finally:
        scratch.remove()


def _maps(scratch: Path, keys: list[str]) -> Callable:
    from .maps import write_map

    def write(place: int, number: int, explanation) -> None:
        write_map(scratch / keys[place], number, explanation)

    return write


def move_maps(scratch: Path, place: Path, key: str) -> None:
    """In the place of what a killed run left. Raises DiskError."""
    import shutil

    from ..run_folder import written

    if not (scratch / key).is_dir():
        return
    with written():
        place.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.rename(place / key, scratch / f"{key}.old")
        os.rename(scratch / key, place / key)
    shutil.rmtree(scratch / f"{key}.old", ignore_errors=True)


def _model_place(word: str, work: Work) -> str:
    from ..plans.places import placed

    return placed(word, Path(work.plan))


def _raise_what_ends(error: Exception) -> None:
    """Ends the run and is no row's failure: nothing can be written, somebody stopped it."""
    if isinstance(error, (DiskError, CancelledError)):
        raise error
    if not isinstance(error, SegHiResCamError) and isinstance(error, OSError) and error.errno in _DISK:
        from ..run_folder import written

        with written():
            raise error


_DISK = (28, 30, 122)  # no space, read-only, over quota
