"""The memory and seconds of a process that goes on with a finished run of so many questions: plan, journal, tables.

python phases.py PLAN RUN -> one JSON line. By itself, for what a process has held once stands in its peak for good.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main() -> None:
    from seghirescam.cohort.plans.expanded import expanded
    from seghirescam.cohort.run_folder import RunFolder
    from seghirescam.cohort.running.job import Plan
    from seghirescam.cohort.running.run import Cohort
    from seghirescam.cohort.running.work import Work
    from seghirescam.cohort.settings import Settings

    class Nobody:
        """Everything is finished: an engine that is never opened."""

        workers = 1

    where, run = (Path(word) for word in sys.argv[1:])
    found: dict = {}

    def done(word: str) -> None:
        found[f"{word}_cpu_seconds"] = time.process_time()
        found[f"{word}_peak_megabytes"] = held("VmHWM")

    done("start")
    plan = Plan.of(expanded(where), Settings().refuse)
    done("plan")
    work = Work(str(run), str(where.parent), Settings())
    cohort = Cohort(plan, lambda: enumerate(expanded(where), 1), RunFolder(run), work)
    write = cohort.write

    def written(report) -> None:
        done("go_on")
        write(report)
        done("table")

    cohort.write = written  # type: ignore[method-assign]
    report = cohort.answer(Nobody())
    assert report.computed == report.failed == 0 and report.finished == plan.rows
    print(json.dumps({"questions": plan.rows} | found))


def held(word: str) -> float:
    """MB, of /proc: VmRSS now, VmHWM at most. getrusage's is the parent's before it."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(word)) / 1000


if __name__ == "__main__":
    main()
