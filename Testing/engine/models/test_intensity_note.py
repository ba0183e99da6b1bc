"""Values like 0 to 255 or Hounsfield units that go in as they are get a sentence, in every kind a user describes."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from seghirescam import Grid, Image, PlainModel, open_model
from seghirescam.models.intensity_note import raw_values
from seghirescam.models.slice_by_slice import by_slices
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain

WORDS = "No preprocessing of intensities was given and values from -1024 to 3071 went in as they are"
GRID = Grid((8, 8, 8), np.eye(4))


def ct(low=-1024, high=3071):
    array = np.full((1, *GRID.shape), low, np.float32)
    array[0, 2:6] = high
    return Image(array, GRID)


def net(first=None):
    return nn.Sequential(*([first] if first else []), nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, 2, 1))


def notes_of(model, image):
    return [note for note in model.prepare(image).notes if note.startswith("No preprocessing")]


def test_a_module_without_normalise():
    model = PlainModel(net(), ["a", "b"])
    (note,) = notes_of(model, ct())
    assert note.startswith(WORDS)
    (found,) = explain(model, ct(), WholeImage(), class_index=1, layers="1")
    assert note in found.notes
    assert not notes_of(model, ct(-3, 8))
    assert not notes_of(PlainModel(net(), ["a", "b"], normalise=lambda x: x / 1000), ct())
    assert notes_of(PlainModel(net(), ["a", "b"]), ct(0, 255))[0].count("values from 0 to 255") == 1


def test_a_network_that_normalises_first_is_told_nothing():
    assert not notes_of(PlainModel(net(nn.InstanceNorm3d(1)), ["a", "b"]), ct())
    assert not notes_of(PlainModel(net(nn.BatchNorm3d(1)), ["a", "b"]), ct())


def test_slices_are_told_once_about_all_of_them():
    flat = PlainModel(nn.Sequential(nn.Conv2d(1, 2, 1)), ["a", "b"], spatial_dims=2)
    image = ct(0, 255)  # the first slice is dark
    (note,) = notes_of(by_slices(flat, image), image)
    assert "values from 0 to 255" in note
    assert not notes_of(by_slices(flat, ct(0, 1)), ct(0, 1))


CODE = """
import torch.nn as nn

def build():
    return nn.Sequential(nn.Conv3d(1, 2, 1))

def norm(x):
    return x / 1e4
"""


@pytest.mark.parametrize("normalise", ["", "norm"])
def test_a_factory(tmp_path, normalise):
    (tmp_path / "net.py").write_text(CODE)
    torch.save(nn.Sequential(nn.Conv3d(1, 2, 1)).state_dict(), tmp_path / "w.pt")
    about = {"factory": "net.py", "weights": "w.pt", "classes": ["a", "b"], "normalise": normalise}
    (tmp_path / "x.model.json").write_text(json.dumps(about))
    found = notes_of(open_model(str(tmp_path / "x.model.json"), consent=True), ct())
    assert found == [] if normalise else found[0].startswith(WORDS)


@pytest.mark.parametrize("intensity", [None, {"kind": "zscore"}])
def test_a_program(tmp_path, intensity):
    program = torch.jit.trace(net().eval(), torch.zeros(1, 1, 8, 8, 8))
    program.save(tmp_path / "x.pt")
    about = {"classes": ["a", "b"], "channels": ["CT"], "spatial_dims": 3}
    if intensity:
        about["intensity"] = "zscore"
    (tmp_path / "x.model.json").write_text(json.dumps(about))
    found = notes_of(open_model(str(tmp_path / "x.pt"), consent=True), ct())
    assert found == [] if intensity else found[0].startswith(WORDS)


@pytest.mark.parametrize("scaled", [False, True])
def test_a_monai_network_by_its_chain(scaled):
    transforms = pytest.importorskip("monai.transforms")
    pytest.importorskip("nibabel")
    from seghirescam.models.monai.monai_model import MonaiModel

    step = transforms.ScaleIntensityRanged("image", -1024, 3071, 0, 1) if scaled else transforms.EnsureTyped("image")
    model = MonaiModel.__new__(MonaiModel)
    model.chain, model.networks = [step], (net(),)
    assert bool(model._raw(ct().array)) is not scaled


def test_the_sentence_is_about_magnitudes():
    assert raw_values(np.array([-9.0, 10.0])) == ()
    assert "from -11 to 2" in raw_values(np.array([-11.0, 2.0]))[0]
