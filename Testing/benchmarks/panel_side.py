"""What a question about a clinical volume takes beside its passes: `python Testing/benchmarks/panel_side.py`.

Slicer's side and the worker's.  A CT of 400 x 512 x 512 int16 voxels (K, J, I; 1 x 0.7 x 0.7 mm), a segment of the size
of a liver and one of the body, and a map of 25 x 32 x 32 cells of 16 voxels.  Every step runs in a fresh process with
one thread; reported are the medians of its CPU seconds and of the memory it took beyond what was there before (VmHWM),
in MiB and as a share of one float32 volume.  Network passes are not part of it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing"), str(ROOT / "Testing" / "benchmarks")]

SHAPE, SPACING, CELL = (400, 512, 512), (1.0, 0.7, 0.7), 16
#: half axes (K, J, I) of the segments, in voxels
SEGMENTS = {"liver": (80, 100, 110), "body": (199, 180, 250)}
ROUNDS = 5


def main(rounds: int) -> dict:
    """{step: {"seconds", "MiB", "volumes"}}"""
    found = {}
    for step in STEPS:
        runs = [_alone(step) for _ in range(rounds)]
        seconds, mib = (statistics.median(run[what] for run in runs) for what in ("seconds", "MiB"))
        volume = 4 * SHAPE[0] * SHAPE[1] * SHAPE[2] / 2**20
        found[step] = {"seconds": round(seconds, 3), "MiB": round(mib, 1), "volumes": round(mib / volume, 3)}
        print(f"{step:36} {seconds:6.3f} s CPU, {mib:7.1f} MiB = {mib / volume:.3f} float32 volumes", flush=True)
    return found


def _alone(step: str) -> dict:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, __file__, step], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measured(work) -> dict:
    from memory import Peak, resident, settle

    settle()
    before, started = resident(), time.process_time()
    with Peak() as peak:
        held = work()
    seconds = time.process_time() - started
    del held
    return {"seconds": seconds, "MiB": peak.mib - before}


def _ellipsoid(half):
    import numpy as np

    k, j, i = (((np.arange(n) - n / 2) / h) ** 2 for n, h in zip(SHAPE, half, strict=True))
    plane = j[:, None] + i[None, :]
    return np.stack([plane <= 1 - row for row in k])


def _grid():
    import numpy as np
    from seghirescam.protocol.grid import Grid

    return Grid(SHAPE, np.diag([*reversed(SPACING), 1.0]))


def _scene(segment=None):
    """(volume node, segmentation node or None)."""
    import stage  # noqa: F401  before anything imports slicer

    # isort: split
    import numpy as np
    from stage.builders import addSegmentation, addVolume
    from stage.scene import HeadlessScene

    HeadlessScene.instance()
    volume = addVolume(np.zeros(SHAPE, np.int16), _grid().ijk_to_ras)
    return volume, addSegmentation(volume, segment=_ellipsoid(SEGMENTS[segment])) if segment else None


def _cells():
    import numpy as np

    shape = tuple(n // CELL for n in SHAPE)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32), _grid().strided(
        (CELL,) * 3, ((CELL - 1) / 2,) * 3, shape
    )


def mask_sent(segment):
    """The segment is read from the scene and written for the worker."""
    volume, segmentation = _scene(segment)
    from seghirescam.protocol.messages import recipe_to_json
    from seghirescam.protocol.recipes import Segment
    from SegHiResGradCAMLib.scene.segments.PixelSetReader import pixelSetSteps
    from SegHiResGradCAMLib.schedule.Steps import finished
    from SegHiResGradCAMLib.worker.WorkerFolder import WorkerFolder

    with tempfile.TemporaryDirectory() as parent:
        folder = WorkerFolder(parent)

        def work():
            arrays: dict = {}
            recipe_to_json(Segment(finished(pixelSetSteps(segmentation, "segment", volume))), folder.naming(arrays))
            finished(folder.writeArrays(arrays))

        return measured(work)


def mask_read(segment):
    """The worker reads what was written."""
    from seghirescam.protocol.arrays import read_array, write_array
    from seghirescam.protocol.messages import recipe_from_json, recipe_to_json
    from seghirescam.protocol.pixel_set import PixelSet
    from seghirescam.protocol.recipes import Segment

    with tempfile.TemporaryDirectory() as parent:
        save = lambda array: write_array(Path(parent), "pixels.npy", array)  # noqa: E731
        told = recipe_to_json(Segment(PixelSet(_ellipsoid(SEGMENTS[segment]), _grid(), "segment")), save)
        return measured(lambda: recipe_from_json(told, lambda name: read_array(Path(parent), name)))


def overlay_made(kind):
    """The worker places the map, sorts its evidence and writes both."""
    from types import SimpleNamespace

    import numpy as np
    from seghirescam.protocol.arrays import write_array
    from seghirescam.protocol.display.map_grids import map_grid
    from seghirescam.worker.results import shown_to_json

    cells, own = _cells()
    counted = SimpleNamespace(n=0)

    def save(array: np.ndarray) -> str:
        counted.n += 1
        return write_array(Path(parent), f"map_{counted.n}.npy", array)

    with tempfile.TemporaryDirectory() as parent:
        return measured(lambda: shown_to_json(cells, own, "logit", map_grid(kind, own, _grid()), save))


def overlay_shown(kind):
    """Slicer reads what the worker made and shows it."""
    volume, _ = _scene()
    from seghirescam.protocol.arrays import write_array
    from seghirescam.protocol.display.displayed import on_voxels
    from seghirescam.protocol.display.evidence import Evidence
    from seghirescam.protocol.display.map_grids import map_grid
    from SegHiResGradCAMLib import addOverlay
    from SegHiResGradCAMLib.scene.overlay.ShownMap import ShownMap
    from SegHiResGradCAMLib.scene.volumes.Voxels import Voxels
    from SegHiResGradCAMLib.schedule.Steps import finished
    from SegHiResGradCAMLib.worker.WorkerFolder import WorkerFolder
    from stage.builders import makeExplanation

    import slicer

    cells, own = _cells()
    explanation = makeExplanation(cells, own)

    with tempfile.TemporaryDirectory() as parent:
        folder = WorkerFolder(parent)
        values, unit = on_voxels(cells, own, "logit", map_grid(kind, own, _grid()))
        evidence = Evidence.of(values)
        write_array(folder.path, "map.npy", values)
        del values

        def work():
            held = []

            def hold(shape, dtype):
                held.append(Voxels(shape, dtype))
                return held[0].array

            finished(folder.readSteps("map.npy", hold))
            shown = ShownMap(held[0], unit, evidence)
            return addOverlay(slicer.mrmlScene, explanation, volume, grid=kind, shown=shown)

        return measured(work)


def shares():
    """The share of the evidence inside a segment, on the image's voxels (what sidecars and the fast numbers say)."""
    from seghirescam.evaluation.metrics.location import share_in
    from seghirescam.protocol.resampling import spread

    density = spread(*_cells(), _grid())
    inside, body = (_ellipsoid(SEGMENTS[name]) for name in ("liver", "body"))
    return measured(lambda: share_in(density, inside, body))


KINDS = {"quarters of cells": "quarter", "the volume's voxels": "input"}
STEPS = {
    **{f"mask sent, {name}": lambda name=name: mask_sent(name) for name in SEGMENTS},
    **{f"mask read, {name}": lambda name=name: mask_read(name) for name in SEGMENTS},
    **{f"overlay made, {name}": lambda kind=kind: overlay_made(kind) for name, kind in KINDS.items()},
    **{f"overlay shown, {name}": lambda kind=kind: overlay_shown(kind) for name, kind in KINDS.items()},
    "share inside": shares,
}


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1] in STEPS:
        print(json.dumps(STEPS[sys.argv[1]]()))
        sys.stdout.flush()
        os._exit(0)  # Slicer's classes do not survive Python's own shutdown
    results = Path(__file__).parent / "results" / "panel_side.json"
    results.write_text(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS), indent=1) + "\n")
