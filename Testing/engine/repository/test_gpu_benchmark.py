"""The GPU's benchmark runs where there is none: tiny, with "not measured" for what needs CUDA."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu"
BLOCKS = ("ratios", "agreement", "live", "windows", "shortage")


def ran(out, *words):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), "--out", str(out), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads((out / "gpu.json").read_text()), (out / "gpu.md").read_text()


def test_tiny_runs_every_block_and_says_what_was_not_measured(tmp_path):
    found, page = ran(tmp_path, "--tiny")
    assert all(name in found and "error" not in found[name] for name in BLOCKS)
    assert found["live"]["tiny"]["forward_calls"] == 1
    ours = found["agreement"]["tiny, bottleneck"]
    assert ours["fp32"]["r"] > 0.999999 and ours["bf16"]["computed_in"] == "bf16" and ours["twice"]["bit_equal"]
    assert found["ratios"]["tiny"]["bottleneck: ours"]["forwards"] > 0
    assert "Tiny networks" in page and all(f"## {name}" in page for name in BLOCKS)
    if not torch.cuda.is_available():
        assert found["shortage"] == {"not measured": "needs CUDA"} and "not measured: needs CUDA" in page
        assert ours["tf32"]["computed_in"] == "fp32" and ours["cpu"] == {"not measured": "there is no GPU"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_measured_and_the_table_says_so(tmp_path):
    found, page = ran(tmp_path)
    assert all(found[name] == {"not measured": "there is no GPU"} for name in BLOCKS)
    assert "Card: no GPU" in page and page.count("not measured: there is no GPU") == len(BLOCKS)


def test_a_block_without_time_left_is_told(tmp_path):
    found, _ = ran(tmp_path, "--tiny", "--seconds", "0", "--only", "live")
    assert found["live"] == {"not measured": "no time left"}
