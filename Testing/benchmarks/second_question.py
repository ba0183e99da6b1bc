"""What a second question costs, and how long Slicer's event loop waits: `python Testing/benchmarks/second_question.py`.

Part 1, the engine: a MONAI DynUNet at 96^3, one thread; process CPU seconds of the first question (forward and
backward) and of a second one about other voxels (backward only), per layer; median of five.  Part 2, the panel on the
stage with the real worker: the longest gap of the event loop while it computes three questions on the demo case.
Says for each goal of the project whether it was reached.  Writes results/second_question.json.  Needs the test
environment and monai (its `.bench` environment is found by itself for part 1).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
#: a second question costs at most so much of the first; the event loop waits at most so long, seconds
COST, GAP = 0.6, 0.1
LAYERS = ("bottleneck", "upsamples.2", "downsamples.1", "input_block")


def engine() -> dict:
    """layer -> {first, second, ratio, forward_calls}."""
    import numpy as np
    import torch
    from monai.networks.nets import DynUNet
    from seghirescam import Grid, Image, PixelSet, PlainModel
    from seghirescam.session.whole import WholeSession

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = DynUNet(3, 1, 3, [3] * 5, [1, 2, 2, 2, 2], [2] * 4, filters=[16, 32, 64, 128, 256]).eval()
    model = PlainModel(network, ["a", "b", "c"])
    grid = Grid.from_spacing((96, 96, 96))
    image = Image(np.random.default_rng(0).normal(size=grid.shape), grid)
    boxes = []
    for low in (20, 40):
        weights = np.zeros(grid.shape)
        weights[low : low + 40, low : low + 40, low : low + 40] = 1
        boxes.append(PixelSet(weights, grid, "box"))
    WholeSession(model, image).layers()
    found = {}
    for layer in LAYERS:
        times = []
        for _ in range(5):
            session = WholeSession(model, image)
            marks = [time.process_time()]
            for box in boxes:
                session.ask(box, class_index=1, layers=[layer])
                marks.append(time.process_time())
            times.append((marks[1] - marks[0], marks[2] - marks[1]))
        first, second = (median(t[i] for t in times) for i in (0, 1))
        found[layer] = {"first": first, "second": second, "ratio": second / first, "forward": session.forward_calls}
    return found


def panel() -> dict:
    """Longest gaps of the event loop in seconds, for three questions."""
    sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")]
    from stage.gui import choose, events, failures
    from stage.panel import Panel

    failures.collect()
    shown = Panel()
    shown.openDemo()
    gaps = {"computing": [], "answering": []}
    for pixels in ("Segment", "Predicted class", "Whole image"):
        choose(shown.ui.pixelSetComboBox, pixels)
        with events.LoopGap() as gap:
            shown.apply()
            answered = shown.presenter.onAnswer
            shown.presenter.onAnswer = lambda answer, answered=answered: _timed(answered, answer, gaps["answering"])
            shown.waitIdle()
            shown.presenter.onAnswer = answered
        gaps["computing"].append(gap.longest)
    shown.close()
    return {"gaps_s": gaps["computing"], "answers_s": gaps["answering"]}


def _timed(action, word, times):
    started = time.monotonic()
    action(word)
    times.append(time.monotonic() - started)


def goals(result: dict) -> list[tuple[str, float, float, bool]]:
    """(what, measured, at most, reached) for every goal."""
    found = [(f"second question / first, {layer}", values["ratio"], COST) for layer, values in result["engine"].items()]
    found.append(("forward calls of both questions", max(v["forward"] for v in result["engine"].values()), 1))
    found.append(("longest gap of the event loop, s", max(result["panel"]["gaps_s"]), GAP))
    return [(what, value, most, value <= most) for what, value, most in found]


def main() -> int:
    if sys.argv[1:] in (["engine"], ["panel"]):
        print("RESULT " + json.dumps(engine() if sys.argv[1] == "engine" else panel()), flush=True)
        os._exit(0)  # Slicer's classes do not survive Python's own shutdown
    bench = ROOT / ".bench" / "seghirescam" / "bin" / "python"
    result = child(str(bench) if bench.exists() else sys.executable, "engine") | child(sys.executable, "panel")
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / "second_question.json").write_text(json.dumps(result, indent=1) + "\n")
    print("Into docs/benchmarks/speed.md: python3 tools/write_readme_tables.py")
    reached = goals(result)
    for what, value, most, kept in reached:
        print(f"{'reached' if kept else 'MISSED ':8} {what}: {value:.3g} (at most {most:g})")
    print(f"of the gap, showing the answer: {1000 * max(result['panel']['answers_s']):.0f} ms")
    return 0 if all(kept for *_, kept in reached) else 1


def child(python: str, part: str) -> dict:
    paths = os.pathsep.join([str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing")])
    done = subprocess.run(
        [python, __file__, part], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths}, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        sys.exit(f"{part} did not run:\n{done.stderr[-2000:]}")
    return {part: json.loads(lines[-1].removeprefix("RESULT "))}


if __name__ == "__main__":
    sys.exit(main())
