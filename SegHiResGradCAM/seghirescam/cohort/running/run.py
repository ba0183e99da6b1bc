"""A cohort from its plan to its table: what is finished is left out, the rest answered, every outcome noted at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..journal import Entry, Journal, Receipts
from ..plans.row import Row
from ..run_folder import RunFolder
from ..table.cases import write_cases
from ..table.write_table import Answered, Unanswered, write_tables
from .failures import failure
from .interrupted import forget
from .job import Job, Plan
from .times import Times
from .work import Done, Outcome, Work

#: between two looks at a job that another process holds
_AGAIN_SECONDS = 0.5


@dataclass
class Report:
    """What a run did. questions: of this part; finished: by then, before: those at the start.  waiting: questions of
    other parts that have no answer yet.  loads: model openings of every process.  tables: file -> lines.  changed: of
    :meth:`RunFolder.begin`."""

    questions: int = 0
    before: int = 0
    finished: int = 0
    computed: int = 0
    failed: int = 0
    waiting: int = 0
    passes: int = 0
    seconds: float = 0.0
    computing_seconds: float = 0.0
    loads: dict[int, int] = field(default_factory=dict)
    failures: list[tuple[int, str]] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)
    changed: tuple[int, int] | None = None


@dataclass
class Cohort:
    """plan: of one part.  everything: all rows of the plan again, for the tables: (number, row)."""

    plan: Plan
    everything: Callable[[], Iterator[tuple[int, Row]]]
    run: RunFolder
    work: Work

    def answer(
        self, engine, *, retry_failed: bool = False, tell: Callable[[Report], None] | None = None,
        note: Callable[[str], object] = lambda sentence: None,
    ) -> Report:  # fmt: skip
        """Everything of this part answered by an engine (:class:`here.Here`, :class:`on_dask.OnDask`).

        note: is told what the user should know before.
        Raises OutputError, DiskError, SchedulerError; what was finished by then stays.
        """
        started = time.perf_counter()
        report = Report(changed=self.begin(note))
        try:
            self._ask(engine, report, retry_failed, started, tell)
        finally:
            self.run.sweep()
        report.seconds = time.perf_counter() - started
        self.write(report)
        return report

    def _ask(self, engine, report: Report, retry_failed: bool, started: float, tell) -> None:
        """What it needs to know of every question has gone before the tables are written."""
        receipts = Receipts(Path(self.work.plan), self.work.settings)
        journal, times = Journal(self.run), Times(self.run)
        try:
            waiting = deque(self._unfinished(journal.read(), receipts, report, retry_failed))
            if waiting:
                with engine.open() as opened:
                    self._all(opened, waiting, journal, times, receipts, report, started, tell)
        finally:
            journal.close()
            times.close()

    def begin(self, note: Callable[[str], object] = lambda sentence: None) -> tuple[int, int] | None:
        """The run's folder made, or gone on with. Returns and raises as :meth:`RunFolder.begin`."""
        plan = self.plan
        changed = self.run.begin(self.work.settings.to_json(), plan.sha256, plan.rows, plan.identities)
        if changed is not None:
            note(
                f"The plan is not the one that this run was last begun with: {changed[0]} questions are new, "
                f"{changed[1]} of the run are no longer asked (answers stay in its folder; the table is of this plan)."
            )
        return changed

    def left(self, report: Report) -> Plan:
        """The plan without what is answered or has failed in the run, which the report counts; asks nothing."""
        receipts = Receipts(Path(self.work.plan), self.work.settings)
        return replace(self.plan, jobs=list(self._unfinished(Journal(self.run).read(), receipts, report, False)))

    def write(self, report: Report) -> None:
        """The tables, once every question of the plan has an answer or a failure; cases.csv always."""
        receipts = Receipts(Path(self.work.plan), self.work.settings)
        known = Journal(self.run).read()
        answered: dict[str, Answered] = {}
        failed: list[Unanswered] = []
        report.waiting = 0

        def seen() -> Iterator[tuple[int, Row, Entry | None]]:
            for number, row in self.everything():
                entry = known.get(receipts.of(row))
                if entry is None:
                    report.waiting += 1
                elif entry.key:
                    former = answered.get(entry.key)
                    groups = {row.group, *(former.group.split("|") if former else ())} - {""}
                    answered[entry.key] = Answered(entry.key, entry.hashes, "|".join(sorted(groups)))
                else:
                    failed.append(Unanswered(number, entry.hashes, row.group, entry.code, entry.sentence))
                yield number, row, entry

        write_cases(self.run, seen())
        known.clear()  # a line each of what was asked: the table needs its key only
        if not report.waiting:
            report.tables = write_tables(self.run, list(answered.values()), failed)
            forget(self.run)

    def _unfinished(self, known: dict[str, Entry], receipts: Receipts, report: Report, retry: bool) -> Iterator[Job]:
        for job in self.plan.jobs:
            left = []
            for number, row in job.rows:
                report.questions += 1
                entry = known.get(receipts.of(row))
                if entry is None or (not entry.key and retry) or (entry.key and self.run.question(entry.key) is None):
                    left.append((number, row))
                elif entry.key:
                    report.before += 1
                    report.finished += 1
                else:
                    report.failed += 1
                    report.failures.append((number, entry.sentence))
            if left:
                yield Job(tuple(left))

    def _all(self, engine, waiting: deque[Job], journal, times, receipts, report: Report, started, tell) -> None:
        busy: deque[tuple[float, Job]] = deque()
        open_jobs = 0

        def more() -> Job | None:
            nonlocal open_jobs
            if waiting:
                open_jobs += 1
                return waiting.popleft()
            if not busy or open_jobs:
                return None
            when, job = busy.popleft()
            time.sleep(max(0.0, when - time.monotonic()))
            open_jobs += 1
            return job

        while waiting or busy:
            for job, outcome in engine.outcomes(more, self.work):
                open_jobs -= 1
                if isinstance(outcome, Exception):
                    outcome = Outcome(tuple(Done(n, row, failed=failure(outcome, [row])) for n, row in job.rows))
                if outcome.busy:
                    busy.append((time.monotonic() + _AGAIN_SECONDS, job))
                    continue
                report.passes += outcome.passes
                report.computing_seconds += outcome.seconds
                times.note(outcome)
                if outcome.pid:
                    report.loads[outcome.pid] = outcome.loads
                for one in outcome.done:
                    self._note(one, journal, receipts, report)
                report.seconds = time.perf_counter() - started
                if tell is not None:
                    tell(report)

    def _note(self, one: Done, journal: Journal, receipts: Receipts, report: Report) -> None:
        failed = one.failed or {"code": "", "sentence": ""}
        journal.note(receipts.of(one.row), Entry(one.key, failed["code"], failed["sentence"], one.hashes))
        report.computed += one.computed
        if one.failed is None:
            report.finished += 1
        else:
            report.failed += 1
            report.failures.append((one.number, one.failed["sentence"]))
