"""The benchmark with known answers: ``python Testing/benchmarks/known/run.py --out Testing/benchmarks/results/known``.

Tier 0: networks written by hand, whose reason is known (seconds).  Tier 1: ten honest and ten shortcut models
trained on the same phantoms; which map tells the two apart? (about 15 min of training and 10 of measuring on one
core).  Tier 2: one real CT and a small network trained on it (about 6 min; needs --data).  Interrupted runs go on
where they stopped: weights and raw rows lie in --work, which is not committed.  Writes CSVs, table.md and
readme.md (tier 1 in short) made from them, and about.json (machine, versions, date, durations, command).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "SegHiResGradCAM")]

TIERS = (0, 1, 2)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tier", type=int, choices=TIERS, nargs="+", default=list(TIERS))
    parser.add_argument("--quick", action="store_true", help="two untested models, one case: whether it runs at all")
    parser.add_argument("--out", type=Path, default=ROOT / "Testing" / "benchmarks" / "results" / "known")
    parser.add_argument("--work", type=Path, default=ROOT / ".bench" / "known", help="weights and raw rows")
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGHIRESCAM_TEST_DATA"), help="tier 2: the CT")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    if 2 in options.tier and (options.data is None or not (Path(options.data) / "ct_abdomen.nii.gz").is_file()):
        parser.error("Tier 2 needs the test data: set SEGHIRESCAM_TEST_DATA or --data, or leave it out (--tier 0 1).")
    import torch
    from benchmarks.known import tables, tiers

    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    options.work.mkdir(parents=True, exist_ok=True)
    for tier in options.tier:
        began, cpu = time.time(), time.process_time()
        facts = tiers.RUN[tier](options)
        spent = {"wall_s": round(time.time() - began, 1), "cpu_s": round(time.process_time() - cpu, 1)}
        tiers.note(options.out / "about.json", tier, facts, spent, options.quick)
    text = tables.markdown(options.out)
    (options.out / "table.md").write_text(text, encoding="utf-8")
    if (options.out / tables.METHODS).exists():
        (options.out / "readme.md").write_text(tables.short(options.out), encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
