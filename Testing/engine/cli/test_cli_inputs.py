"""Models with their consent, images with their channels, and the model's own prediction, by the command line."""

import hashlib
import json

import numpy as np
import pytest
import torch

from engine.cli_cases import VOLUME, factory, left, run, volume
from engine.grids import oblique
from seghirescam import Grid, open_model
from seghirescam.demo.case import load_case
from seghirescam.io.label_maps import read_labels
from seghirescam.io.volumes import read_channels, read_volume
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain, predict


def asked(source, *images):
    return ("explain", source, *(w for i in images for w in ("--image", i)), "--class", "1", "--pixel-set", "whole")


def test_nothing_of_the_author_runs_without_a_yes_to_exactly_this_content(capsys, tmp_path):
    source, canary = factory(tmp_path / "m"), tmp_path / "m" / "canary"
    digest = hashlib.sha256((tmp_path / "m" / "net.py").read_bytes()).hexdigest()
    words = ("layers", source, "--image", volume(tmp_path))
    code, _, err = run(capsys, *words)
    assert code == 2 and "Nothing was run" in err and f"--consent-sha256 {digest}" in err
    code, _, err = run(capsys, *words, "--consent-sha256", "0" * 64)
    assert code == 2 and "Nothing was run" in err and not canary.exists()
    code, _, _ = run(capsys, *words, "--consent-sha256", digest)
    assert code == 0 and canary.exists()


def test_images_that_are_absent_are_told_before_the_author_s_code_runs(capsys, tmp_path):
    source = factory(tmp_path / "m", channels=("CT", "PET"))
    code, _, err = run(capsys, *asked(source, "CT=gone.nii", "PET=gone.nii"), "--consent", "--out", tmp_path / "o")
    assert code == 2 and "'gone.nii' is not there" in err and not (tmp_path / "m" / "canary").exists()


def two_channels(tmp_path):
    source = factory(tmp_path / "m", channels=("CT", "PET"))
    coarse = oblique((8, 10, 12)).strided((2, 2, 2), (0.5, 0.5, 0.5), (4, 5, 6))
    ct, pet = volume(tmp_path, "ct.nii.gz"), volume(tmp_path, "pet.nii.gz", (4, 5, 6), 1, coarse)
    image, _ = read_channels([ct, pet])
    return (
        source,
        ct,
        pet,
        explain(open_model(str(source), consent=True), image, WholeImage(), class_index=1, layers=["down"])[0],
    )


@pytest.mark.parametrize(
    "images",
    [
        ("{ct}", "{pet}"),
        ("CT={ct}", "PET={pet}"),
        ("PET={pet}", "CT={ct}"),
        ("pet={pet}", "{ct}"),
        ("{pet}", "CT={ct}"),
    ],
)
def test_channels_are_given_by_name_or_in_order_and_resampled_to_the_first(capsys, tmp_path, images):
    source, ct, pet, expected = two_channels(tmp_path)
    images = [text.format(ct=ct, pet=pet) for text in images]
    code, out, err = run(
        capsys,
        *asked(source, *images),
        "--layer",
        "down",
        "--consent",
        "--out",
        tmp_path / "o",
        "--grid",
        "layer",
        "--json",
    )
    assert code == 0 and "PET was resampled linearly to the grid of CT" in err
    (result,) = json.loads(out)["results"]
    assert np.array_equal(read_volume(tmp_path / "o" / result["map"]).array[0], expected.map)


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (("CT={ct}",), r"expects 2 channel\(s\) \(CT, PET\), no image was given for PET\. Add --image PET=PATH"),
        (("{pet}", "MR={ct}"), "no channel 'MR'. The model's channels: CT, PET"),
        (("CT={ct}", "ct={pet}"), "'ct' was given twice"),
        (("{ct}", "{pet}", "{pet}"), r"3 images were given for 2 channel\(s\)"),
    ],
)
def test_wrong_channels_are_told_with_the_list_before_the_author_s_code_runs(capsys, tmp_path, images, sentence):
    import re

    source = factory(tmp_path / "m", channels=("CT", "PET"))
    paths = {"ct": volume(tmp_path, "ct.nii.gz"), "pet": volume(tmp_path, "pet.nii.gz", seed=1)}
    images = [text.format(**paths) for text in images]
    code, _, err = run(capsys, *asked(source, *images), "--consent", "--out", tmp_path / "o")
    assert code == 2 and re.search(sentence, err), err
    assert not (tmp_path / "m" / "canary").exists()


