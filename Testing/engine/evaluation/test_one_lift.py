"""The same map has the same lift in every command: chance is counted over the body, and every table says so."""

import csv
import json
import math

import numpy as np
import pytest
import SimpleITK as sitk

from engine.cli_cases import factory, run
from seghirescam.evaluation.metrics.ground import Ground
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.protocol.arrays import write_array
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image

SHAPE = (12, 14, 16)
GRID = Grid.from_spacing(SHAPE, (2.0, 1.0, 1.5), (4.0, -7.0, 3.0))


def ct():
    """A body in air, in HU, in which everything lies; and a segment, of which a part is air."""
    array = np.random.default_rng(3).normal(-1000, 5, SHAPE).astype(np.float32)
    array[2:10, 3:11, 4:12] = np.random.default_rng(4).normal(40, 30, (8, 8, 8))
    array[5, 5, 5] = 900
    segment = np.zeros(SHAPE, np.uint8)
    segment[4:8, 4:8, 2:8] = 1
    return array, segment


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lift")
    array, segment = ct()
    write_volume(folder / "ct.nii.gz", array, GRID)
    write_labels(folder / "s.seg.nrrd", segment, GRID, {1: "organ"})
    words = ("--image", folder / "ct.nii.gz", "--segment", f"{folder / 's.seg.nrrd'}:organ", "--class", "lesion")
    return folder, factory(folder / "m"), (*words, "--consent", "--device", "cpu")


def slow(path):
    """(inside, chance, lift) of a map on disk, voxel by voxel."""
    values, (array, segment) = sitk.GetArrayFromImage(sitk.ReadImage(str(path))), ct()
    whole = inside = 0.0
    body = both = 0
    for k in range(SHAPE[0]):
        for j in range(SHAPE[1]):
            for i in range(SHAPE[2]):
                evidence = max(float(values[k, j, i]), 0.0)
                whole += evidence
                inside += evidence * bool(segment[k, j, i])
                body += bool(array[k, j, i] > -500)
                both += bool(array[k, j, i] > -500 and segment[k, j, i])
    return inside / whole, both / body, inside / whole / (both / body)


def test_explain_compare_evaluate_paint_and_by_segment_say_the_same_lift(capsys, case, worker):
    folder, source, words = case
    code, out, err = run(capsys, "explain", source, *words, "--layer", "down", "--out", folder / "why")
    assert code == 0, err
    sidecar = json.loads(next((folder / "why").glob("01*.json")).read_text(encoding="utf-8"))
    expected = slow(folder / "why" / sidecar["file"]["name"])
    assert expected[1] < 0.25 and expected[2] < 0.5 * expected[0] * math.prod(SHAPE) / ct()[1].sum()  # not the volume's
    keys = ("inside", "chance", "lift")
    assert [sidecar["evidence"][key] for key in keys] == pytest.approx(expected, rel=1e-6)
    assert sidecar["evidence"]["chance_over"] == "body"
    size = Ground.of(Image(ct()[0], GRID)).size
    assert "lift over body" in out and f"spread evenly over the body ({size.ml:.3g} ml)" in out and size.voxels == 512

    methods = ("--method", "seg_hires_grad_cam", "--layer", "down", "--dpi", 40)
    code, out, err = run(capsys, "compare", source, *words, *methods, "--out", folder / "cmp")
    assert code == 0, err
    (row,) = csv.DictReader(open(folder / "cmp" / "table.csv", encoding="utf-8"))
    assert [float(row[key]) for key in keys] == pytest.approx(expected, rel=1e-6) and row["chance_over"] == "body"
    assert "lift over body" in out and "evenly over the body (1.54 ml)" in (folder / "cmp" / "caption.txt").read_text()

    labels = ("--labels", folder / "s.seg.nrrd")
    code, out, err = run(capsys, "evaluate", source, *words, *labels, "--layer", "down", "--out", folder / "ev")
    assert code == 0, err
    rows = {
        (r["metric"], r["reference"]): r for r in csv.DictReader(open(folder / "ev" / "metrics.csv", encoding="utf-8"))
    }
    row = rows["share", "pixel set"]
    assert [float(row[key]) for key in ("value", *keys[1:])] == pytest.approx(expected, rel=1e-6)
    assert row["chance_over"] == "body" and "lift over body" in out and rows["gini", ""]["chance_over"] == "volume"
    organ = next(csv.DictReader(open(folder / "ev" / "by_label.csv", encoding="utf-8")))
    assert [float(organ[key]) for key in ("share", *keys[1:])] == pytest.approx(expected, rel=1e-6)
    assert organ["chance_over"] == "body" and int(organ["voxels"]) == 96

    code, _, err = run(capsys, "paint", source, *words, "--layer", "down", "--dpi", 40, "--out", folder / "painted")
    assert code == 0, err
    (path,) = (folder / "painted").glob("01*.json")
    assert [json.loads(path.read_text())["evidence"][key] for key in keys] == pytest.approx(expected, rel=1e-6)

    array, segment = ct()
    density = read_volume(folder / "why" / sidecar["file"]["name"]).array[0]
    grid = GRID.to_json()
    sent = {
        "map": {"array": write_array(worker.folder, "m.npy", density), "grid": grid},
        "labels": [{"array": write_array(worker.folder, "l.npy", segment), "grid": grid, "names": {"1": "organ"}}],
        "image": {"array": write_array(worker.folder, "i.npy", array), "grid": grid},
    }
    told = worker.ask("by_segment", **sent)["rows"][0]["share"]
    assert [told[key] for key in ("value", *keys[1:])] == pytest.approx(expected, rel=1e-6)
    assert told["chance_over"] == "body"


def test_without_a_body_the_volume_is_named(capsys, case, tmp_path):
    _, source, words = case
    flat = np.full(SHAPE, 7, np.float32)
    write_volume(tmp_path / "flat.nii.gz", flat, GRID)
    words = [tmp_path / "flat.nii.gz" if str(word).endswith("ct.nii.gz") else word for word in words]
    code, out, err = run(capsys, "explain", source, *words, "--layer", "down", "--out", tmp_path / "why")
    assert code == 0, err
    sidecar = json.loads(next((tmp_path / "why").glob("01*.json")).read_text(encoding="utf-8"))
    assert sidecar["evidence"]["chance_over"] == "volume" and "lift over volume" in out
    assert sidecar["evidence"]["chance"] == pytest.approx(ct()[1].mean())
    assert "the volume (8.06 ml), in which no body was found" in out
