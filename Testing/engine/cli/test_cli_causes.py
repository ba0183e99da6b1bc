"""``seghirescam causes`` and ``flip``: the engine's numbers, their files, and one sentence for what does not work."""

import csv
import hashlib
import json

import numpy as np
import pytest

from engine.cli_cases import factory, left, run, toy, volume
from engine.volume_files import PATIENT
from seghirescam import open_model
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.causes.anatomy_causes import anatomy_causes
from seghirescam.evaluation.causes.channel_causes import channel_causes
from seghirescam.evaluation.causes.smallest_flip import SearchLimits, flips_in
from seghirescam.io.label_maps import read_labels, write_labels
from seghirescam.io.volumes import read_volume
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.session.opening import open_session

MODALITIES = ("T1", "T2", "FLAIR")


def several_channels(folder):
    """(words, model, image, segment) of a model of three channels."""
    source = factory(folder / "m", channels=MODALITIES)
    paths = [volume(folder, f"{PATIENT}_{n}.nii.gz", seed=n) for n in range(3)]
    images = [read_volume(path) for path in paths]
    labels = np.zeros(images[0].grid.shape, np.uint8)
    labels[2:6, 3:7, 4:9], labels[0:2, 0:2, 0:3] = 1, 2
    map_file = folder / "labels.seg.nrrd"
    write_labels(map_file, labels, images[0].grid, {1: "organ", 2: "=corner"})
    given = [word for name, path in zip(MODALITIES, paths, strict=True) for word in ("--image", f"{name}={path}")]
    words = ("causes", source, *given, "--segment", f"{map_file}:organ", "--class", "organ", "--consent", "--json")
    image = Image(np.concatenate([one.array for one in images]), images[0].grid)
    return words, open_model(str(source), consent=True), image, read_labels(map_file)


def asked(labels, image):
    return labels.pixel_set("organ").on(image.grid)


def test_the_channels_values_are_the_engine_s_and_its_cost_is_told_first(capsys, tmp_path):
    words, model, image, labels = several_channels(tmp_path)
    code, out, err = run(capsys, *words, "--of", "channels", "--baseline", "mean", "--out", tmp_path / "out")
    assert code == 0, err
    told = json.loads(out)
    pixels = asked(labels, image)
    (mine,) = channel_causes(open_session(model, image), [pixels], [ClassLogit(1)], baseline="mean")
    assert told["causes"] == json.loads(json.dumps([mine.to_json()]))
    assert "This takes 8 predictions, 8 passes of the network." in err
    names = ["figure.png", "table.csv"]
    assert left(tmp_path / "out") == ["figure.png", "result.json", "run.json", "table.csv"]
    assert list(told["files"]) == names and told["map"] is None
    for name, digest in told["files"].items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").open()))
    assert [row["name"] for row in rows] == list(MODALITIES)
    assert sum(float(row["value"]) for row in rows) == pytest.approx(mine.change, abs=1e-5)
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert PATIENT.encode() not in everything and str(tmp_path).encode() not in everything


def test_another_case_stands_in_and_its_hash_is_kept(capsys, tmp_path):
    words, model, image, labels = several_channels(tmp_path)
    paths = [volume(tmp_path, f"other_{n}.nii.gz", seed=10 + n) for n in range(3)]
    given = [word for path in paths for word in ("--other", path)]
    code, out, err = run(capsys, *words, "--of", "channels", *given, "--out", tmp_path / "out")
    assert code == 0, err
    told = json.loads(out)
    other = Image(np.concatenate([read_volume(path).array for path in paths]), image.grid)
    (mine,) = channel_causes(
        open_session(model, image), [asked(labels, image)], [ClassLogit(1)], baseline="other", other=other
    )
    assert told["causes"] == json.loads(json.dumps([mine.to_json()]))
    assert [one["name"] for one in told["request"]["other_channels"]] == list(MODALITIES)


