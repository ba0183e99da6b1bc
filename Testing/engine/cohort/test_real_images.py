"""Cohorts on real images: an abdominal CT's label map asked of a small nnU-Net, and published networks on two brains.

The nnU-Net has random weights: what is checked is the table against the verbs, never what such a network looked at.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.cohort_cases import QUICK, left, plan, run, table
from engine.published_networks import DATA as NETWORKS
from engine.published_networks import Case
from seghirescam import evaluate, explain, open_model
from seghirescam.cohort.settings import Settings
from seghirescam.io.label_maps import read_labels, write_labels
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.protocol.grid import Grid
from seghirescam.session.opening import open_session

FOLDER = Path(os.environ.get("SEGHIRESCAM_TEST_DATA", ""))
FILES = ("ct_abdomen.nii.gz", "ct_abdomen_labels.nii.gz", "brain_t1.nii.gz", "brain_tumour.nrrd")
pytestmark = [
    pytest.mark.slow,  # some tens of seconds of CPU each
    pytest.mark.skipif(
        not NETWORKS.is_dir() or not all((FOLDER / name).is_file() for name in FILES),
        reason="set SEGHIRESCAM_TEST_DATA to the folder that holds ct_abdomen, the brains and networks/",
    ),
]


def ct_network(folder):
    """An nnU-Net of 9 mm and a few channels, planned and saved by nnU-Net, without a training step."""
    from engine import nnunet_maker as maker

    plans, dataset = maker.planned(folder)
    plans["configurations"]["3d_fullres"] |= {"spacing": [9.0] * 3, "patch_size": [32, 32, 32]}
    plans.update(transpose_forward=[0, 1, 2], transpose_backward=[0, 1, 2])
    dataset["labels"] = {"background": 0, "liver": 1, "spleen": 2}
    return maker.trained(folder, plans, dataset, mirror=None, steps=0)


def test_every_label_of_a_real_ct_asked_of_an_nnunet(tmp_path):
    pytest.importorskip("nnunetv2")
    place = ct_network(tmp_path / "nnunet")
    ct, labels = FOLDER / FILES[0], FOLDER / FILES[1]
    row = {"case": "abdomen", "images": str(ct), "segment": str(labels), "model": str(place)}
    where = plan(
        tmp_path, [row | {"label": "*"}, row | {"label": "liver", "target": "spleen", "reference": str(labels)}]
    )
    report = run(where, tmp_path / "run", QUICK)
    assert (report.finished, report.failed, report.computed) == (2, 0, 2), report.failures
    assert left(tmp_path / "run") == []
    lines = table(tmp_path / "run")
    names = json.loads((FOLDER / "ct_abdomen_labels.json").read_text())
    asked = read_labels(labels)
    starred = [line for line in lines if not (line["label"] == "liver" and line["class name"] == "spleen")]
    assert {line["label"] for line in starred} == {one.name for one in asked.labels} <= set(names.values())
    others = [line for line in starred if line["status"] == "no_class"]
    assert {line["label"] for line in others} == {one.name for one in asked.labels} - {"liver", "spleen"}
    assert all(line["score"] == line["total"] == "" for line in others)
    model, image = open_model(place), read_volume(ct)
    found = {(line["label"], line["class name"]): line for line in lines if line["status"] != "no_class"}
    assert set(found) == {("liver", "liver"), ("spleen", "spleen"), ("liver", "spleen")}
    for (label, target), line in found.items():
        segment = asked.pixel_set(label)
        (one,) = explain(model, image, segment, class_index=target, layers="each")
        assert float(line["score"]) == one.score and float(line["total"]) == one.total
        assert (line["layer"], line["status"]) == (one.layer.name, one.status)
        count = np.count_nonzero(segment.weights)
        assert float(line["size"]) == pytest.approx(count * image.grid.voxel_ml, rel=1e-9) and count > 1000
    session = open_session(model, image)
    decided = model.labels_on_input(session.logits(), session.prepared(), image) == 2
    truth = asked.pixel_set("spleen").weights > 0
    dice = 2 * np.count_nonzero(decided & truth) / (np.count_nonzero(decided) + np.count_nonzero(truth))
    assert float(found["liver", "spleen"]["dice"]) == dice


def cut(folder):
    """A part of the other brain with its tumour, in the head's range of values and its own voxels: (image, tumour)."""
    image, mask = read_volume(FOLDER / "brain_tumour.nrrd"), read_labels(FOLDER / "brain_tumour_label.nrrd")
    place = (slice(12, 16), slice(100, 140), slice(165, 205))
    move = np.eye(4)
    move[:3, 3] = [part.start for part in place][::-1]
    labels = mask.layers[0][place].astype(np.uint8)
    grid = Grid(labels.shape, image.grid.ijk_to_ras @ move)
    array = image.array[0][place] * np.float32(255 / image.array.max())
    write_volume(folder / "tumour.nii.gz", array.astype(np.float32), grid)
    write_labels(folder / "tumour.seg.nrrd", labels, grid, {1: "tumour"})
    return "tumour.nii.gz", "tumour.seg.nrrd"


def test_published_networks_on_two_brains(tmp_path):
    cases = {}
    for name in ("meshnet_gwm", "meshnet_gwm20"):
        (tmp_path / name).mkdir()
        cases[name] = Case(name, 40, tmp_path / name)
    head = str(cases["meshnet_gwm"].volume.relative_to(tmp_path))
    tumour, mask = cut(tmp_path)
    rows = []
    for name in cases:
        model = {"model": f"{name}/net.model.json"}
        grey = cases[name].classes[2]
        rows.append(model | {"case": "t1", "images": head, "target": grey})
        rows.append(model | {"case": "t2", "images": tumour, "target": grey, "segment": mask, "label": "tumour"})
    where = plan(tmp_path, rows)
    report = run(where, tmp_path / "run", Settings())
    assert (report.finished, report.failed, report.computed) == (4, 0, 4) and left(tmp_path / "run") == []
    known = {line["question"]: (line["case"], line["model"]) for line in table(tmp_path / "run", "cases")}
    lines = {known[line["question"]]: line for line in table(tmp_path / "run")}
    assert len(lines) == 4
    for name, case in cases.items():
        model, source = open_model(case.description, consent=True), f"{name}/net.model.json"
        line, (_, image) = lines["t1", source], case.opened()
        with torch.no_grad():
            logits = case.network(case.tensor)[0].numpy()
        decided = logits.argmax(0) == 2
        assert decided.any()
        # the network as its authors published it, without the engine
        assert float(line["score"]) == pytest.approx(logits[2][decided].sum(dtype=np.float64), rel=1e-5)
        assert float(line["size"]) == pytest.approx(np.count_nonzero(decided) / 1000, rel=1e-6)
        measured = evaluate(model, image, class_index=2, layer=line["layer"])
        for word in ("context_paint_over", "class_swap", "cancellation", "completeness_gap", "gini"):
            value = measured.value(word)
            assert line[f"{word} status"] == value.status
            assert line[word] == ("" if value.value is None else repr(value.value)), word
        line, segment = lines["t2", source], read_labels(tmp_path / mask).pixel_set("tumour")
        (one,) = explain(model, read_volume(tmp_path / tumour), segment, class_index=2, layers="each")
        assert (float(line["score"]), float(line["total"])) == (one.score, one.total)
        assert line["label"] == "tumour" and float(line["size"]) == pytest.approx(
            np.count_nonzero(segment.weights) * 6.5 * 0.78125**2 / 1000, rel=1e-3
        )
