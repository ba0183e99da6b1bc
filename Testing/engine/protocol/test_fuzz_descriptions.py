"""Thousands of mutated models are described: nothing runs, only one sentence comes out, nothing is dear."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import seghirescam

ENGINE, HERE = Path(seghirescam.__file__).parents[1], Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("first", "last"), [(0, 120), pytest.param(120, 4000, marks=pytest.mark.slow)], ids=["some", "thousands"]
)
def test_no_mutated_model_runs_hangs_fills_the_memory_or_ends_in_a_traceback(tmp_path, first, last):
    """2 s of CPU and 200 MB above the idle process for each case; engine/fuzz.py makes the cases and judges them."""
    pytest.importorskip("monai")
    environment = os.environ | {"PYTHONPATH": str(ENGINE), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, HERE / "fuzz.py", tmp_path, str(first), str(last)], cwd=tmp_path, capture_output=True,
        text=True, env=environment, timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert not said["faults"], "\n".join(said["faults"])
    assert said["dearest"][0] < 2 and said["peak_mb"] < 200 and not (tmp_path / "canary").exists()
    ended = said["ended"]
    assert sum(ended.values()) == last - first
    # the mutations reach what they are meant for: every kind is both described and refused
    kinds = ("monai_bundle", "nnunet", "factory", "monai_network", "exported", "torchscript", "auto3dseg")
    assert last < 1000 or all(ended.get(kind) and ended.get(f"{kind} refused") for kind in kinds), ended
