"""The benchmark against what people would use instead; `python3 dev.py bench` calls this.  Standard library only.

    python Testing/benchmarks/run.py                    5 rounds at 96^3 (about 70 minutes on an idle machine)
    python Testing/benchmarks/run.py --quick            1 round at 32^3: does everything run?
    python Testing/benchmarks/run.py --resume           go on where an interrupted run stopped
    python Testing/benchmarks/run.py --only captum ours

Environments and the work file lie in `.bench/` of the repository, results in `Testing/benchmarks/results/`
(`results-quick/` below `.bench/` with --quick); tools/write_readme_tables.py puts the table into the docs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import goals
import machine
import table
from environments import Environments
from rows import FLOOR, SINGLE, all_rows
from schedule import WorkFile, round_of
from summary import off, summarise

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BENCH = ROOT / ".bench"
TIMEOUT = 900
# For the memory processes.  One arena and a fixed threshold: what is freed goes back to the system at once, so RSS
# says what is in use, and the floor's peak varies by 0.2 MiB instead of 50.  That costs 10 to 30 % of the time in page
# faults, so times are taken in other processes, with malloc as the system has it.
MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "1048576"}
SHOWN = ("torch", "monai", "numpy", "captum", "grad-cam", "torchcam", "medcam")


class Bench:
    """One benchmark run: where things lie, and how a measurement is started."""

    def __init__(self, options):
        self.options = options
        self.environments = Environments(BENCH)
        self.folder = BENCH / ("quick" if options.quick else "full")
        self.size = 32 if options.quick else options.size
        self.rounds = 1 if options.quick else options.rounds
        self.settings = {"size": self.size, "rounds": self.rounds, "threads": options.threads}
        self.case, self.reference = self.folder / "case.pt", self.folder / "reference.npz"
        same = {k: v for k, v in self.settings.items() if k != "rounds"}
        self.work = WorkFile(self.folder / "measurements.jsonl", same, options.resume)

    def process(self, environment: str, *arguments: str, malloc=()) -> subprocess.CompletedProcess:
        """A fresh interpreter of one environment; the same variables for every contestant."""
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "OMP_", "MKL_", "MALLOC_"))}
        threads = str(self.options.threads)
        keep.update(malloc, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads, MPLBACKEND="Agg", PYTHONHASHSEED="0")
        if environment == "seghirescam":
            keep["PYTHONPATH"] = str(ROOT / "SegHiResGradCAM")
        return subprocess.run(
            [str(self.environments.python(environment)), *arguments],
            cwd=HERE, env=keep, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT,
        )  # fmt: skip

    def prepare(self) -> float:
        """Case and float64 reference, once; returns the share of voxels in M."""
        write = f"import pathlib, case; case.write(pathlib.Path({str(self.case)!r}), {self.size})"
        if not self.case.exists():
            _checked(self.process("base", "-c", write))
        if not self.reference.exists():
            print("  float64 reference", flush=True)
            _checked(self.process("base", "reference.py", str(self.case), str(self.reference)))
        share = f"import torch; print(float(torch.load({str(self.case)!r})['mask'].mean()))"
        return float(_checked(self.process("base", "-c", share)).stdout.strip().splitlines()[-1])

    def measure(self, row, compare: bool) -> dict:
        """One row: a process for the time and one for the memory."""
        result = self._measure(row, compare)
        if result["status"] == "ok" and row.timed:
            result["memory"] = self._measure(row, False, malloc=MALLOC)
            if result["memory"]["status"] != "ok":
                return result["memory"]
        return result

    def _measure(self, row, compare, malloc=()):
        out = self.folder / "out.json"
        out.unlink(missing_ok=True)
        job = {"row": row.to_json(), "case": str(self.case), "out": str(out), "threads": self.options.threads}
        job["reference"] = str(self.reference) if compare else None
        try:
            done = self.process(row.environment, "measure.py", json.dumps(job), malloc=malloc)
        except subprocess.CalledProcessError as error:
            return {"status": "did not run", "reason": f"could not be installed: {_last_line(error)}"}
        except subprocess.TimeoutExpired:
            return {"status": "did not run", "reason": f"no result after {TIMEOUT} s"}
        if self.options.verbose or not out.exists():
            print(done.stdout)
        if not out.exists():
            return {"status": "did not run", "reason": f"the process ended with code {done.returncode}"}
        return json.loads(out.read_text())

    def flat(self, count: int) -> dict:
        """RSS over many explanations in one process; with malloc as for all memory, or RSS jumps by a fifth."""
        out = self.folder / "flat.json"
        out.unlink(missing_ok=True)
        done = self.process("seghirescam", "flat.py", str(self.case), str(out), str(count), malloc=MALLOC)
        return json.loads(out.read_text()) if out.exists() else {"error": done.stdout[-500:]}


def main() -> int:
    options = _options()
    bench = Bench(options)
    print(f"Benchmark at {bench.size}^3, {bench.rounds} round(s); environments in {BENCH} (about 2.5 GB).", flush=True)
    facts = {"settings": bench.settings, "machine": machine.describe(), "date": options.date}
    rows = [r for r in all_rows() if _wanted(r, options.only)]
    _make_environments(bench, rows)
    facts["share_of_m"] = bench.prepare()
    for number in range(bench.rounds):
        rows = _one_round(bench, rows, number)
    if bench.work.get("flat", 0, 0) is None and _wanted(replace(FLOOR, peer="seghirescam"), options.only):
        print("  50 explanations in one process", flush=True)
        bench.work.put(bench.flat(50), "flat", 0, 0)
    facts["flat"] = bench.work.get("flat", 0, 0)
    facts["versions"] = _versions(bench, rows)
    measured = [r for row in rows for r in bench.work.results(row.key) if r["status"] == "ok"]
    facts["memory_by"] = measured[0]["peak_by"] if measured else "-"
    lines = summarise(rows, bench.work.results)
    facts["goals"] = goals.check(lines, bench.size, facts["flat"])
    raw = {row.key: bench.work.results(row.key) for row in rows}
    folder = BENCH / "results-quick" if options.quick else HERE / "results"
    text = table.write(folder, lines, facts, raw)
    print("\n" + text)
    for name, value, bound, kept in facts["goals"]:
        print(f"  {'kept  ' if kept else 'MISSED'} {name}: {value:.3g} (at most {bound:.3g})")
    print(f"Results in {folder}. Into docs/benchmarks/speed.md: python3 tools/write_readme_tables.py")
    return 0


def _make_environments(bench, rows):
    """Before the first measurement; one that cannot be made becomes "did not run" rows."""
    for name in dict.fromkeys(row.environment for row in rows):
        try:
            bench.environments.python(name)
        except subprocess.CalledProcessError as error:
            print(f"  environment '{name}' could not be made: {_last_line(error)}", flush=True)


def _last_line(error):
    return ((error.stderr or "").strip() or str(error)).splitlines()[-1]


def _one_round(bench, rows, number):
    """Measure one round; after the first, peers that failed or came out wrong get an out-of-place network as well."""
    plan = round_of([r for r in rows if r.timed], number)
    if number == 0:
        plan += [(r, 0) for r in rows if not r.timed]
    extra = []
    while plan:
        row, slot = plan.pop(0)
        failed = any(r["status"] != "ok" for r in bench.work.results(row.key))
        if number and failed and not bench.work.get(row.key, number, slot):
            continue
        result = bench.work.get(row.key, number, slot)
        if result is None:
            print(f"  round {number + 1}/{bench.rounds}, {len(plan):3d} to go: {row.key:70s}", end="", flush=True)
            start = time.monotonic()
            result = bench.measure(row, compare=number == 0)
            bench.work.put(result, row.key, number, slot)
            print(f"{_short(result)}  [{time.monotonic() - start:.0f} s]", flush=True)
        twin = row.out_of_place()
        is_peer = (
            row.in_place and row.peer not in ("forward", "seghirescam") and (row.target in SINGLE or not row.timed)
        )
        if number == 0 and is_peer and off(result):
            plan.insert(0, (twin, 0))
            extra.append((row, twin))
    for row, twin in extra:
        rows = [*rows[: rows.index(row) + 1], twin, *rows[rows.index(row) + 1 :]]
    return rows


def _short(result):
    if result["status"] != "ok":
        return result["reason"][:90]
    extra = result["memory"]["again"]["extra_mib"] if "memory" in result else None
    return f"{result['again']['cpu_s']:6.2f} s {'' if extra is None else f'{extra:6.0f} MiB'}"


def _wanted(row, only):
    names = row.key.replace("seghirescam", "seghirescam ours")
    return not only or row.peer == "forward" or any(name in names for name in only)


def _versions(bench, rows):
    names = dict.fromkeys(("base", *(r.environment for r in rows)))
    found = {}
    for name in names:
        try:
            found |= bench.environments.versions(name)
        except (subprocess.CalledProcessError, OSError):
            continue
    return {name: found[name] for name in SHOWN if name in found}


def _checked(done):
    if done.returncode:
        sys.exit(f"{done.stdout}\nThe benchmark could not be prepared; see above.")
    return done


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="32^3, one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=96, help="edge of the image, a multiple of 16")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", help="parts of row names; the floor is always measured")
    parser.add_argument("--resume", action="store_true", help="keep finished measurements of an interrupted run")
    parser.add_argument("--date", default=time.strftime("%Y-%m-%d"), help="the date that the table shows")
    parser.add_argument("--verbose", action="store_true", help="print what the processes say")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
