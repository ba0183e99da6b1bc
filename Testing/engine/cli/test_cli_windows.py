"""A model that goes through the volume by windows, from a file, by the command line: MONAI's network and settings."""

import json

import numpy as np
import pytest
import torch

from engine.cli_cases import run
from engine.grids import oblique
from seghirescam import open_model
from seghirescam.io.label_maps import read_labels, write_labels
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import PredictedClass
from seghirescam.session.opening import open_session

pytest.importorskip("monai")
SHAPE = (20, 24, 28)
LAYER = "model.0"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(model's file, image's file, segment's file, mask)"""
    from monai.networks.nets import UNet
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("windowed")
    arguments = {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4, 8], "strides": [2]}
    torch.manual_seed(0)
    save_file(UNet(**arguments).state_dict(), folder / "weights.safetensors")
    about = {
        "monai": "UNet", "arguments": arguments, "weights": "weights.safetensors", "channels": ["CT"],
        "classes": ["background", "organ", "lesion"], "window": [16, 16, 16], "overlap": 0.5, "mode": "gaussian",
    }  # fmt: skip
    (folder / "unet.model.json").write_text(json.dumps(about), encoding="utf-8")
    array = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    write_volume(folder / "v.nrrd", array, oblique(SHAPE))
    mask = np.zeros(SHAPE, bool)
    mask[3:9, 4:12, 5:11] = True
    write_labels(folder / "s.seg.nrrd", mask.astype(np.uint8), oblique(SHAPE), {1: "organ"})
    return folder / "unet.model.json", folder / "v.nrrd", folder / "s.seg.nrrd", mask


@pytest.mark.parametrize("tolerance", [None, 0.3])
def test_the_windowed_session_s_maps_come_out_bit_for_bit(capsys, tmp_path, made, tolerance):
    source, path, segment, mask = made
    words = ("explain", source, "--image", path, "--segment", segment, "--class", "organ", "--layer", LAYER, "--json")
    share = ("--tolerance", tolerance) if tolerance else ()
    code, out, err = run(capsys, *words, *share, "--device", "cpu", "--out", tmp_path / "o")
    assert code == 0, err
    image = read_volume(path)
    session = open_session(open_model(str(source)), image, tolerance=tolerance or 0.0, keep=False)
    (expected,) = session.ask(PixelSet(mask, image.grid, "segment 'organ'"), class_index="organ", layers=[LAYER])
    (result,) = json.loads(out)["results"]
    assert np.array_equal(read_volume(tmp_path / "o" / result["map"]).array[0], expected.resampled_to(image.grid).array)
    assert result["score"] == expected.score
    sidecar = json.loads(next((tmp_path / "o").glob("01_*.json")).read_text(encoding="utf-8"))
    assert sidecar["request"]["question"]["tolerance"] == tolerance


def test_the_predicted_class_is_explained_and_written_as_the_fused_logits_say(capsys, tmp_path, made):
    source, path, _, _ = made
    words = (source, "--image", path, "--device", "cpu", "--json")
    code, _, err = run(capsys, "predict", *words, "--out", tmp_path / "p.seg.nrrd")
    assert code == 0, err
    image, model = read_volume(path), open_model(str(source))
    session = open_session(model, image, keep=False)
    labels = model.labels_on_input(session.logits(), model.prepare(image), image)
    found = read_labels(tmp_path / "p.seg.nrrd")
    assert np.array_equal(found.layers[0], labels) and set(np.unique(labels)) >= {1, 2}
    code, out, err = run(capsys, "explain", *words, "--class", "lesion", "--layer", LAYER, "--out", tmp_path / "o")
    assert code == 0, err
    (expected,) = session.ask(PredictedClass(), class_index="lesion", layers=[LAYER])
    (result,) = json.loads(out)["results"]
    assert np.array_equal(read_volume(tmp_path / "o" / result["map"]).array[0], expected.resampled_to(image.grid).array)
    drawn = read_volume(tmp_path / "o" / result["pixel_set_file"]).array[0] > 0
    assert np.array_equal(drawn, labels == 2)
