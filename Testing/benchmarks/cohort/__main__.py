"""What surrounds the passes of a cohort, with passes of 10 ms that compute nothing: scheduler, files, keys, table.

python Testing/benchmarks/cohort --questions 20000 --workers 2     # writes Testing/benchmarks/results/cohort.json

The committed result is of 2,000 questions on a loaded machine: read its seconds of CPU, not those of the clock. What
grows with 500,000 questions is the plan's rows in memory (about 1 kB each) and half a million small files.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing"), str(ROOT / "Testing" / "benchmarks")]
sys.path[:0] = [str(Path(__file__).parent)]
os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path[:4], os.environ.get("PYTHONPATH", "")])
RESULT = ROOT / "Testing" / "benchmarks" / "results" / "cohort.json"
MODELS = 5


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="seghirescam-benchmark-"))
    try:
        found = measured(folder, options.questions, options.workers)
    finally:
        shutil.rmtree(folder)
    found |= {"extrapolated": extrapolated(found)}
    options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def measured(folder: Path, questions: int, workers: int) -> dict:
    import fake_pass
    from seghirescam.cohort.plans.expanded import expanded
    from seghirescam.cohort.run_folder import RunFolder
    from seghirescam.cohort.running.here import Here
    from seghirescam.cohort.running.job import Plan
    from seghirescam.cohort.running.on_dask import OnDask
    from seghirescam.cohort.running.run import Cohort
    from seghirescam.cohort.running.work import Work
    from seghirescam.cohort.settings import Settings

    from machine import describe

    where, settings = folder / "plan.csv", Settings()
    with open(where, "w", encoding="utf-8") as file:
        file.write("case,images,segment,label,model,target\n")
        for n in range(questions):
            case, model = divmod(n, MODELS)
            file.write(f"case{case},ct/{case}.nii.gz,seg/{case}.seg.nrrd,1,model{model},lesion\n")
    found: dict = {"questions": questions, "workers": workers, "machine": describe()}
    before = _megabytes()
    plan, found["plan_seconds"], found["plan_cpu_seconds"] = _timed(lambda: Plan.of(expanded(where), settings.refuse))
    found["plan_megabytes"] = _megabytes() - before
    work = Work(str(folder / "run"), str(folder), settings)
    cohort = Cohort(plan, lambda: enumerate(expanded(where), 1), RunFolder(folder / "run"), work)
    engine = OnDask(workers, function=fake_pass.answer) if workers > 1 else Here(fake_pass.answer)
    report, seconds, cpu = _timed(lambda: cohort.answer(engine))
    found |= {"run_seconds": seconds, "run_cpu_seconds_of_the_run_s_process": cpu, "failed": report.failed}
    found["cpu_ms_a_question_beside_its_pass"] = 1000 * cpu / questions
    found["peak_megabytes_of_the_run_s_process"] = _megabytes()
    again, found["resume_seconds"], found["resume_cpu_seconds"] = _timed(lambda: cohort.answer(engine))
    assert again.computed == 0 and again.finished == questions
    _, found["table_seconds"], found["table_cpu_seconds"] = _timed(lambda: cohort.write(again))
    for name in ("table.csv", "table.parquet", "by_label.csv", "cases.csv"):
        path = folder / "run" / name
        found[f"{name} MB"] = path.stat().st_size / 1e6 if path.exists() else None
    files = list((folder / "run" / "questions").glob("*/*.json"))
    found["question_files"], found["question_files_MB"] = len(files), sum(p.stat().st_size for p in files) / 1e6
    return found


def extrapolated(found: dict, questions: int = 500_000) -> dict:
    """100,000 cases x 5 models on one core for the run's own process: seconds of its CPU, which other processes of the
    machine do not stretch, taken to grow with the number of questions."""
    times = questions / found["questions"]
    return {
        "questions": questions,
        "plan_minutes": times * found["plan_cpu_seconds"] / 60,
        "plan_gigabytes": times * found["plan_megabytes"] / 1000,
        "run_s_own_process_hours": times * found["run_cpu_seconds_of_the_run_s_process"] / 3600,
        "questions_a_second_at_most": found["questions"] / found["run_cpu_seconds_of_the_run_s_process"],
        "resume_minutes": times * found["resume_cpu_seconds"] / 60,
        "table_minutes": times * found["table_cpu_seconds"] / 60,
        "table_csv_gigabytes": times * found["table.csv MB"] / 1000,
        "question_files_gigabytes": times * found["question_files_MB"] / 1000,
    }


def _timed(work):
    started, cpu = time.perf_counter(), time.process_time()
    value = work()
    return value, time.perf_counter() - started, time.process_time() - cpu


def _megabytes() -> float:
    """The most this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
