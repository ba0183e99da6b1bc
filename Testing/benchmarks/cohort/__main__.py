"""What surrounds the passes of a cohort, with passes of 10 ms that compute nothing: scheduler, files, keys, table.

python Testing/benchmarks/cohort --questions 20000 --workers 2     # writes Testing/benchmarks/results/cohort.json

Read its seconds of CPU: those of the clock are of whatever else the machine did, too. The run's own process is looked
at while it runs, and for several sizes processes of their own go on with what is finished, so that memory is
extrapolated from how it grows and not from what every process holds. With --work FOLDER a benchmark that was ended goes
on.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
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
    parser.add_argument("--work", type=Path, help="folder to go on in, removed at the end")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args(arguments)
    folder = options.work or Path(tempfile.mkdtemp(prefix="seghirescam-benchmark-"))
    folder.mkdir(parents=True, exist_ok=True)
    found = measured(folder, options.questions, options.workers)
    found["sizes"] = [gone_on(folder, options.questions * share // 8) for share in (1, 2, 4, 8)]
    found["planned"] = planned(folder, options.planned)
    found["extrapolated"] = extrapolated(found)
    options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))
    shutil.rmtree(folder)


def measured(folder: Path, questions: int, workers: int) -> dict:
    import fake_pass
    from phases import held
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
    plan = Plan.of(expanded(where), settings.refuse)
    work = Work(str(folder / "run"), str(folder), settings)
    cohort = Cohort(plan, lambda: enumerate(expanded(where), 1), RunFolder(folder / "run"), work)
    engine = OnDask(workers, function=fake_pass.answer) if workers > 1 else Here(fake_pass.answer)
    cohort.write = lambda report: None  # type: ignore[method-assign]  # measured by itself
    marks, computed, failed = [], [0], [0]
    step = max(1, questions // 40)

    def tell(report) -> None:
        computed[0], failed[0] = report.computed, report.failed
        if report.finished % step == 0:
            marks.append({
                "finished": report.finished, "seconds": report.seconds, "cpu_seconds": time.process_time(),
                "megabytes": held("VmRSS"),
            })  # fmt: skip

    pieces = folder / "pieces.jsonl"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started, cpu = time.perf_counter(), time.process_time()
    try:
        report = cohort.answer(engine, tell=tell)
    finally:  # Ctrl-C, too
        spent = time.perf_counter() - started, time.process_time() - cpu
        with open(pieces, "a", encoding="ascii") as file:
            print(json.dumps([computed[0], failed[0], *spent, held("VmHWM"), marks]), file=file)
    seen = [json.loads(line) for line in pieces.read_text(encoding="ascii").splitlines()]
    answers = sum(piece[0] for piece in seen)
    found |= {
        "run_seconds": sum(piece[2] for piece in seen), "run_cpu_seconds_of_the_run_s_process": sum(p[3] for p in seen),
        "computed": answers, "failed": report.failed, "marks": [mark for piece in seen for mark in piece[5]],
        "peak_megabytes_of_the_run_s_process": max(piece[4] for piece in seen),
    }  # fmt: skip
    found["cpu_ms_a_question_beside_its_pass"] = 1000 * found["run_cpu_seconds_of_the_run_s_process"] / answers
    files = list((folder / "run" / "questions").glob("*/*.json"))
    assert len(files) == questions and report.failed == 0
    found["question_files"], found["question_files_MB"] = len(files), sum(p.stat().st_size for p in files) / 1e6
    return found | _looked_up(RunFolder(folder / "run"), [path.stem for path in files])


def gone_on(folder: Path, questions: int) -> dict:
    """The first so many questions of the run in a process of their own, and their tables."""
    where = _plan(folder / "first.csv", questions)
    words = [sys.executable, str(Path(__file__).parent / "phases.py"), str(where), str(folder / "run")]
    found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    for name in ("table.csv", "table.parquet", "by_label.csv", "cases.csv"):
        path = folder / "run" / name
        found[f"{name} MB"] = path.stat().st_size / 1e6 if path.exists() else None
    return found


def planned(folder: Path, rows: int) -> dict:
    """A plan of that many rows read and sorted into jobs, in a process of its own: nothing of it is extrapolated."""
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


def extrapolated(found: dict, questions: int = 500_000) -> dict:
    """100,000 cases x 5 models on one core for the run's own process: seconds of its CPU, which other processes of the
    machine do not stretch, taken to grow with the number of questions; memory by a straight line through the sizes."""
    times, sizes = questions / found["questions"], found["sizes"]
    last, halfway = sizes[-1], sizes[len(sizes) // 2]
    several = [one["questions"] for one in sizes]
    slopes = {}
    for word in ("plan", "go_on", "table"):
        slope, base = _line_through(several, [one[f"{word}_peak_megabytes"] for one in sizes])
        slopes[word] = {"kilobytes_a_question": 1000 * slope, "gigabytes": (base + slope * questions) / 1000}
    late = [mark for mark in found["marks"] if 2 * mark["finished"] >= found["questions"]]
    done = [mark["finished"] for mark in late]
    slopes["run"] = {"kilobytes_a_question": 1000 * _line_through(done, [mark["megabytes"] for mark in late])[0]}
    each = _line_through(done, [mark["cpu_seconds"] for mark in late])[0]  # without the start of a cluster

    def minutes(word: str, before: str) -> float:
        """By what the second half of the questions took."""
        one, two = (part[f"{word}_cpu_seconds"] - part[f"{before}_cpu_seconds"] for part in (halfway, last))
        more = (questions - last["questions"]) / (last["questions"] - halfway["questions"])
        return (two + (two - one) * more) / 60

    running = slopes["plan"]["gigabytes"] + slopes["run"]["kilobytes_a_question"] * questions / 1e6
    held_there = max(slopes["table"]["gigabytes"], running)
    return {
        "questions": questions,
        "breaks_first": (
            f"the run's own process has one core, which feeds no more than {1 / each:.0f} questions a "
            f"second to all workers; then a quota on the number of files, of which there are {questions}; its memory, "
            f"{held_there:.1f} GB at most, does not"
        ),
        "memory": slopes,
        "plan_minutes": minutes("plan", "start"),
        "cpu_ms_a_question_beside_its_pass": 1000 * each,
        "run_s_own_process_hours": questions * each / 3600,
        "questions_a_second_at_most": 1 / each,
        "resume_minutes": minutes("go_on", "plan"),
        "table_minutes": minutes("table", "go_on"),
        "table_csv_gigabytes": questions / last["questions"] * last["table.csv MB"] / 1000,
        "question_files_gigabytes": times * found["question_files_MB"] / 1000,
    }


def _line_through(x: list[float], y: list[float]) -> tuple[float, float]:
    import numpy as np

    slope, base = np.polyfit(x, y, 1)
    return float(slope), float(base)


def _timed(work):
    started, cpu = time.perf_counter(), time.process_time()
    value = work()
    return value, time.perf_counter() - started, time.process_time() - cpu


if __name__ == "__main__":
    main()
