"""Thirty kills of the command line at random moments: nothing mixed, nothing lost, nothing left after the next run."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli_cases import ENVIRONMENT, factory, left, volume
from seghirescam.cli.manifest import read_manifest
from seghirescam.cli.outputs import swept

KILLS = 30
#: a process that has loaded everything once and forks a command for each line: (pid, then its status) on stdout
FORKING = """
import json, os, sys
import torch, SimpleITK, scipy.ndimage
import seghirescam.cli.explain, seghirescam.session.explain, seghirescam.models.factory.factory_model
from seghirescam.cli import main
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os._exit(main(json.loads(line)))
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture
def forking():
    process = subprocess.Popen(
        [sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def whole_run(folder):
    """The weights' hash of the one run the folder holds, every file checked; None where it holds none."""
    run = read_manifest(folder)
    if run is None:
        return None
    assert all(run.holds(folder, name) for name in run.files)
    assert left(folder) == sorted(["run.json", *run.files]), "files of another run"
    facts = [json.loads((folder / name).read_text(encoding="utf-8")) for name in run.files if name.endswith(".json")]
    weights = {one["request"]["weights_sha256"] for one in facts}
    assert len(weights) == 1 and len(facts) in (1, 2)
    return weights.pop()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL")
def test_thirty_kills_of_the_command_line(tmp_path, forking):
    """Two models in turns into one folder: of one of them there are two maps, of the other one."""
    (tmp_path / "place").mkdir()
    out, image = tmp_path / "place" / "why", volume(tmp_path)
    models = [factory(tmp_path / name, classes=names) for name, names in (("a", ("no", "organ")), ("b", "xyz"))]
    asked = [("--class", "organ", "--layer", "down", "--layer", "up"), ("--class", "y", "--layer", "up")]

    def start(n):
        words = ("explain", models[n], "--consent", "--image", image, "--pixel-set", "whole", *asked[n], "--quiet")
        forking.stdin.write(json.dumps([*map(str, words), "--overwrite", "--out", str(out)]) + "\n")
        forking.stdin.flush()
        return int(forking.stdout.readline())

    def ended():
        return int(forking.stdout.readline())

    known, seconds = [], 0.0
    for n in (0, 1):
        started = time.monotonic()
        start(n)
        assert ended() == 0
        seconds = time.monotonic() - started
        known.append(whole_run(out))
    assert len(set(known)) == 2
    chance = random.Random(0)
    for n in range(KILLS):
        pid = start(n % 2)
        if n % 3:  # while it writes, which is soon over
            until = time.monotonic() + 60
            while not list(out.parent.glob(".seghirescam-*/new")) and time.monotonic() < until:
                time.sleep(0.0005)
            time.sleep(chance.uniform(0, 0.15 * seconds))
        else:
            time.sleep(chance.uniform(0, seconds))
        with contextlib.suppress(ProcessLookupError):  # it had come to its end
            os.kill(pid, signal.SIGKILL)
        ended()
        assert whole_run(out) in (None, *known) and (whole_run(out) or not out.exists()), "half a run"
        swept(out)  # as the next run does first
        assert whole_run(out) in known, f"lost by kill {n}"
        assert left(Path(out.parent)) == ["why", *(f"why/{name}" for name in left(out))], f"left by kill {n}"
    start(0)
    assert ended() == 0 and whole_run(out) == known[0]
    assert not list(out.parent.glob(".seghirescam-*"))
