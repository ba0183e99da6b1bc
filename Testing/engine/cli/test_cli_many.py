"""``explain`` about all segments or several classes: each map is the single command's, in the passes of one."""

import csv
import json

import numpy as np
import pytest

from engine.cli_cases import SEGMENTS, VOLUME, factory, run, volume
from seghirescam.io.label_maps import read_labels, write_labels
from seghirescam.io.volumes import read_volume

DEMO = ("explain", "demo:shortcut", "--image", VOLUME)


def answer(capsys, *words):
    status, out, error = run(capsys, *words, "--json")
    assert status == 0, error
    return json.loads(out)


def test_all_segments_in_one_command_are_the_single_commands_maps(tmp_path, capsys):
    stated = ("--class", "Ring=look-alike")
    together = answer(capsys, *DEMO, "--segment", f"{SEGMENTS}:all", *stated, "--out", str(tmp_path / "all"))
    names = [label.name for label in read_labels(SEGMENTS).labels]
    told = {one["segment"] for one in together["results"]} | {one["name"] for one in together["left_out"]}
    assert told == set(names) and together["left_out"][0]["name"] == "Marker"
    assert together["forward_passes"] == 1
    for one in together["results"]:
        words = ("--segment", f"{SEGMENTS}:{one['segment']}", "--class", one["class_name"])
        (single,) = answer(capsys, *DEMO, *words, "--out", str(tmp_path / one["segment"]))["results"]
        for key in ("layer", "method", "status", "unit", "score", "total", "evidence", "pixel_set_size"):
            assert one[key] == single[key]
        mine, its = (read_volume(tmp_path / folder / result["map"]) for folder, result in (
            ("all", one), (one["segment"], single)
        ))  # fmt: skip
        assert np.array_equal(mine.array, its.array)
    with open(tmp_path / "all" / "table.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["segment"] for row in rows] == [
        *(one["segment"] for one in together["results"]), *(one["name"] for one in together["left_out"])
    ]  # fmt: skip
    assert float(rows[0]["score"]) == together["results"][0]["score"]


def case(tmp_path, names, **words):
    """A small model with the classes background, organ and lesion, an image, and a label map with these names."""
    model = factory(tmp_path / "model", **words)
    image = volume(tmp_path, "image.nrrd")
    grid = read_volume(image).grid
    labels = np.zeros(grid.shape, np.uint8)
    for value in names:
        labels[value : value + 2, 2:6, 2:6] = value
    write_labels(tmp_path / "labels.nrrd", labels, grid, names)
    return model, image, f"{tmp_path / 'labels.nrrd'}:all"


def test_segments_without_a_class_or_a_voxel_are_rows_with_what_to_do(tmp_path, capsys):
    model, image, segments = case(tmp_path, {1: "Organ", 2: "unknown", 3: "LESION"})
    words = ("explain", str(model), "--consent", "--image", str(image), "--segment", segments)
    status, out, error = run(capsys, *words, "--out", str(tmp_path / "out"))
    assert status == 0 and "Not explained: unknown. No class of the model is called so." in out
    assert "--class 'SEGMENT=CLASS'" in error
    found = answer(capsys, *words, "--class", "2=organ", "--out", str(tmp_path / "stated"))
    assert [(one["segment"], one["class_name"]) for one in found["results"]] == [
        ("Organ", "organ"), ("unknown", "organ"), ("LESION", "lesion"),
    ]  # fmt: skip
    assert found["left_out"] == []


@pytest.mark.parametrize(
    "more, sentence",
    [
        ((), "None of the segments (a, b) is known as a class of the model (background, organ, lesion)."),
        (("--class", "c=organ"), "The label map has no segment 'c'."),
        (("--class", "organ", "--class", "lesion"), "--class names two classes for all segments."),
        (("--class", "a=nothing"), "no class 'nothing'"),
        (("--class", "organ", "--method", "nothing"), "There is no method 'nothing'."),
    ],
)
def test_what_cannot_be_asked_is_one_sentence_and_nothing_is_written(tmp_path, capsys, more, sentence):
    model, image, segments = case(tmp_path, {1: "a", 2: "b"})
    words = ("explain", str(model), "--consent", "--image", str(image), "--segment", segments, *more)
    status, _, error = run(capsys, *words, "--out", str(tmp_path / "out"))
    assert status == 2 and sentence in error and not (tmp_path / "out").exists()


def test_one_class_for_all_segments_and_a_rival_that_is_its_own(tmp_path, capsys):
    model, image, segments = case(tmp_path, {1: "organ", 2: "lesion"})
    words = ("explain", str(model), "--consent", "--image", str(image), "--segment", segments)
    found = answer(capsys, *words, "--class", "lesion", "--out", str(tmp_path / "one"))
    assert [one["class_name"] for one in found["results"]] == ["lesion", "lesion"]
    found = answer(capsys, *words, "--score", "contrast", "--rival", "organ", "--out", str(tmp_path / "against"))
    assert [one["segment"] for one in found["results"]] == ["lesion"]
    assert found["left_out"] == [{"name": "organ", "reason": "Its class is the rival itself."}]


def test_every_class_where_it_is_predicted(tmp_path, capsys):
    model, image, _ = case(tmp_path, {1: "a"})
    words = ("explain", str(model), "--consent", "--image", str(image), "--class", "all")
    found = answer(capsys, *words, "--out", str(tmp_path / "out"))
    told = {one["class_name"] for one in found["results"]} | {one["name"] for one in found["left_out"]}
    assert told == {"organ", "lesion"} and found["forward_passes"] <= 2  # its layers are known with the prediction
    assert set(found["predicted"]) == {"organ", "lesion"}


def test_asking_again_by_a_sidecar_of_many_gives_the_same_files(tmp_path, capsys):
    model, image, segments = case(tmp_path, {1: "organ", 2: "lesion", 3: "unknown"})
    words = ("explain", str(model), "--consent", "--image", str(image), "--segment", segments)
    answer(capsys, *words, "--class", "unknown=lesion", "--out", str(tmp_path / "first"))
    sidecar = next(path for path in sorted((tmp_path / "first").glob("0*.json")))
    answer(capsys, *words, "--repeat", str(sidecar), "--out", str(tmp_path / "again"))
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
    other = segments.removesuffix(":all") + ":organ"
    status, _, error = run(capsys, *words[:-1], other, "--repeat", str(sidecar), "--out", str(tmp_path / "no"))
    assert status == 2 and "another segment" in error