def test_the_anatomy_stands_beside_the_map_and_no_name_is_a_formula(capsys, tmp_path):
    words, model, image, labels = several_channels(tmp_path)
    more = ("--of", "anatomy", "--labels", tmp_path / "labels.seg.nrrd", "--layer", "down")
    code, out, err = run(capsys, *words, *more, "--out", tmp_path / "out")
    assert code == 0, err
    told = json.loads(out)
    pixels, session = asked(labels, image), open_session(model, image)
    (heat,) = session.ask(pixels, class_index=1, layers=["down"])
    masks = {one.name: labels.pixel_set(one.name).weights > 0 for one in labels.labels}
    (mine,) = anatomy_causes(session, masks, [pixels], [ClassLogit(1)], maps=[heat])
    found = {one["name"]: one for one in told["causes"][0]["causes"]}
    assert set(found) == {"organ", "=corner", "the rest"} and told["map"]["layer"] == "down"
    for one in mine.causes:
        assert found[one.name]["value"] == pytest.approx(one.value, abs=1e-6)
        assert found[one.name]["evidence"]["value"] == pytest.approx(one.evidence.value, rel=1e-5)
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").open()))
    assert [row["name"] for row in rows] == ["organ", "'=corner", "the rest"]
    assert float(rows[0]["pixel_set_inside"]) == pytest.approx(1)


def test_what_cannot_be_shared_out_is_refused_before_the_model_runs(capsys, tmp_path):
    words, *_ = several_channels(tmp_path)
    source, path, segment = toy(tmp_path / "toy") if (tmp_path / "toy").mkdir() is None else None
    one = ("causes", source, "--image", path, "--segment", f"{segment}:organ", "--class", "organ", "--consent")
    out = ("--out", tmp_path / "out")
    for given, sentence in (
        ((*one, "--of", "channels"), "reads one channel"),
        ((*words, "--of", "anatomy"), "Add --labels LABELMAP."),
        ((*words, "--of", "channels", "--layer", "down"), "--layer goes with --of anatomy only"),
        ((*words, "--of", "channels", "--baseline", "other"), "go together"),
        ((*words, "--of", "channels", "--seed", "-1"), "A seed is 0 or more"),
        ((*words, "--of", "channels", "--other", tmp_path / "none.nii.gz"), "is not there"),
        ((*words, "--of", "channels", "--other", path), "no image was given for"),
    ):
        code, _, err = run(capsys, *given, *out)
        assert code == 2 and sentence in err, (given, err)
        assert not (tmp_path / "out").exists()


def test_what_a_network_predicts_nowhere_and_segments_that_miss_the_image_are_one_sentence_each(capsys, tmp_path):
    """Nothing predicted is no pixel set; drawn, it has nothing to flip; labels lie elsewhere, or fill the image."""
    forward = "return torch.cat([x[:, :1] * 0 + 9, self.up(self.down(x))[:, :2]], 1)"
    source, path = factory(tmp_path / "nothing", forward=forward), volume(tmp_path, "v.nii.gz")
    grid, labels = read_volume(path).grid, np.zeros((8, 10, 12), np.uint8)
    labels[2:6, 3:7, 4:9] = 1
    moved = grid.ijk_to_ras.copy()
    moved[:3, 3] += 500.0
    for name, array, where in (
        ("own", labels, grid), ("away", labels, Grid(grid.shape, moved)), ("full", 0 * labels + 1, grid),
    ):  # fmt: skip
        write_labels(tmp_path / f"{name}.seg.nrrd", array, where, {1: "organ"})
    asked = (source, "--image", path, "--class", "organ", "--consent", "--out", tmp_path / "out")
    own = ("--segment", f"{tmp_path / 'own.seg.nrrd'}:organ")
    anatomy = ("causes", *asked, "--of", "anatomy", "--labels")
    for words, sentence in (
        ((*anatomy, tmp_path / "own.seg.nrrd"), "predicted organ has no voxel"),
        (("flip", *asked, "--layer", "down"), "predicted organ has no voxel"),
        (("flip", *asked, "--layer", "down", *own), "there is nothing to flip"),
        ((*anatomy, tmp_path / "full.seg.nrrd", *own), "covers the whole image"),
        ((*anatomy, tmp_path / "away.seg.nrrd", *own), "No segment holds a voxel"),
        (("flip", *asked, "--layer", "down", *own, "--within", tmp_path / "own.seg.nrrd"), "may be masked out"),
        (("flip", *asked[:4], "spleen", *asked[5:], "--layer", "down", *own), "spleen"),
    ):
        code, _, err = run(capsys, *words)
        lines = [line for line in err.splitlines() if line.startswith("Error:")]
        assert code == 2 and len(lines) == 1 and sentence in lines[0], (words, err)
        assert "Traceback" not in err and not (tmp_path / "out").exists()


