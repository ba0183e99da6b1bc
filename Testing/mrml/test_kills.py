"""Thirty kills of the export and of the worker at random moments: nothing mixed, nothing lost, nothing left."""

import contextlib
import os
import random
import signal
import sys
import time

import numpy as np
import pytest

import slicer
from mrml.saved_files import fits
from seghirescam.protocol.writing.claims import sweep
from SegHiResGradCAMLib import addOverlay, exportOverlay
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from stage.builders import addVolume, makeExplanation, obliqueMatrix

KILLS = 30
SHAPE = (12, 16, 20)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL"),
]


def test_thirty_kills_of_the_export(mrml, tmp_path):
    volume = addVolume(np.zeros(SHAPE, dtype=np.int16), obliqueMatrix())
    grid = gridOfVolume(volume).strided((4, 4, 4), (0, 0, 0), (3, 4, 5))
    overlay = addOverlay(mrml, makeExplanation(np.ones(grid.shape), grid), volume)
    voxels, count = slicer.util.arrayFromVolume(overlay), float(np.prod(SHAPE))
    voxels[...] = 1
    started = time.monotonic()
    exportOverlay(overlay, tmp_path / "map.nrrd")
    seconds, chance = time.monotonic() - started, random.Random(0)
    for n in range(KILLS):
        voxels[...] = 2 + n
        child = os.fork()
        if child == 0:
            try:
                exportOverlay(overlay, tmp_path / "map.nrrd")
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, 1.2 * seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        before = fits(tmp_path)  # asserts that no sidecar tells of other voxels
        sweep(tmp_path)
        found = fits(tmp_path)
        assert found is not None and found / count in range(1, 3 + n) and before in (None, found), f"lost by kill {n}"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["map.json", "map.nrrd"], f"left by kill {n}"
    exportOverlay(overlay, tmp_path / "map.nrrd")
    assert fits(tmp_path) == (1 + KILLS) * count and len(list(tmp_path.iterdir())) == 2


def test_thirty_kills_of_the_worker(panels, model):
    panel = panels()
    started = time.monotonic()
    expected = panel.until(panel.ask(model))["explanations"][0].map
    seconds, chance, answered = time.monotonic() - started, random.Random(0), 0
    for n in range(KILLS):
        number = panel.ask(model)
        panel.loop.run(lambda: panel.client._link is not None)
        # mostly within the computation; the start alone is most of the time
        panel.loop.run(lambda n=n: n % 3 and panel.client.hello is not None, seconds=chance.uniform(0, seconds))
        panel.loop.run(lambda number=number: number in panel.results, seconds=chance.uniform(0, 0.2 * seconds))
        if panel.client._link is not None:
            pid = panel.client.hello.pid if panel.client.hello else panel.client._link._process.pid
            with contextlib.suppress(ProcessLookupError):  # it has just been noticed
                os.kill(pid, signal.SIGKILL)
        answer = panel.until(number)
        if number in panel.results:
            answered += 1
            assert np.array_equal(answer["explanations"][0].map, expected), f"mixed by kill {n}"
        else:
            assert answer.code == "worker_lost", f"not told of kill {n}"
        assert panel.loop.run(lambda: panel.client.state == "off") and panel.folders() == [], f"left by kill {n}"
    assert np.array_equal(panel.until(panel.ask(model))["explanations"][0].map, expected)
    assert answered < KILLS
