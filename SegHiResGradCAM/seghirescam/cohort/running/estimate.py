"""What a cohort will take, before anything is asked: counted from its plan, timed by one pass of each network."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..content_key import SHORT
from ..plans.places import labels_placed, placed
from ..plans.row import EVERY
from ..settings import FAST, FULL, Settings
from .job import Job, Plan
from .times import Took
from .work import STORE, Work, device_of, set_threads

#: the overhead of a question beyond its passes, measured (Testing/benchmarks/cohort)
OVERHEAD_SECONDS = 0.3


@dataclass(frozen=True)
class Passes:
    """One model's. runs: network passes behind one prediction of the first case; all cases are taken to be like it.
    seconds: of one pass, timed on this machine on zeros of the network's input.  problem: why nothing is known.
    took: seconds of the clock a question, of what the run has computed with it; 0 where it has not."""

    questions: int
    cases: int
    runs: int = 0
    passes: float = 0.0
    seconds: float = 0.0
    problem: str = ""
    took: float = 0.0

    @property
    def all_seconds(self) -> float:
        if self.took:
            return self.questions * self.took
        return self.passes * self.seconds + self.questions * OVERHEAD_SECONDS


@dataclass(frozen=True)
class Estimate:
    """questions: rows of the plan that have no answer yet; more: of which some stand for every label or class.
    gigabytes: read from disk.  absent: files that are not there.  answered: rows of the run that have one."""

    cases: int
    questions: int
    more: bool
    models: dict[str, Passes]
    gigabytes: float
    absent: int
    workers: int
    part: tuple[int, int]
    answered: int = 0

    @property
    def passes(self) -> int:
        return round(sum(one.passes for one in self.models.values()))

    @property
    def hours(self) -> float:
        return sum(one.all_seconds for one in self.models.values()) / 3600 / self.workers

    def to_json(self) -> dict:
        return {
            "cases": self.cases, "models": len(self.models), "questions": self.questions, "at_least": self.more,
            "passes": self.passes, "gb": self.gigabytes, "hours": self.hours, "workers": self.workers,
            "absent_files": self.absent, "part": list(self.part),
            "answered": self.answered, "seconds_per_pass": [one.seconds for one in self.models.values()],
            "seconds_per_question_so_far": [one.took or None for one in self.models.values()],
            "problems": [one.problem for one in self.models.values() if one.problem],
        }  # fmt: skip

    @property
    def _known_by(self) -> str:
        timed = (
            f"one pass of each network was timed here, and {OVERHEAD_SECONDS} s a question are added; every case is "
            "taken to be as large as its model's first"
        )
        measured = "a question takes what the run's questions have taken so far"
        by = {bool(one.took) for one in self.models.values() if not one.problem}
        if by == {True}:
            return measured
        return f"{measured}; of models without an answer yet {timed}" if True in by else timed

    @property
    def text(self) -> str:
        least = "at least " if self.more else ""
        told = [f"{self.answered} questions of the run are answered, or failed; left are:"] if self.answered else []
        told += [
            f"{self.cases} cases, {len(self.models)} models, {least}{self.questions} questions"
            + ("" if self.part == (1, 1) else f" (part {self.part[0]} of {self.part[1]})"),
            f"{least}about {self.passes} passes of a network, {self.gigabytes:.3g} GB read from disk",
            f"about {_hours(self.hours)} with {self.workers} worker{'s' * (self.workers > 1)}: {self._known_by}",
        ]
        if self.absent:
            told.append(f"{self.absent} files of the plan are not there")
        told += [f"a model could not be opened: {one.problem}" for one in self.models.values() if one.problem]
        return "\n".join(told)


def estimated(
    plan: Plan, work: Work, workers: int, answered: int = 0, times: Mapping[str, Took] | None = None
) -> Estimate:
    """Opens each model and its first case; reads no other image. plan: what is left of a run, of which so many rows are
    answered; times: of :func:`times.by_model`."""
    folder = Path(work.plan)
    by_model: dict[str, list[Job]] = {}
    for job in plan.jobs:
        by_model.setdefault(job.model, []).append(job)
    sizes = _sizes(plan, folder)
    rows = [row for job in plan.jobs for _, row in job.rows]
    try:
        models = {model: _model(jobs, work, times or {}) for model, jobs in by_model.items()}
    finally:
        STORE.forget()
    return Estimate(
        cases=plan.cases,
        questions=len(rows),
        more=any(EVERY in (row.label, row.target) for row in rows),
        models=models,
        gigabytes=sum(size for size in sizes.values() if size) / 1e9,
        absent=sum(size is None for size in sizes.values()),
        workers=workers,
        part=plan.part,
        answered=answered,
    )


def passes_of(questions: int, cases: int, maps: int, runs: int, settings: Settings) -> float:
    """Forward passes, a backward pass counted as the forward passes it takes as long as. maps: of one question."""
    from ...evaluation.deletion.gains import cost
    from ...evaluation.trust.cells_removed import PASSES
    from ...evaluation.trust.sanity import STEPS
    from ...evaluation.trust.stability import RUNS
    from ...evaluation.trust.trust_case import FORWARDS
    from ...evaluation.trust.trust_cost import EXPLANATION
    from ...evaluation.trust.verdict_limits import ORDERS

    found = cases * runs + questions * maps * (EXPLANATION - 1) * runs
    if settings.evaluate == FAST:
        found += questions * maps * FORWARDS * runs
    if settings.evaluate == FULL:
        found += questions * maps * runs * (FORWARDS + cost(ORDERS + 1) + EXPLANATION * (1 + STEPS + RUNS))
        # only a network that runs in one piece has a tail to run again
        found += questions * maps * PASSES if runs == 1 else 0
    return float(found)


def _model(jobs: list[Job], work: Work, times: Mapping[str, Took]) -> Passes:
    from ...protocol.errors import SegHiResCamError
    from ...session.opening import open_session
    from .row_questions import OpenCase

    questions, cases = sum(len(job.rows) for job in jobs), len(jobs)
    settings = work.settings
    try:
        set_threads(settings.threads)
        device, _ = device_of(settings.device)
        kept = STORE.get(placed(jobs[0].model, Path(work.plan)), work.consent, device)
        case = OpenCase.read(jobs[0].rows[0][1], kept.model, Path(work.plan), lambda note: None)
        session = open_session(kept.model, case.image, keep=False, device=device, **settings.session_words)
        session.prepared()
        seconds = _timed(session, device)
    except SegHiResCamError as error:
        return Passes(questions, cases, problem=f"{error.sentence} {error.hint}".strip())
    layers = len(settings.layers)
    maps = len(settings.methods) * layers
    runs = session.runs
    so_far = times.get(kept.sha256[:SHORT])
    took = so_far.seconds / so_far.questions if so_far else 0.0
    return Passes(questions, cases, runs, passes_of(questions, cases, maps, runs, settings), seconds, took=took)


def _timed(session, device: str) -> float:
    """Seconds of one pass, the second of two: the first warms up."""
    import torch

    network = session.model.networks[0]
    zeros = torch.zeros(session.input_shape, device=device)
    training, seconds = network.training, 0.0
    network.eval()
    try:
        with torch.no_grad():
            for _ in range(2):
                started = time.perf_counter()
                network(zeros.clone())
                if device.startswith("cuda"):
                    torch.cuda.synchronize()
                seconds = time.perf_counter() - started
    finally:
        network.train(training)
    return seconds


def _sizes(plan: Plan, folder: Path) -> dict[str, int | None]:
    """{path: its bytes, None where it is not there}; of a folder (DICOM) those of its files."""
    found: dict[str, int | None] = {}
    for job in plan.jobs:
        for _, row in job.rows:
            for words, labels in ((row.images, False), ((row.segment, row.reference), True)):
                for word in filter(None, words):
                    path = labels_placed(word, folder) if labels else placed(word, folder)
                    if path not in found:
                        found[path] = _size(path)
    return found


def _size(path: str) -> int | None:
    _, mark, own = path.partition("=")
    path = own if mark and not os.path.exists(path) else path
    path = path.rpartition("#")[0] if "#" in path and not os.path.exists(path) else path
    try:
        if not os.path.isdir(path):
            return os.stat(path).st_size
        return sum(entry.stat().st_size for entry in os.scandir(path) if entry.is_file())
    except OSError:
        return None


def _hours(hours: float) -> str:
    if hours < 1 / 60:
        return f"{max(1, int(np.ceil(3600 * hours)))} s"
    return f"{int(np.ceil(60 * hours))} min" if hours < 2 else f"{hours:.1f} h"
