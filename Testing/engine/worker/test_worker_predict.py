"""Prediction, channels, estimates and descriptions through the worker process, against the engine here."""

import json
import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine import monai_bundles as made
from engine.workers import Model, Running, balanced, image, sent
from seghirescam import Grid, Image, PixelSet, PlainModel
from seghirescam.cam.methods.method_list import method_list
from seghirescam.io.channels import joined
from seghirescam.models import kinds, open_model
from seghirescam.protocol.arrays import read_array, write_array
from seghirescam.protocol.errors import ImageError
from seghirescam.protocol.messages import recipe_to_json
from seghirescam.protocol.recipes import FalseNegatives, FalsePositives, Segment
from seghirescam.session.opening import open_session
from seghirescam.session.prediction import label_maps, predicted_labels
from seghirescam.session.whole import WholeSession


@pytest.fixture
def model(tmp_path):
    return Model(tmp_path / "model")


def predict(worker, model, picture, **words):
    request = {"model": model.source, "consent_sha256": model.sha256, "image": sent(worker, picture)}
    return worker.send("predict", **request | words)


def test_a_prediction_is_the_networks_own_and_questions_about_it_make_no_forward_call(worker, model):
    picture = image(seed=5)
    model, progress = balanced(model, picture), []
    told = worker.until(predict(worker, model, picture), progress=lambda event: progress.append(event["phase"]))
    (one,) = told["maps"]
    labels = read_array(worker.folder, one["array"])
    with torch.no_grad():
        logits = model.network(torch.tensor(picture.array)[None])[0].numpy()
    assert labels.dtype == np.uint8 and (labels == logits.argmax(0)).all()
    (lesion,) = one["classes"]  # the background is not listed
    count = int((labels == 1).sum())
    assert 0 < count < labels.size
    size = f"{count} voxels, {count * 0.002:.3g} ml, {100 * count / labels.size:.3g} % of the image"
    assert lesion == {
        "index": 1, "name": "lesion", "value": 1, "voxels": count, "ml": pytest.approx(count * 0.002),
        "share_of_image": count / labels.size, "size": size,
    }  # fmt: skip
    assert told["session"]["forward_calls"] == 1 and "placing the prediction on the volume" in progress
    assert told["facts"]["image_sha256"] == picture.content_hash and told["facts"]["model_kind"] == "factory"

    drawn = np.zeros(labels.shape, bool)
    drawn[2:6, 2:6, 2:6] = True
    reference = PixelSet(drawn, picture.grid, "segment 'lesion'")
    for recipe, wanted in (
        (Segment(PixelSet(labels == 1, picture.grid)), labels == 1),
        (FalsePositives(reference), (labels == 1) & ~drawn),
        (FalseNegatives(reference), drawn & (labels != 1)),
    ):
        data = recipe_to_json(recipe, lambda array: write_array(worker.folder, "pixels.npy", array))
        found = worker.until(worker.explain(model, picture, [data]))
        facts = found["explanations"][0]["facts"]["provenance"]
        assert facts["pixel_set_voxels"] == wanted.sum() and facts["pixel_set_ml"] == pytest.approx(
            wanted.sum() * 0.002
        )
        assert found["session"]["forward_calls_now"] == 0


def test_a_network_that_cannot_be_recorded_still_predicts():
    class Loose(torch.nn.Module):
        def forward(self, x):
            return torch.cat([x, 1 - x], 1).detach()

    picture = image()
    session = WholeSession(PlainModel(Loose(), ["a", "b"]), picture)
    labels, _ = predicted_labels(session, lambda fraction, phase: None)
    assert (labels == (picture.array[0] < 0.5)).all()


def test_masks_of_overlapping_classes_become_one_map_each_and_empty_ones_are_listed():
    masks, grid = np.zeros((3, 2, 4, 5), bool), Grid.from_spacing((2, 4, 5), (5.0, 10.0, 10.0))
    masks[0, 0], masks[2, 0, 1:3] = True, True
    classes = PlainModel(torch.nn.Identity(), ["whole", "none", "core"], head="sigmoid").classes
    maps = label_maps(masks, classes, grid)
    assert [(array.dtype, array.sum()) for array, _ in maps] == [(np.uint8, 20), (np.uint8, 10)]
    told = [(one["name"], one["value"], one["voxels"], round(one["ml"], 9)) for _, part in maps for one in part]
    assert told == [("whole", 1, 20, 10.0), ("none", 1, 0, 0.0), ("core", 1, 10, 5.0)]
    ((array, told),) = label_maps(masks & False, classes, grid)
    assert not array.any() and [one["voxels"] for one in told] == [0, 0, 0]
    labels = np.zeros((2, 4, 5), np.uint16)
    labels[0, 0, :3] = 300
    names = PlainModel(torch.nn.Identity(), [str(n) for n in range(301)]).classes
    ((array, told),) = label_maps(labels, names, grid)
    assert array is labels and len(told) == 300 and (told[-1]["value"], told[-1]["voxels"]) == (300, 3)


