"""What surrounds the passes of a cohort, with passes of 10 ms that compute nothing: scheduler, files, keys, table.

python Testing/benchmarks/cohort --questions 20000 --workers 2     # writes Testing/benchmarks/results/cohort.json

The committed result is of 5,000 questions, the most that ended in some minutes of a loaded machine: read its seconds of
CPU, not those of the clock. A result is written with the sizes measured before it, so that memory is extrapolated from
two of them, not from one that holds what every process holds.
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
    parser.add_argument(
        "--planned", type=int, default=500_000, help="rows that are only planned, measured by themselves"
    )
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="seghirescam-benchmark-"))
    try:
        found = measured(folder, options.questions, options.workers)
        found |= {"planned": planned(folder, options.planned)}
    finally:
        shutil.rmtree(folder)
    found |= {"sizes": sizes(options.out, found)}
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

    where, settings = _plan(folder / "plan.csv", questions), Settings()
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
    return found | _looked_up(RunFolder(folder / "run"), [path.stem for path in files])


def planned(folder: Path, rows: int) -> dict:
    """A plan of that many rows read and sorted into jobs, in a process of its own: nothing of it is extrapolated."""
    import subprocess

    code = """if True:
        import sys, time
        from pathlib import Path
        from seghirescam.cohort.plans.expanded import expanded
        from seghirescam.cohort.running.job import Plan
        from seghirescam.cohort.settings import Settings
        def held():  # getrusage's is the parent's before it
            return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1000
        before = held()
        plan = Plan.of(expanded(Path(sys.argv[1])), Settings().refuse)
        print(plan.rows, time.process_time(), held() - before)
    """
    where = _plan(folder / "long.csv", rows)
    told = subprocess.run([sys.executable, "-c", code, where], check=True, capture_output=True, text=True).stdout
    count, cpu, megabytes = told.split()
    return {"rows": int(count), "cpu_seconds": float(cpu), "megabytes": float(megabytes)}


def _plan(where: Path, questions: int) -> Path:
    with open(where, "w", encoding="utf-8") as file:
        file.write("case,images,segment,label,model,target\n")
        for n in range(questions):
            case, model = divmod(n, MODELS)
            file.write(f"case{case},ct/{case}.nii.gz,seg/{case}.seg.nrrd,1,model{model},lesion\n")
    return where


def _looked_up(run, keys: list[str], most: int = 2000) -> dict:
    """ms of CPU to find one key's answer, and to find that there is none."""
    there = keys[:: max(1, len(keys) // most)][:most]
    found: dict = {}
    for word, several in (("there", there), ("absent", [key[::-1] for key in there])):
        answers, _, cpu = _timed(lambda several=several: [run.question(key) for key in several])
        assert all((answer is not None) == (word == "there") for answer in answers)
        found[f"look_up_{word}_cpu_ms"] = 1000 * cpu / len(several)
    return found


_OF_A_SIZE = (
    "questions", "workers", "run_seconds", "cpu_ms_a_question_beside_its_pass", "peak_megabytes_of_the_run_s_process"
)  # fmt: skip


def sizes(before: Path, found: dict) -> list[dict]:
    """What grows, of this run and of those that wrote the same file before, by their number of questions."""
    held = json.loads(before.read_text(encoding="utf-8")) if before.exists() else {}
    several = [*held.get("sizes", ()), *([held] if held else ()), found]
    by_size = {one["questions"]: {word: one[word] for word in _OF_A_SIZE} for one in several}
    return [by_size[size] for size in sorted(by_size)]


def extrapolated(found: dict, questions: int = 500_000) -> dict:
    """100,000 cases x 5 models on one core for the run's own process: seconds of its CPU, which other processes of the
    machine do not stretch, taken to grow with the number of questions."""
    times = questions / found["questions"]
    small, large = found["sizes"][-2:][0], found["sizes"][-1]
    between = large["questions"] - small["questions"]
    peak = "peak_megabytes_of_the_run_s_process"
    grown = (large[peak] - small[peak]) / between if between else found["plan_megabytes"] / found["questions"]
    memory = (large[peak] + grown * (questions - large["questions"])) / 1000
    return {
        "breaks_first": (
            f"memory of the run's own process, {memory:.0f} GB if it grew as between {small['questions']} and "
            f"{large['questions']} questions; then its one core, which feeds no more than "
            f"{found['questions'] / found['run_cpu_seconds_of_the_run_s_process']:.0f} questions a second to all "
            f"workers; then a quota on the number of files, of which there are {questions}"
        ),
        "run_s_process_gigabytes": memory,
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