def flip_words(folder):
    source, path, _ = toy(folder)
    words = ("flip", source, "--image", path, "--class", "organ", "--consent", "--layer", "down", "--dpi", 60)
    return (*words, "--finest-mm", 4, "--most", 1, "--json"), open_model(str(source), consent=True), read_volume(path)


def test_a_flip_is_the_engine_s_and_leaves_what_paint_leaves(capsys, tmp_path):
    words, model, image = flip_words(tmp_path)
    more = ("--predictions", 20, "--gone", 1, "--order", "all")
    code, out, err = run(capsys, *words, *more, "--out", tmp_path / "out")
    assert code == 0, err
    told = json.loads(out)
    session = open_session(model, image)
    pixels = session.predict(1)
    (heat,) = session.ask(pixels, class_index=1, layers=["down"])
    limits = SearchLimits(finest_mm=4.0, most=1.0, predictions=20, gone=1.0)
    mine = flips_in(session, pixels, ClassLogit(1), heat.resampled_to(image.grid).array, limits=limits)
    assert [{k: v for k, v in one.items() if k != "sentence"} for one in told["flips"]] == json.loads(
        json.dumps([one.to_json() for one in mine])
    )
    assert "This takes at most 60 predictions, at most 60 passes of the network." in err
    assert mine[0].found
    region = read_volume(tmp_path / "out" / "region.nii.gz").array[0] > 0
    assert np.array_equal(region, mine[0].region.weights > 0)
    assert told["painting"]["after"]["score"] == pytest.approx(mine[0].after, abs=1e-5)
    names = set(left(tmp_path / "out"))
    assert {"figure.png", "table.csv", "predicted_before.seg.nrrd", "predicted_after.seg.nrrd", "run.json"} <= names
    assert len(list(csv.DictReader((tmp_path / "out" / "table.csv").open()))) == 3


def test_that_no_flip_is_found_is_an_answer(capsys, tmp_path):
    words, _, _ = flip_words(tmp_path)
    more = ("--predictions", 6, "--gone", "0.000001", "--clearance-mm", 4)
    code, out, err = run(capsys, *words, *more, "--out", tmp_path / "out")
    assert code == 0, err
    told = json.loads(out)
    assert told["painting"] is None and told["flips"][0]["found"] is False
    assert told["flips"][0]["sentence"].startswith("No flip was found (in a random order, as the map shows no")
    assert "region.nii.gz" not in left(tmp_path / "out") and "pixel_set_1.nii.gz" in left(tmp_path / "out")


def test_words_of_a_flip_that_do_not_go_together_are_refused(capsys, tmp_path):
    words, _, _ = flip_words(tmp_path)
    for more, sentence in (
        (("--anywhere", "--clearance-mm", 3), "Both --anywhere and --clearance-mm"),
        (("--gone", 0), "A share (gone)"),
        (("--predictions", 0), "at least one prediction"),
        (("--map", tmp_path / "x.json"), "--map names a map"),
        (("--seed", -1), "A seed is 0 or more"),
    ):
        code, _, err = run(capsys, *words, *more, "--out", tmp_path / "out")
        assert code == 2 and sentence in err, err
        assert not (tmp_path / "out").exists()
