"""Does memory stay flat?  Many explanations in one process, RSS after each.

python flat.py CASE OUT [COUNT]: writes RSS in MiB and the growth from the 10th to the last explanation.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(case_path: Path, count: int) -> dict:
    import torch

    torch.set_num_threads(1)
    import case as case_file
    import memory
    from peers.seghirescam import prepare
    from rows import HIRES, Row

    case = case_file.load(case_path)
    row = Row("ours", "seghirescam", "seghirescam", HIRES, "bottleneck")
    prepared = prepare(case, row, (case_file.BOTTLENECK,))
    resident = []
    for _ in range(count):
        prepared.call()
        resident.append(memory.resident())
    early = resident[min(9, count - 1)]
    return {"resident_mib": resident, "after_10": early, "after_last": resident[-1], "growth": resident[-1] / early - 1}


if __name__ == "__main__":
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    Path(sys.argv[2]).write_text(json.dumps(main(Path(sys.argv[1]), times)), encoding="utf-8")
