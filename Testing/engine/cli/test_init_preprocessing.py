"""What was done to images before the network, said to ``init``: written as the description's own words, and done."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from engine.cli_cases import run
from engine.own_network import her_network
from seghirescam import open_model
from seghirescam.io.volumes import read_volume
from seghirescam.models.descriptions.description_file import read
from seghirescam.models.preprocessing.preprocessing_words import WORDS, steps_of


@pytest.fixture
def solid(tmp_path):
    nets = pytest.importorskip("monai.networks.nets")
    torch.save(nets.UNet(3, 1, 2, (4, 8), (2,)).state_dict(), tmp_path / "w.pth")
    return tmp_path / "w.pth"


def test_steps_in_friendly_words_stand_in_the_order_of_the_command_line_and_are_what_is_done(capsys, tmp_path, solid):
    code, out, err = run(
        capsys, "init", solid, "--orientation", "LPS", "--preprocessing", "percentile_clip=2,98",
        "--spacing", "1,1,2", "--preprocessing", "z_score=all", "--preprocessing", '{"shift": [1]}', "--json",
    )  # fmt: skip
    assert code == 0, err
    path = tmp_path / "w.model.toml"
    assert read(path)["preprocessing"] == [
        {"orientation": "LPS"}, {"percentile_clip": [2, 98]}, {"spacing": [1, 1, 2]}, {"z_score": "all"},
        {"shift": [1]},
    ]  # fmt: skip
    assert "preprocessing" not in json.loads(out)["assumed"] and json.loads(out)["pip"] == ""
    # done: the grid is 1 x 1 x 2 mm already and lies as LPS (SimpleITK's directions), so only the values change
    values = np.random.default_rng(5).gamma(2, 40, (6, 8, 10)).astype(np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((1.0, 1.0, 2.0))
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    place = np.array([0.02, 0.98]) * (values.size - 1)
    ordered = np.sort(values.ravel().astype(np.float64))
    low, high = (ordered[int(p)] * (1 - p % 1) + ordered[int(p) + 1] * (p % 1) for p in place)
    clipped = np.minimum(np.maximum(values.astype(np.float64), low), high)
    expected = (clipped - clipped.mean()) / clipped.std() + 1
    prepared = open_model(path).prepare(read_volume(tmp_path / "ct.nii.gz"))
    tensor = prepared.tensor[0, 0].numpy()
    tensor = tensor if tensor.shape == expected.shape else tensor.transpose(2, 1, 0)
    np.testing.assert_allclose(tensor[:6, :8, :10], expected, atol=2e-4)


def test_the_whole_list_may_be_given_as_it_stands_in_a_description(capsys, tmp_path, solid):
    steps = [{"intensity_window": [-160, 240], "to": [-1, 1]}, {"size": [16, 16, 8], "mode": "nearest"}]
    code, _, err = run(capsys, "init", solid, "--preprocessing", json.dumps(steps))
    assert code == 0, err
    assert read(tmp_path / "w.model.toml")["preprocessing"] == steps
    prepared = open_model(tmp_path / "w.model.toml")
    assert [dict(step) for step in prepared.preprocessing] == steps


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--preprocessing", "zscore=all"), "The preprocessing step {'zscore': 'all'} is unknown"),
        (("--preprocessing", "z_score"), "'z_score' is not WORD=VALUE"),
        (("--preprocessing", "z_score=some"), "The preprocessing step z_score cannot be 'some'"),
        (("--spacing", "1,1"), "The preprocessing step spacing cannot be [1, 1] (a 3D network)"),
        (("--orientation", "RRS"), "The preprocessing step orientation cannot be 'RRS'"),
        (("--size", "0.5,1,1"), "The preprocessing step size cannot be [0.5, 1, 1]"),
        (("--preprocessing", "shift=1,2"), "The preprocessing step shift cannot be [1, 2]"),
    ],
)
def test_a_step_that_is_none_is_one_sentence_and_nothing_is_written(capsys, tmp_path, solid, words, sentence):
    code, out, err = run(capsys, "init", solid, *words)
    assert code == 2 and out == "" and sentence in err and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["w.pth"]


def test_nothing_said_every_step_stands_in_a_comment_whose_example_may_be_uncommented(capsys, tmp_path, solid):
    her_network(tmp_path)
    assert run(capsys, "init", solid)[0] == 0
    assert run(capsys, "init", tmp_path / "unet.pth", "--factory", tmp_path / "net.py")[0] == 0
    for name, dims in (("w", 3), ("unet", 2)):
        path = tmp_path / f"{name}.model.toml"
        text = path.read_text(encoding="utf-8")
        assert "preprocessing" not in read(path)
        told = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("# "))
        assert all(f"{word} {how}" in told for word, (_, how) in WORDS.items())
        path.write_text(text.replace("# preprocessing =", "preprocessing ="), encoding="utf-8")
        assert len(steps_of(read(path)["preprocessing"], dims, 1)) >= 2
        assert run(capsys, "models", path)[0] == 0