def test_a_cancelled_prediction_leaves_no_file_and_the_worker_goes_on(tmp_path):
    running = Running(tmp_path / "seghirescam-worker-slow")
    try:
        running.hello()
        slow = Model(tmp_path / "slow", seconds=0.3)
        number = predict(running, slow, image())

        def stop(event):
            if event["phase"] == "running the network" and not stop.sent:
                stop.sent = True
                running.send("cancel", target=number)

        stop.sent = False
        assert running.until(number, progress=stop)["code"] == "cancelled" and stop.sent
        assert [name for name in os.listdir(running.folder) if name.startswith("map")] == []
        assert running.until(predict(running, slow, image()))["maps"]
    finally:
        running.end()


def test_windows_are_estimated_before_they_run_and_a_fused_prediction_is_made_once(worker, tmp_path):
    folder = made.write_bundle(tmp_path / "bundle", made.config(preprocessing=made.LOADED))
    case = made.ct_like(Grid.from_spacing((16, 30, 60)))
    here = open_session(open_model(str(folder)), case)
    drawn = np.zeros(case.grid.shape, bool)
    drawn[4:9, 6:12, 40:44] = True
    pixels = PixelSet(drawn, case.grid, "segment 'liver'")
    asked = {
        "model": str(folder), "image": sent(worker, case),
        "pixel_sets": [recipe_to_json(pixels, lambda array: write_array(worker.folder, "pixels.npy", array))],
    }  # fmt: skip
    expected = here.estimate(pixels)
    assert worker.ask("estimate", **asked) == expected and 0 < expected["windows"] < expected["of_windows"]
    phases = []
    number = worker.send("explain", **asked, class_index="liver")
    found = worker.until(number, progress=lambda event: phases.append(event["phase"]))
    assert found["session"]["estimate"] == expected
    assert found["session"]["forward_calls"] == expected["forward_passes"]
    text = f"({expected['windows']} of {expected['of_windows']} windows, {expected['forward_passes']} passes, "
    assert any(phase.startswith("explaining, window 1 of") and text in phase for phase in phases), phases
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert max(layer["cells"][2] for layer in layers.values()) == 16  # the cells of one window
    assert min(layer["mm_per_cell"][2] for layer in layers.values()) == 1.0

    told = worker.ask("predict", model=str(folder), image=asked["image"])
    labels = read_array(worker.folder, told["maps"][0]["array"])
    expected_labels = here.model.labels_on_input(here.logits(), here.model.prepare(case), case)
    assert (labels == expected_labels).mean() > 0.9999 and len(np.unique(labels)) > 1
    assert told["session"]["forward_calls_now"] == expected["of_windows"]
    again = worker.ask("predict", model=str(folder), image=asked["image"])
    assert again["session"]["forward_calls_now"] == 0
    reference = recipe_to_json(FalseNegatives(pixels), lambda array: write_array(worker.folder, "pixels.npy", array))
    found = worker.ask("explain", **asked | {"pixel_sets": [reference]}, class_index="liver")
    missed = drawn & (labels != 1)
    assert found["explanations"][0]["facts"]["provenance"]["pixel_set_voxels"] == missed.sum() > 0
    assert found["session"]["forward_calls_now"] <= expected["forward_passes"]  # nothing was predicted again


def test_a_tolerance_makes_fewer_windows(worker, tmp_path):
    folder = made.write_bundle(tmp_path / "bundle", made.config(preprocessing=made.LOADED))
    case = made.ct_like(Grid.from_spacing((16, 30, 60)))
    drawn = np.zeros(case.grid.shape, bool)
    drawn[4:9, 6:12, 33:44] = True
    drawn[5, 8, 50] = True
    pixels = PixelSet(drawn, case.grid, "segment 'liver'")
    data = recipe_to_json(pixels, lambda array: write_array(worker.folder, "pixels.npy", array))
    asked = {"model": str(folder), "image": sent(worker, case), "pixel_sets": [data]}
    all_of_them = worker.ask("estimate", **asked)["windows"]
    assert worker.ask("estimate", **asked, tolerance=0.2)["windows"] < all_of_them


