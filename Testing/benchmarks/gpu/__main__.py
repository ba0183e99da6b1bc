"""Everything that only a GPU can tell, in at most eight minutes; `python3 dev.py bench --gpu` calls this.

    python3 dev.py bench --gpu                      with the project's own environment (PyPI's Linux torch has CUDA)
    python3 dev.py bench --gpu --own-python         with this Python's torch, as a machine without internet has it
    python Testing/benchmarks/gpu --out DIR         the same, by hand
    python Testing/benchmarks/gpu --tiny            small networks, on the CPU too: does everything run?
    python Testing/benchmarks/gpu --only live       some blocks, by the names of BLOCKS

Needed are torch and numpy; Captum, torchcam and MONAI are measured where they are installed, else the table says so.
``DIR/gpu.json`` and ``DIR/gpu.md`` are written after each block: a run that is cut off leaves what it had.  Without a
GPU, and without --tiny, every number is "not measured".  The page of the last run on a card is kept as
``Testing/benchmarks/results/gpu.md``, its numbers beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "SegHiResGradCAM")]

import gpu_agreement  # noqa: E402
import gpu_live  # noqa: E402
import gpu_ratios  # noqa: E402
import gpu_shortage  # noqa: E402
import gpu_table  # noqa: E402
import gpu_windows  # noqa: E402
from gpu_clock import Clock, machine  # noqa: E402
from gpu_networks import Scale  # noqa: E402

#: in the order of their worth: what the time does not suffice for is told
BLOCKS = {
    "ratios": gpu_ratios.measure,
    "agreement": gpu_agreement.measure,
    "live": gpu_live.measure,
    "windows": gpu_windows.measure,
    "shortage": gpu_shortage.measure,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE.parents[2] / ".bench" / "gpu", help="folder for the results")
    parser.add_argument("--tiny", action="store_true", help="small, also without a GPU")
    parser.add_argument("--seconds", type=float, default=480.0, help="no block begins after that")
    parser.add_argument("--only", nargs="+", choices=BLOCKS, default=list(BLOCKS))
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    clock, facts = Clock(options.seconds), machine()
    results: dict = {"machine": facts, "tiny": options.tiny}
    print(json.dumps(facts, indent=1), flush=True)
    for name in options.only:
        results[name] = block(name, Scale(options.tiny), clock, bool(facts["card"]) or options.tiny)
        results["seconds"] = round(clock.passed, 1)
        (options.out / "gpu.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        (options.out / "gpu.md").write_text(gpu_table.markdown(results, list(BLOCKS)), encoding="utf-8")
        print(f"{name}: {json.dumps(results[name])[:2000]}", flush=True)
    return 1 if any("error" in results[name] for name in options.only) else 0


def block(name: str, scale: Scale, clock: Clock, runs: bool) -> dict:
    """One block's numbers; an error is told and does not keep the next ones from being taken."""
    if not runs:
        return {"not measured": "there is no GPU"}
    if clock.is_over:
        return {"not measured": "no time left"}
    try:
        return BLOCKS[name](scale, clock)
    except Exception:
        return {"error": traceback.format_exc()[-2000:]}


if __name__ == "__main__":
    sys.exit(main())
