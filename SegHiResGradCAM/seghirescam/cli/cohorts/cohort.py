"""Many cases, several models, one table: a plan of questions answered on one machine or a cluster, and resumed."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import fields
from pathlib import Path

from ...protocol.question import ComputeSettings, Question
from ..inputs import add_device
from ..question_options import method_names
from .plan_asked import add_folder_words, asked, write_plan

HELP = "Ask many cases about several models, by a plan; one table, resumable, on one machine or a cluster."
MORE = """PLAN is a CSV, one line a question, with the columns case, images (one a channel, between |), segment, label
(a value, a name, or * for every one), pixels (as explain's --pixel-set), model, target (a class, or *), rival,
reference, reference_label and group; paths are relative to it. A pattern in images without a case is one question a
file. Or a small YAML with settings, defaults and rows, whose lists stand for all their combinations. demo:plan comes
with the package. Or the folder of a dataset as it is published, with --model: nnU-Net, BIDS, and by --layout KiTS23,
Cityscapes, teeth. A finished question is never computed again, whatever ended the run: the same command goes on. Exit
code 3: some questions failed; the table says why."""
EXAMPLE = "seghirescam cohort demo:plan --score contrast --evaluate none --out cohort/"
_ASKED = ("methods", "layers", "score", "side", "tolerance", "mirroring", "folds")
_COMPUTED = ("precision", "deterministic", "device")
FAILED = 3


def add_arguments(parser) -> None:
    from ...cohort.settings import TIERS

    parser.add_argument("plan", metavar="PLAN", help="a CSV or YAML file, demo:plan, or a dataset's folder")
    parser.add_argument("--out", type=Path, metavar="RUN", help="folder of the run; an earlier one is gone on with")
    parser.add_argument("--dry-run", action="store_true", help="say what it would take, and ask nothing")
    add_folder_words(parser)
    every = parser.add_argument_group("asked of every question (also a YAML plan's settings)")
    for one in (*fields(Question), *fields(ComputeSettings)):
        if one.name in _ASKED:
            flags, words = one.metadata["option"]
            more = {"help": f"repeatable: {', '.join(method_names())}"} if one.name == "methods" else {}
            every.add_argument(*flags, **words | {"dest": one.name, "default": None} | more)
    every.add_argument(
        "--evaluate", choices=TIERS, help="beside each map: none, the fast tier of evaluate (default), or the full one"
    )
    every.add_argument("--seed", type=int, metavar="N", help="of everything random (default: 0)")
    every.add_argument("--maps", action="store_true", default=None, help="write the maps, too")
    add_device(parser)
    parser.set_defaults(device=None, precision=None, deterministic=None)
    where = parser.add_argument_group("where")
    where.add_argument(
        "--workers", type=int, metavar="N", help="processes here (default: one a GPU, else 1, which needs no dask)"
    )
    where.add_argument("--threads", type=int, metavar="N", help="of each process (default: 1); part of every key")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a dask.distributed cluster that is there: tls://...")
    for name, what in (("ca", "the authority"), ("cert", "the certificate"), ("key", "its key")):
        where.add_argument(f"--tls-{name}", metavar="PEM", default="", help=f"of the scheduler: {what}")
    where.add_argument(
        "--scheduler-insecure",
        action="store_true",
        help="yes to a scheduler without TLS: it runs what anybody sends it",
    )
    where.add_argument(
        "--part", metavar="K/N", help="the k-th of n parts, in one folder or joined (default: from SLURM_ARRAY_*)"
    )
    resume = parser.add_argument_group("going on")
    resume.add_argument("--retry-failed", action="store_true", help="ask again what failed")
    resume.add_argument(
        "--join", nargs="+", type=Path, default=(), metavar="RUN", help="runs of parts: join them in --out, ask nothing"
    )
    consent = parser.add_argument_group("consent, for models that run code of their author")
    consent.add_argument("--consent", action="store_true", help="yes, run it, of every model of the plan")
    consent.add_argument(
        "--consent-sha256",
        action="append",
        default=[],
        metavar="HASH",
        help="yes, if the code still has it (repeatable)",
    )


def run(options, console) -> int:
    from ...cohort.part import others, part_of
    from ...cohort.plans.row import PlanError
    from ...cohort.run_folder import RunFolder
    from ...cohort.running.job import Plan
    from ...cohort.running.model_store import Consent
    from ...cohort.running.run import Cohort
    from ...cohort.running.work import Work

    if options.write_plan:
        return write_plan(options, console)
    if options.out is None and not options.dry_run:
        raise PlanError("No folder was named for the run.", "Add --out RUN, or --dry-run.")
    if options.workers is not None and options.workers < 1:
        raise PlanError("A cohort has at least one worker.", "Use --workers 2, for example.")
    source = asked(options, console)
    settings = _settings(options, source.head)
    part = part_of(options.part, os.environ)
    console.progress(0.0, "reading the plan")
    plan = Plan.of(source.rows(), settings.refuse, part)
    gpus = () if options.scheduler else _gpus(settings.device)
    workers = options.workers or max(1, len(gpus))
    run = RunFolder(options.out or "unnamed")
    consent = Consent(options.consent, tuple(options.consent_sha256))
    work = Work(str(run.path), str(source.folder), settings, consent, gpus if workers > 1 else ())
    cohort = Cohort(plan, lambda: enumerate(source.rows(), start=1), run, work)
    if options.dry_run:
        return _told(cohort, workers, options.out is not None, console)
    if options.join:
        return _joined(cohort, options.join, console)
    engine = _engine(options, workers, console)
    if others(part):
        console.note(others(part))
    said = _Said(console, sum(len(job.rows) for job in plan.jobs))
    try:
        with _terminated():
            report = cohort.answer(engine, retry_failed=options.retry_failed, tell=said, note=console.note)
    except KeyboardInterrupt:
        console.end_progress()
        console.error_out.write("Stopped. What is finished stays; the same command goes on with the rest.\n")
        return 130
    _answer(report, run, part, console)
    return FAILED if report.failed else 0


def _settings(options, head: dict):
    """The command's words go before the plan's."""
    from ...cohort.settings import Settings

    names = (*_ASKED, *_COMPUTED, "evaluate", "seed", "maps", "threads")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    called = {"method": "methods", "layer": "layers"}
    return Settings.from_json({called.get(word, word): value for word, value in head.items()} | given)


def _engine(options, workers: int, console):
    from ...cohort.running.here import Here
    from ...cohort.running.on_dask import Elsewhere, OnDask

    if options.scheduler:
        words = options.tls_ca, options.tls_cert, options.tls_key, options.scheduler_insecure
        return OnDask(elsewhere=Elsewhere(options.scheduler, *words))
    return OnDask(workers) if workers > 1 else Here()


def _gpus(device: str) -> tuple[str, ...]:
    """What CUDA_VISIBLE_DEVICES of one worker each may be, where the GPUs are shared out; () on the CPU."""
    if device != "auto":
        return ()
    from ...session.devices import gpus

    count = len(gpus()[0])
    visible = [one for one in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if one]
    return tuple(visible[:count] if visible else map(str, range(count)))


class _Said:
    """The bar with how long it will still take, by what the questions of this run took."""

    def __init__(self, console, questions: int):
        self.console, self.questions, self.started = console, questions, time.monotonic()

    def __call__(self, report) -> None:
        done = report.finished + report.failed
        now = done - report.before
        left = max(0, self.questions - done)
        seconds = (time.monotonic() - self.started) / now * left if now > 0 else None
        eta = "" if seconds is None or not left else f", {_duration(seconds)} left"
        failed = f", {report.failed} failed" if report.failed else ""
        self.console.progress(done / max(1, self.questions), f"{done} of {self.questions} questions{failed}{eta}")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def _told(cohort, workers: int, named: bool, console) -> int:
    """Of the whole plan, or of what a run has left that --out names."""
    from ...cohort.running.estimate import estimated
    from ...cohort.running.run import Report
    from ...cohort.running.times import by_model

    console.progress(0.0, "timing one pass of each network")
    plan, report, times = cohort.plan, Report(), {}
    facts = cohort.run.facts() if named else None
    if facts is not None and facts["settings"] == cohort.work.settings.to_json():
        plan, times = cohort.left(report), by_model(cohort.run)
    found = estimated(plan, cohort.work, workers, report.finished + report.failed, times)
    console.answer(found.to_json(), found.text)
    return 0


def _joined(cohort, parts, console) -> int:
    from ...cohort.join import join
    from ...cohort.running.run import Report

    cohort.begin(console.note)
    came, report = join(cohort.run, parts), Report()
    cohort.write(report)
    console.note(f"{came} finished questions were joined.")
    _answer(report, cohort.run, (1, 1), console)
    return FAILED if report.failed else 0


def _answer(report, run, part, console) -> None:
    from ...cohort.part import others

    data = {
        "questions": report.questions, "answered": report.finished, "computed": report.computed,
        "before": report.before, "failed": report.failed, "waiting": report.waiting, "passes": report.passes,
        "seconds": report.seconds, "model_openings": sum(report.loads.values()), "files": report.tables,
        "failures": [{"plan_row": number, "sentence": sentence} for number, sentence in sorted(report.failures)],
    }  # fmt: skip
    done = f"{report.finished} questions have their answer: {report.computed} now"
    done += f", {report.finished - report.computed} before." if report.finished > report.computed else "."
    text = [done]
    if report.failed:
        text.append(f"{report.failed} failed (--retry-failed asks them again):")
        text += [f"  question {number} of the plan: {sentence}" for number, sentence in sorted(report.failures)[:10]]
        text += [f"  and {len(report.failures) - 10} more; the table has them all."] * (len(report.failures) > 10)
    if report.tables:
        lines = ", ".join(f"{name} ({count} lines)" for name, count in report.tables.items())
        text.append(f"Written: {lines}. cases.csv tells which case each is, and stays with you.")
    if report.waiting:
        text.append(f"{report.waiting} questions of the plan have no answer yet. {others(part)}".rstrip())
    console.answer(data, "\n".join(text))


@contextlib.contextmanager
def _terminated():
    """SIGTERM (of Slurm, of a shutdown) ends a run as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*what):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
