"""Models, images and calls for the tests of the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from engine.grids import oblique
from engine.volume_files import PATIENT
from seghirescam.cli import main
from seghirescam.demo import case
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import read_volume, write_volume

VOLUME, SEGMENTS = str(case.VOLUME_FILE), str(case.SEGMENTATION_FILE)
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}

#: what the author of a model may write; BEFORE and FORWARD are filled in
CODE = """
from pathlib import Path
import torch
from torch import nn
{before}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv3d({channels}, 4, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose3d(4, {outputs}, 2, stride=2)
    def forward(self, x):
{forward}
        return self.up(torch.relu(self.down(x)))
def build():
    return Net()
"""


def factory(
    folder: Path, channels=("image",), classes=("background", "organ", "lesion"), before="", forward="", **words
):
    """A ``.model.json`` with its Python file and weights; running the file leaves ``canary`` beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    canary = f"Path({str(folder / 'canary')!r}).write_text('ran')"
    code = CODE.format(
        before=f"{canary}\n{before}",
        forward=f"        {forward or 'pass'}",
        channels=len(channels),
        outputs=len(classes),
    )
    (folder / "net.py").write_text(code, encoding="utf-8")
    torch.manual_seed(0)
    down, up = nn.Conv3d(len(channels), 4, 3, stride=2, padding=1), nn.ConvTranspose3d(4, len(classes), 2, stride=2)
    state = {
        f"{name}.{key}": value
        for name, part in (("down", down), ("up", up))
        for key, value in part.state_dict().items()
    }
    save_file(state, folder / "weights.safetensors")
    about = {
        "factory": "net.py", "weights": "weights.safetensors", "classes": list(classes), "channels": list(channels),
        "divisor": 2, **words,
    }  # fmt: skip
    (folder / "net.model.json").write_text(json.dumps(about), encoding="utf-8")
    return folder / "net.model.json"


def volume(folder: Path, name="v.nii.gz", shape=(8, 10, 12), seed=0, grid=None):
    array = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    write_volume(folder / name, array, grid or oblique(shape))
    return folder / name


def process(*words, **settings):
    """``python -m seghirescam`` in a process of its own, started."""
    # started from a background shell, Ctrl-C would be ignored from birth
    settings.setdefault("preexec_fn", lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    return subprocess.Popen(
        [sys.executable, "-m", "seghirescam", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, **settings,
    )  # fmt: skip


def left(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too, by relative path."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def run(capsys, *words):
    """(exit code, stdout, stderr)"""
    capsys.readouterr()
    try:
        code = main([str(word) for word in words])
    except SystemExit as left_early:
        code = left_early.code
    told = capsys.readouterr()
    return code, told.out, told.err


def toy(folder):
    source, path = factory(folder / "m"), volume(folder, f"{PATIENT}.nii.gz")
    image = read_volume(path)
    labels = np.zeros(image.grid.shape, np.uint8)
    labels[2:6, 3:7, 4:9] = 1
    write_labels(folder / f"{PATIENT}.seg.nrrd", labels, image.grid, {1: "organ"})
    return source, path, folder / f"{PATIENT}.seg.nrrd"
