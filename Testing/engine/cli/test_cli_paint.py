"""``seghirescam paint``: the engine's numbers, everything needed to do it again, whole or not at all."""

import hashlib
import json

import numpy as np
import pytest

from engine.cli_cases import SEGMENTS, VOLUME, factory, left, process, run, toy, volume
from engine.volume_files import PATIENT
from seghirescam import open_model
from seghirescam.cam.logits.score import ClassLogit, Contrast
from seghirescam.demo.case import load_case
from seghirescam.evaluation.painting.intervention import paint_in
from seghirescam.evaluation.painting.regions import Hottest
from seghirescam.io.label_maps import read_labels
from seghirescam.io.volumes import read_volume
from seghirescam.protocol.recipes import Box, PredictedClass
from seghirescam.session.opening import open_session


def test_the_demo_s_proof_writes_masks_image_figure_and_the_request(capsys, tmp_path):
    words = ("paint", "demo:shortcut", "--image", VOLUME, "--segment", f"{SEGMENTS}:Lesion", "--class", "lesion")
    words += ("--score", "contrast", "--rival", "look-alike", "--region", f"{SEGMENTS}:Marker", "--json")
    code, out, err = run(capsys, *words, "--out", tmp_path / "out")
    assert code == 0, err
    told = json.loads(out)
    image, segments = load_case()
    session = open_session(open_model("demo:shortcut"), image)
    mine = paint_in(session, segments["Marker"], segments["Lesion"], Contrast(1, 2))
    assert told["painting"] == json.loads(json.dumps(mine.to_json()))
    assert told == json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    names = ["figure.png", "painted.nii.gz", "pixel_set_1.nii.gz", "predicted_after.seg.nrrd"]
    names += ["predicted_before.seg.nrrd", "region.nii.gz"]
    assert left(tmp_path / "out") == [*names, "result.json", "run.json"] and list(told["files"]) == names
    for name, digest in told["files"].items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest
    assert np.array_equal(read_volume(tmp_path / "out" / "painted.nii.gz").array, mine.image.array)
    for word, mask in zip(("before", "after"), mine.predicted, strict=True):
        labels = read_labels(tmp_path / "out" / f"predicted_{word}.seg.nrrd")
        assert np.array_equal(labels.layers[0] > 0, mask) and [label.name for label in labels.labels] == ["lesion"]
    assert told["request"]["region"]["sha256"] == segments["Marker"].content_hash
    assert told["request"]["segment_sha256"] == segments["Lesion"].content_hash
    assert told["request"]["channels"] == [{"name": "T1", "sha256": image.content_hash}]


def asking(folder):
    source, path, segment = toy(folder)
    words = ("paint", source, "--image", path, "--segment", f"{segment}:organ", "--class", "organ", "--consent")
    model, image = open_model(str(source), consent=True), read_volume(path)
    return (*words, "--dpi", 60), model, image, read_labels(segment).pixel_set("organ")


def test_the_hottest_part_is_of_the_map_that_is_written_with_it_or_of_one_that_was(capsys, tmp_path):
    words, model, image, segment = asking(tmp_path)
    about = ("--class", "lesion", "--share", "0.3", "--control", "--json")
    code, out, err = run(capsys, *words, *about, "--layer", "down", "--out", tmp_path / "one")
    assert code == 0, err
    told, session = json.loads(out), open_session(model, image)
    (heat,) = session.ask(segment, class_index="lesion", layers=["down"])
    density = heat.resampled_to(image.grid).array
    mine = paint_in(session, Hottest(density, 0.3), segment, ClassLogit(2), control=True)
    assert told["painting"] == json.loads(json.dumps(mine.to_json()))
    assert np.array_equal(read_volume(tmp_path / "one" / "01_down_seg_hires_grad_cam.nii.gz").array[0], density)

    sidecar = tmp_path / "one" / "01_down_seg_hires_grad_cam.json"
    code, out, err = run(capsys, *words, *about, "--map", sidecar, "--out", tmp_path / "two")
    assert code == 0, err
    assert json.loads(out)["painting"] == told["painting"]
    assert left(tmp_path / "two") == [name for name in left(tmp_path / "one") if not name.startswith("01_")]
    other = ("--map", sidecar, "--ml", 4 * image.grid.voxel_ml, "--margin-mm", 0, "--dark", "--json")
    code, out, err = run(capsys, *words, *other, "--out", tmp_path / "three")
    assert code == 0, err
    assert "The map is about the class lesion." in err
    assert json.loads(out)["painting"]["painted_ml"] == pytest.approx(4 * image.grid.voxel_ml)