def test_channels_on_other_grids_are_brought_onto_the_first_and_the_result_says_so(worker, tmp_path):
    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Conv3d(2, 4, 1)
            self.last = torch.nn.Conv3d(4, 3, 1)

        def forward(self, x):
            return self.last(torch.relu(self.first(x)))

    folder = tmp_path / "two"
    folder.mkdir()
    torch.manual_seed(3)
    network = Two()
    save_file(network.state_dict(), folder / "weights.safetensors")
    code = "import torch\n\n" + _source_of_two() + "\ndef build():\n    return Two()\n"
    (folder / "net.py").write_text(code, encoding="utf-8")
    about = {
        "factory": "net.py",
        "weights": "weights.safetensors",
        "classes": ["a", "b", "c"],
        "channels": ["T1", "T2"],
    }
    (folder / "two.model.json").write_text(json.dumps(about), encoding="utf-8")
    source = str(folder / "two.model.json")
    t1 = image(seed=1)
    other = Grid.from_spacing((6, 10, 12), (3.0, 0.8, 0.7), (0.5, 0.3, 1.0))
    t2 = Image(np.random.default_rng(2).normal(size=other.shape).astype(np.float32), other)
    told = worker.ask("describe", model=source)
    assert told["channels"] == ["T1", "T2"]
    picture = sent(worker, t1) | {"more": [sent(worker, t2, "second.npy")], "names": ["T1", "T2"]}
    words = {"model": source, "consent_sha256": told["consent_sha256"], "image": picture}
    found = worker.ask("predict", **words)
    both, notes = joined([t1, t2], ["T1", "T2"])
    with torch.no_grad():
        expected = network(torch.tensor(both.array)[None])[0].argmax(0).numpy()
    assert (read_array(worker.folder, found["maps"][0]["array"]) == expected).all()
    # the random network's answer, which is a note of its own, comes behind
    assert found["notes"][: len(notes)] == list(notes) and "T2 was resampled linearly to the grid of T1; " in notes[0]
    found = worker.ask("explain", **words, pixel_sets=[{"kind": "whole_image"}], class_index=1, layers=["first"])
    facts = found["explanations"][0]["facts"]
    assert notes[0] in facts["notes"] and facts["provenance"]["image_sha256"] == both.content_hash
    # one volume for a model of two is refused before anything runs
    refused = worker.ask("predict", **words | {"image": sent(worker, t1)})
    assert refused["code"] == "image" and "expects 2 channel(s) (T1, T2)" in refused["sentence"]


def _source_of_two():
    return (
        "class Two(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.first = torch.nn.Conv3d(2, 4, 1)\n        self.last = torch.nn.Conv3d(4, 3, 1)\n"
        "    def forward(self, x):\n        return self.last(torch.relu(self.first(x)))\n"
    )


def test_channels_that_show_different_places_are_refused():
    here, there = image(), Image(np.zeros((4, 4, 4), np.float32), Grid.from_spacing((4, 4, 4), (1, 1, 1), (500, 0, 0)))
    with pytest.raises(ImageError, match="T2 does not overlap T1"):
        joined([here, there], ["T1", "T2"])
    same, notes = joined([here, image(seed=3)])
    assert notes == () and (same.array == np.stack([here.array[0], image(seed=3).array[0]])).all()
    assert joined([here])[0] is here


def test_every_kind_has_words_for_people_and_an_unknown_path_names_them_all(worker, tmp_path):
    assert len({kind.title for kind in kinds()}) == len({kind.name for kind in kinds()}) == len(kinds()) >= 9
    folder = tmp_path / "holiday"
    folder.mkdir()
    told = worker.ask("describe", model=str(folder))
    assert told["code"] == "model" and told["sentence"] == "No model was recognised in 'holiday'."
    assert all(kind.title in told["hint"] for kind in kinds())
    told = worker.ask("describe", model=str(folder / "gone"))
    assert told["sentence"].endswith("there is no such file or folder.")


def test_the_greeting_lists_the_methods_with_what_they_cost(worker):
    from seghirescam.cam.methods import methods

    told = worker.greeting["methods"]
    assert told == method_list() and {one["name"] for one in told} == set(methods())
    assert told[0]["name"] == "seg_hires_grad_cam" and told[0]["cost"] == "1 F + 1 B" and not told[0]["slow"]
    slow = {one["name"] for one in told if one["slow"]}
    assert {"seg_score_cam", "seg_ablation_cam", "integrated_gradients"} <= slow
    assert not slow & {"seg_grad_cam", "seg_eigen_cam", "seg_layer_cam", "saliency"}
    assert all(one["title"] and one["about"] for one in told)
