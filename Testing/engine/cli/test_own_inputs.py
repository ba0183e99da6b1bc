"""No command writes onto what it reads, by whatever name, with --overwrite too; told before anything is opened."""

import json
import os

import numpy as np
import pytest

from engine.cli_cases import factory, left, run, volume
from engine.volume_files import write_series
from seghirescam.cli.manifest import read_manifest
from seghirescam.io.file_content import hash_of
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import read_volume

ASKED = ("--class", "organ", "--layer", "down")


@pytest.fixture
def case(tmp_path):
    """A folder with a model (that runs code: opening it without a yes would be told), an image and a label map."""
    folder = tmp_path / "case"
    folder.mkdir()
    image = volume(folder)
    mask = np.zeros((8, 10, 12), np.uint8)
    mask[3:6, 3:7, 4:8] = 1
    write_labels(folder / "labels.nii.gz", mask, read_volume(image).grid, {1: "organ"})
    factory(folder / "m")
    return folder


def contents(folder):
    return {name: hash_of(folder / name) for name in left(folder) if (folder / name).is_file()}


def refused(capsys, folder, *words):
    before = contents(folder)
    code, out, err = run(capsys, *words, "--overwrite")
    assert code == 2 and out == "" and err.count("\n") == 1, err
    assert contents(folder) == before and not list(folder.rglob(".seghirescam-*"))
    return err


@pytest.mark.parametrize("out", ["v.nii.gz", "link.nii.gz", "hard.nii.gz", "other/../v.nii.gz", "linked/v.nii.gz"])
def test_predict_never_replaces_its_image_by_whatever_name(capsys, case, out):
    (case / "link.nii.gz").symlink_to(case / "v.nii.gz")
    os.link(case / "v.nii.gz", case / "hard.nii.gz")
    (case / "other").mkdir()
    (case.parent / "linked").symlink_to(case)
    place = case.parent if out.startswith("linked") else case
    for image in (case / "v.nii.gz", f"image={case / 'v.nii.gz'}"):
        err = refused(capsys, case, "predict", case / "m" / "net.model.json", "--image", image, "--out", place / out)
        assert "is read by this command: the result would destroy it" in err


@pytest.mark.parametrize("name", ["v.json", "net.model.json"])
def test_the_file_beside_a_prediction_replaces_none_either(capsys, case, name):
    """A converter's .json beside the image; a model's description under the name of the prediction's."""
    model = case / "m" / "net.model.json"
    if name == "v.json":
        (case / name).write_text(json.dumps({"EchoTime": 0.1}), encoding="utf-8")
        out = case / "v.nrrd"
    else:
        out = case / "m" / "net.model.nrrd"
    err = refused(capsys, case, "predict", model, "--image", case / "v.nii.gz", "--out", out)
    assert f"'{name}' is read by this command" in err


def test_a_json_that_is_not_ours_is_never_replaced(capsys, case):
    (case / "mine.json").write_text("{}", encoding="utf-8")
    words = ("predict", case / "m" / "net.model.json", "--image", case / "v.nii.gz", "--out", case / "mine.nrrd")
    assert "'mine.json', which would be written beside the result, is there and not ours" in refused(
        capsys, case, *words
    )


@pytest.mark.parametrize("command", ["explain", "compare", "paint", "evaluate"])
@pytest.mark.parametrize("kind", ["image", "segment", "model"])
def test_no_run_replaces_the_former_run_that_it_reads(capsys, case, command, kind):
    """What the folder's manifest lists would go: here one of its files is read."""
    model, image, segment = case / "m" / "net.model.json", case / "v.nii.gz", case / "labels.nii.gz"
    code, _, err = run(capsys, "explain", model, "--consent", "--image", image, "--segment", segment, *ASKED,
                       "--out", case / "why")  # fmt: skip
    assert code == 0, err
    linked = {"image": image, "segment": segment, "model": case / "m" / "weights.safetensors"}[kind]
    taken = case / "why" / "pixel_set_1.nii.gz"
    taken.unlink()
    os.link(linked, taken)
    asked = ASKED if command in ("explain", "evaluate") else ("--class", "organ")
    words = (command, model, "--image", image, "--segment", segment, *asked, "--out", case / "why")
    assert "'pixel_set_1.nii.gz' is read by this command" in refused(capsys, case, *words)


def test_the_sidecar_that_is_repeated_and_the_map_that_is_painted_by_stay(capsys, case):
    model, image = case / "m" / "net.model.json", case / "v.nii.gz"
    common = (model, "--image", image, "--segment", case / "labels.nii.gz")
    assert run(capsys, "explain", *common, *ASKED, "--consent", "--out", case / "why")[0] == 0
    (sidecar,) = (case / "why").glob("01_*.json")
    for words in (("explain", *common, "--repeat", sidecar), ("paint", *common, "--class", "organ", "--map", sidecar)):
        assert f"'{sidecar.name}' is read by this command" in refused(capsys, case, *words, "--out", case / "why")
    # into another folder it is the same result
    assert run(capsys, "explain", *common, "--consent", "--repeat", sidecar, "--out", case / "again")[0] == 0
    assert contents(case / "again") == contents(case / "why") and read_manifest(case / "again").command == "explain"


def test_a_figure_and_the_references_of_an_evaluation_are_no_exception(capsys, case):
    model, image, labels = case / "m" / "net.model.json", case / "v.nii.gz", case / "labels.nii.gz"
    common = (model, "--image", image, "--segment", labels, "--class", "organ")
    assert run(capsys, "evaluate", *common, "--layer", "down", "--consent", "--out", case / "told")[0] == 0
    for word, own in (("--reference", labels), ("--labels", labels), ("--labels", case / "labels.json")):
        taken = case / "told" / "metrics.csv"
        taken.unlink()
        os.link(own, taken)
        given = f"{labels}:{own}" if own.suffix == ".json" else own
        words = (model, "--image", image, "--class", "organ", word, given, "--out", case / "told")
        assert "'metrics.csv' is read by this command" in refused(capsys, case, "evaluate", *words)
    (case / "picture.png").write_bytes(b"a photograph")
    assert run(capsys, "explain", *common, "--layer", "down", "--consent", "--out", case / "why")[0] == 0
    err = refused(capsys, case, "figure", case / "why", "--image", case / "picture.png", "--out", case / "picture.png")
    assert "'picture.png' is read by this command" in err


@pytest.mark.parametrize("out", ["scan", "scan/why", "."])
def test_results_and_a_dicom_folder_do_not_lie_in_each_other(capsys, case, out):
    write_series(case / "scan", shape=(8, 10, 12))
    words = ("--image", f"{case / 'scan'}#1", "--class", "organ", "--out", case / out)
    for command in ("explain", "compare", "paint", "evaluate"):
        err = refused(capsys, case, command, case / "m" / "net.model.json", *words)
        assert "the DICOM folder that is read lie in each other" in err
    err = refused(capsys, case, "predict", case / "m" / "net.model.json", "--image", case / "scan", "--out",
                  case / "scan" / "seg.nii.gz")  # fmt: skip
    assert "would lie in the DICOM folder that is read" in err


def test_a_slice_under_another_name_is_no_place_for_a_prediction(capsys, case):
    write_series(case / "scan", shape=(8, 10, 12))
    first = sorted((case / "scan").iterdir())[0]
    os.link(first, case / "seg.nii.gz")
    words = ("predict", case / "m" / "net.model.json", "--image", case / "scan", "--out", case / "seg.nii.gz")
    assert "'seg.nii.gz' is read by this command" in refused(capsys, case, *words)