def test_a_box_and_the_predicted_class(capsys, tmp_path):
    words, model, image, _ = asking(tmp_path)
    corners = [*image.grid.ras((1, 1, 1)), *image.grid.ras((4, 5, 6))]
    code, out, err = run(
        capsys, *words, "--pixel-set", "predicted", "--box", *corners, "--margin-mm", 0, "--json",
        "--format", "nrrd", "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 0, err
    region = Box.between(corners[:3], corners[3:])
    mine = paint_in(open_session(model, image), region, PredictedClass(), ClassLogit(1), margin_mm=0)
    told = json.loads(out)
    assert told["painting"] == json.loads(json.dumps(mine.to_json()))
    assert np.array_equal(read_volume(tmp_path / "out" / "region.nrrd").array[0] > 0, mine.painted.weights > 0)


def test_every_channel_of_the_painted_image_is_written_and_no_name_or_path_is(capsys, tmp_path):
    folder = tmp_path / PATIENT
    source = factory(folder / "m", channels=("T1", "T2"))
    paths = [volume(folder, f"{PATIENT}_{n}.nii.gz", seed=n) for n in range(2)]
    grid = read_volume(paths[0]).grid
    box = ("--box", *grid.ras((2, 2, 2)), *grid.ras((4, 5, 6)))
    images = [word for path in paths for word in ("--image", path)]
    words = ("paint", source, *images, "--class", "organ", "--pixel-set", "whole", "--consent", "--dpi", 60, *box)
    code, out, err = run(capsys, *words, "--out", folder / "out")
    assert code == 0, err
    assert "the predicted organ" in out and "Written: figure.png, painted_1.nii.gz, painted_2.nii.gz" in out
    for n, path in enumerate(paths, start=1):
        painted = read_volume(folder / "out" / f"painted_{n}.nii.gz").array
        changed = painted != read_volume(path).array
        assert 0 < changed.sum() < changed.size
    for path in (folder / "out").iterdir():
        for word in ("Zebra", "Quagga", str(tmp_path)):
            assert word.encode() not in path.read_bytes(), path.name
    assert "Zebra" not in out + err and str(tmp_path) not in out + err


def test_what_cannot_be_is_refused_with_code_2_before_the_model_is_opened_and_nothing_is_written(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    words = ("paint", source, "--image", path, "--segment", f"{segment}:1", "--consent", "--out", tmp_path / "out")
    before, organ = left(tmp_path), ("--class", "organ")
    corners = ("--box", *range(6))
    for more, sentence in (
        ((), "No class was named"),
        (("--class", "tumour"), "The model has no class 'tumour'"),
        ((*organ, "--region", "most-important", *corners), "Both --region and --box"),
        ((*organ, *corners, "--share", "0.3"), "--share goes with --region most-important only"),
        ((*organ, "--region", f"{segment}:1", "--layer", "down"), "--layer goes with --region most-important only"),
        ((*organ, "--map", tmp_path / "x.json", "--method", "cam"), "--map names a map"),
        ((*organ, "--map", tmp_path / "x.json"), "is no sidecar"),
        ((*organ, "--share", "0"), "between 0 and 1"),
        ((*organ, "--share", "0.4", "--ml", "2"), "Both --share and --ml"),
        ((*organ, "--ml", "-2"), "above 0 ml"),
        ((*organ, "--margin-mm", "-1"), "0 mm or more"),
        ((*organ, "--method", "magic"), "There is no method 'magic'"),
        ((*organ, "--control", "--seed", "-1"), "A seed is 0 or more"),
        ((*organ, "--score", "contrast"), "needs a rival class"),
        ((*organ, "--region", f"{segment}:7"), "7"),
    ):
        code, _, err = run(capsys, *words, *more)
        assert code == 2 and sentence in err, (more, err)
        assert left(tmp_path) == before, more  # the canary, too
    code, _, err = run(capsys, *words[:-3], "--out", tmp_path / "out", *organ, *corners)
    assert code != 0 and "Nothing was run" in err and left(tmp_path) == before
    code, _, err = run(capsys, *words, *organ, "--box", *(900, 900, 900, 910, 910, 910))
    assert code == 2 and "No voxel centre lies inside the box" in err and not (tmp_path / "out").exists()
    code, _, err = run(capsys, *words, *organ, "--box", *(-900, -900, -900, 900, 900, 900))
    assert code == 2 and "covers the whole image" in err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("call", [1, 2])
def test_a_failure_in_either_prediction_leaves_nothing(capsys, tmp_path, call):
    counter = tmp_path / "count"
    forward = (
        f"p = Path({str(counter)!r}); n = len(p.read_text()) if p.exists() else 0; p.write_text('x' * (n + 1))\n"
        f"        if n + 1 == {call}: raise KeyboardInterrupt"
    )
    source, path = factory(tmp_path / "m", forward=forward), volume(tmp_path)
    grid = read_volume(path).grid
    box = ("--box", *grid.ras((2, 2, 2)), *grid.ras((4, 5, 6)))
    words = ("paint", source, "--image", path, "--class", "organ", "--pixel-set", "whole", "--consent", *box)
    done = process(*words, "--out", tmp_path / "out")
    _, err = done.communicate(timeout=120)
    assert done.returncode == 130, err
    assert not (tmp_path / "out").exists() and not [name for name in left(tmp_path) if ".seghirescam" in name]
