"""deepbet's two programs: what its own code gives them and gets, and our model of them."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from seghirescam import open_model
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image

HEAD = Path(os.environ.get("SEGHIRESCAM_TEST_DATA", "")) / "brain_t1.nii.gz"


class Recorded(nn.Module):
    """A program that remembers what it was given and what it answered."""

    def __init__(self, program):
        super().__init__()
        self.program = program

    def forward(self, x):
        self.seen, self.answer = x, self.program(x)
        return self.answer


def own_run(shape):
    """{program: (file, tensor its own code prepared, probabilities it returned)}; shape: of the second program."""
    deepbet, nibabel = pytest.importorskip("deepbet"), pytest.importorskip("nibabel")
    from deepbet.utils import DATA_PATH

    bet = deepbet.BrainExtraction(no_gpu=True)
    bet.model, bet.bbox_model = Recorded(bet.model), Recorded(bet.bbox_model)
    head = nibabel.as_closest_canonical(nibabel.load(HEAD)).get_fdata(dtype=np.float32)
    bet.run_model(head, shape=shape)
    parts = {"model": bet.model, "bbox_model": bet.bbox_model}
    return {n: (Path(DATA_PATH) / "models" / f"{n}.pt", p.seen, p.answer) for n, p in parts.items()}


def opened(file, tensor, folder):
    """Our model of the program, beside it what deepbet's code does not leave in it; and its tensor as an image."""
    shutil.copy(file, folder / "program.pt")
    about = {"classes": ["background", "brain"], "axes": "xyz"}
    (folder / "program.model.json").write_text(json.dumps(about), encoding="utf-8")
    array = np.ascontiguousarray(tensor[0].numpy().transpose(0, 3, 2, 1))
    return open_model(folder / "program.pt", consent=True), Image(array, Grid.from_spacing(array.shape[1:]))