def test_the_layer_that_is_marked_is_the_one_that_explain_takes(capsys):
    from engine.cli_cases import SEGMENTS

    image, segments = load_case()
    model = open_model("demo:shortcut")
    for words, pixels in (
        (("--segment", f"{SEGMENTS}:Marker"), segments["Marker"]),
        (("--class", "lesion"), predict(model, image, "lesion")),
    ):
        code, out, _ = run(capsys, "layers", "demo:shortcut", "--image", VOLUME, *words, "--json")
        data = json.loads(out)
        (found,) = explain(model, image, pixels, class_index="lesion")
        assert code == 0 and data["default"] == found.layer.name
        assert [x["name"] for x in data["layers"] if x["default"]] == [found.layer.name]


def test_the_listing_marks_main_layers_and_shows_all_on_request(capsys):
    words = ("layers", "demo:honest", "--image", VOLUME)
    _, short, _ = run(capsys, *words)
    _, long, _ = run(capsys, *words, "--all")
    assert "encoder.2 " in short and "16 x 16 x 16" in short and "encoder.2.0" not in short and "encoder.2.0" in long
    assert "No default is marked" in short


@pytest.mark.parametrize("name", ["p.seg.nrrd", "p.nii.gz", "p.nrrd"])
def test_the_prediction_is_the_model_s_own_on_the_image_s_grid_with_its_names(capsys, tmp_path, name):
    code, out, err = run(capsys, "predict", "demo:honest", "--image", VOLUME, "--out", tmp_path / name, "--json")
    assert code == 0, err
    found, image = read_labels(tmp_path / name), load_case()[0]
    assert found.grid.same_as(image.grid, 1e-3)
    model = open_model("demo:honest")
    prepared = model.prepare(image)
    with torch.no_grad():
        logits = model.networks[0](prepared.tensor)[0].numpy()
    expected = model.labels_on_input(logits, prepared, image)
    assert np.array_equal(found.layers[0], expected) and (expected == 1).any()
    assert found.pixel_set("lesion").voxels == int((expected == 1).sum())
    data = json.loads(out)
    assert {c["name"]: c["voxels"] for c in data["classes"]} == {
        "lesion": int((expected == 1).sum()), "look-alike": int((expected == 2).sum()),
    }  # fmt: skip
    assert left(tmp_path) == (["p.seg.nrrd"] if name == "p.seg.nrrd" else sorted([name, "p.json"]))
    if name != "p.seg.nrrd":
        beside = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
        assert beside["labels"] == {"1": "lesion", "2": "look-alike"} and beside["image_sha256"] == image.content_hash


def test_classes_that_overlap_keep_every_mask(capsys, tmp_path):
    source = factory(tmp_path / "m", classes=("whole", "core"), head="sigmoid")
    path = volume(tmp_path, grid=Grid.from_spacing((8, 10, 12)))
    words = ("predict", source, "--consent", "--image", path)
    code, _, err = run(capsys, *words, "--out", tmp_path / "p.nii.gz")
    assert code == 2 and "may overlap" in err and not (tmp_path / "p.nii.gz").exists()
    code, _, _ = run(capsys, *words, "--out", tmp_path / "p.seg.nrrd")
    assert code == 0
    model, image = open_model(str(source), consent=True), read_volume(path)
    found = read_labels(tmp_path / "p.seg.nrrd")
    masks = [predict(model, image, name).weights > 0 for name in ("whole", "core")]
    assert (masks[0] & masks[1]).any()
    for name, mask in zip(("whole", "core"), masks, strict=True):
        assert np.array_equal(found.pixel_set(name).weights > 0, mask)
