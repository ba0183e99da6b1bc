"""How long the panel takes from a move of the crosshair to its map: `python Testing/benchmarks/live_places.py`.

The demo case and its shortcut network, the panel on the stage, one thread.  For each main layer a voxel is asked about
again and again; a move begins when the former map is shown.  ``latency``: from the move to the map in the node, wall
seconds.  ``engine``: of these what the worker says its question took (its second question: no forward pass).
``beside``: latency without the engine.  ``panel``: CPU seconds of Slicer's side, of the process that holds the panel.
Medians and 95th percentiles; the processors' load beside it is told, too.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing"), str(ROOT / "Testing" / "benchmarks")]
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"}

MOVES, WARM = 60, 3


def main(moves: int) -> dict:
    """{"layers": {layer: {"latency", "engine", "beside", "panel": [median, p95]}}, "load": ...}"""
    import stage.gui  # noqa: F401  before anything imports slicer

    # isort: split
    import numpy as np
    from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
    from stage.gui import choose, click, events
    from stage.panel import Panel
    from stage.scene import HeadlessScene

    import slicer

    HeadlessScene.instance().addSliceViews()
    panel = Panel()
    panel.openDemo()
    panel.applyAndWait()
    panel.waitChecked()
    live, grid = panel.presenter.live, gridOfVolume(panel.presenter.parameters.volume)
    crosshair = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    middle = np.array(grid.shape) / 2
    crosshair.SetCrosshairRAS(*grid.ras(middle))
    rest = lambda: events.waitUntil(lambda: not live.holdsAQuestion, 120_000, "at rest")  # noqa: E731
    panel.open(panel.ui.followCheckBox)
    click(panel.ui.followCheckBox)
    rest()
    seconds: list[float] = []
    show = live._map.show
    live._map.show = lambda job, answer: (seconds.append(answer["session"]["seconds"]), show(job, answer))[1]
    chance, found = np.random.default_rng(0), {}
    names = [panel.ui.shownLayerComboBox.itemText(n) for n in range(panel.ui.shownLayerComboBox.count)]
    for name in names:
        choose(panel.ui.shownLayerComboBox, name)
        panel.waitIdle()
        rest()
        rows = []
        for n in range(WARM + moves):
            events.wait(15)
            place = grid.ras(middle + chance.uniform(-0.3, 0.3, 3) * grid.shape)
            seconds.clear()
            started, cpu = time.perf_counter(), time.process_time()
            crosshair.SetCrosshairRAS(*place)
            rest()
            latency, panelCpu = time.perf_counter() - started, time.process_time() - cpu
            assert panel.ui.errorLabel.text == "" and len(seconds) == 1
            if n >= WARM:
                rows.append((latency, seconds[0], latency - seconds[0], panelCpu))
        told = zip(("latency", "engine", "beside", "panel"), np.array(rows).T, strict=True)
        layer = name.split(" ")[0]
        found[layer] = {what: [round(float(np.percentile(v, q)), 3) for q in (50, 95)] for what, v in told}
        print(layer, found[layer], flush=True)
    panel.close()
    return {"moves": moves, "processors": os.cpu_count(), "load": round(os.getloadavg()[0], 2), "layers": found}


if __name__ == "__main__":
    results = Path(__file__).parent / "results" / "live_places.json"
    told = main(int(sys.argv[1]) if len(sys.argv) > 1 else MOVES)
    results.write_text(json.dumps(told, indent=1) + "\n")
    sys.stdout.flush()
    os._exit(0)  # Slicer's classes do not survive Python's own shutdown
