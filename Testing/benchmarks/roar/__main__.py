"""python Testing/benchmarks/roar [--out DIR] [--table]: run or resume, then write the table."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]

from benchmarks import machine  # noqa: E402
from benchmarks.roar.rows_file import read  # noqa: E402
from benchmarks.roar.table import markdown  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "Testing" / "benchmarks" / "results" / "roar")
    parser.add_argument("--table", action="store_true", help="only write the table again from the CSV")
    options = parser.parse_args()
    rows, about = options.out / "roar.csv", options.out / "roar.json"
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.table:
        measure(rows, about)
    kept = json.loads(about.read_text())
    found = read(rows)
    kept["trainings"] = len(found)
    kept["cpu_hours"] = round(sum(result.cpu_s for result in found.values()) / 3600, 3)
    about.write_text(json.dumps(kept, indent=1) + "\n")
    (options.out / "table.md").write_text(markdown(found, kept))
    print(f"written: {options.out / 'table.md'}")


def measure(rows: Path, about: Path) -> None:
    """Run what is missing; the hours of all runs are added up."""
    import torch
    from benchmarks.roar.run import Settings, plan, prepare, run

    torch.set_num_threads(1)
    settings = Settings()
    kept = json.loads(about.read_text(encoding="utf-8")) if about.exists() else {"wall_hours": 0.0}
    if rows.exists() and kept.get("settings") != settings.to_json():
        sys.exit(f"{rows.name} was made with other settings. Move it away, or choose another --out.")
    kept["settings"] = settings.to_json()
    kept["machine"] = kept.get("machine") or machine.describe() | {"threads": 1}
    kept["versions"] = {name: version(name) for name in ("torch", "numpy", "scipy")}
    about.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped; what is done is kept."))
    say, started = partial(print, flush=True), time.time()
    try:
        seeds = prepare(settings, rows, ROOT / ".bench" / "roar", say)
        kept["maps"] = {own.seed: own.orders()[2] for own in seeds}
        about.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        run(seeds, plan(settings), rows, say)
    finally:
        kept["wall_hours"] = round(kept["wall_hours"] + (time.time() - started) / 3600, 3)
        about.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
