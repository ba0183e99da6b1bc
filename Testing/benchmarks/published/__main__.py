"""``python Testing/benchmarks/published [--copies 5] [--minutes M] [--table]``: run or resume, then write the tables.

Needs SEGHIRESCAM_TEST_DATA (networks/, brain_t1, brain_tumour), nilearn and deepbet 1.0.2; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]

from benchmarks import machine  # noqa: E402
from benchmarks.published.tables import write  # noqa: E402

COPIES = 5


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, default=COPIES, help="of each head, the head itself among them")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no copy after so long")
    parser.add_argument("--networks", nargs="+", help="only these")
    parser.add_argument("--out", type=Path, default=ROOT / "Testing" / "benchmarks" / "results" / "published")
    parser.add_argument("--table", action="store_true", help="only write the tables again from the CSV files")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.table:
        measure(options)
    write(options.out)


def measure(options) -> None:
    import torch
    from benchmarks.published.heads import HEADS
    from benchmarks.published.networks import ASKED
    from benchmarks.published.run import measure as one_copy
    from benchmarks.published.run import plan

    torch.set_num_threads(1)
    data, began = Path(os.environ.get("SEGHIRESCAM_TEST_DATA", "")), time.time()
    if not (data / "networks").is_dir():
        sys.exit("Set SEGHIRESCAM_TEST_DATA to the folder that holds networks/ and the brains.")
    packages = ("torch", "numpy", "scipy", "nilearn", "deepbet", "nibabel", "SimpleITK")
    about = {"machine": machine.describe() | {"threads": 1}, "versions": {name: version(name) for name in packages}}
    (options.out / "about.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    for network, head, number in plan(options.copies, HEADS, options.networks or tuple(ASKED)):
        if time.time() - began > 60 * options.minutes:
            return
        spent = one_copy(network, head, number, data, ROOT / ".bench" / "published", options.out)
        print(f"{network}, {head}, copy {number}: {spent:.0f} CPU s", flush=True)


if __name__ == "__main__":
    main()
