"""How long Slicer's event loop waits on a clinical volume: `python Testing/benchmarks/large_case.py [K J I]`.

The panel on the stage with the real worker and a demo network; the demo brain on 400 x 512 x 512 int16 voxels, segment
labelmap of the same extent.  Prints for every click the longest gap of the event loop and the time until it was done.
Reported, not asserted: Testing/gui/test_panel_large.py asserts 1 s at 256^3.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]

from stage.gui import failures  # noqa: E402
from stage.large import clickThrough, openLargeCase  # noqa: E402
from stage.panel import Panel  # noqa: E402

SHAPE = (400, 512, 512)


def main(shape) -> dict:
    """{step: (longest gap, seconds)}"""
    failures.collect()
    panel = Panel()
    openLargeCase(panel, shape)
    steps = clickThrough(panel)
    panel.close()
    for name, (gap, seconds) in steps.items():
        print(f"{name:20} longest gap {1000 * gap:6.0f} ms, done after {seconds:5.1f} s")
    return steps


if __name__ == "__main__":
    found = main(tuple(int(word) for word in sys.argv[1:4]) or SHAPE)
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / "large_case.json").write_text(json.dumps(found, indent=1) + "\n")
    print("\n".join(failures.texts))
    sys.stdout.flush()
    os._exit(1 if failures.texts else 0)  # Slicer's classes do not survive Python's own shutdown
