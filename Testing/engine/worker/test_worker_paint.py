"""Masking out through the worker process: the engine's numbers, masks on the image's grid, no pass made twice."""

import numpy as np
import pytest

from engine.workers import Model, balanced, image
from seghirescam.cam.logits.score import ClassLogit, Contrast
from seghirescam.evaluation.painting.intervention import paint_in
from seghirescam.evaluation.painting.regions import Hottest, hottest
from seghirescam.models import open_model
from seghirescam.protocol.arrays import read_array, write_array
from seghirescam.protocol.messages import recipe_to_json
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session


@pytest.fixture
def case(tmp_path):
    """A model that says "lesion" in half of a picture, a pixel set and a region."""
    picture = image(seed=5)
    mask, region = np.zeros(picture.grid.shape), np.zeros(picture.grid.shape)
    mask[2:5, 2:6, 2:6], region[4:7, 4:7, 5:8] = 1, 1
    sets = PixelSet(mask, picture.grid, "segment 'M'"), PixelSet(region, picture.grid, "segment 'bead'")
    return balanced(Model(tmp_path / "model"), picture), picture, *sets


def request(worker, model, picture, pixels, region, **words):
    def recipe(pixels):
        names = iter(f"{len(pixels.label)}_{n}.npy" for n in range(9))
        return recipe_to_json(pixels, lambda array: write_array(worker.folder, next(names), array))

    sent = {"array": write_array(worker.folder, "image.npy", picture.array), "grid": picture.grid.to_json()}
    asked = {"model": model.source, "consent_sha256": model.sha256, "image": sent, "device": "cpu", "class_index": 1}
    region = recipe(region) if isinstance(region, PixelSet) else region
    return asked | {"pixel_sets": [recipe(pixels)], "region": region, "margin_mm": 1.0} | words


def truth(model, picture, pixels, region, score, **words):
    session = open_session(open_model(model.source, consent=model.sha256), picture, device="cpu")
    return paint_in(session, region, pixels, score, margin_mm=1.0, **words)


def same(told, expected):
    assert set(told) == set(expected)
    for key, value in expected.items():
        if isinstance(value, dict):
            same(told[key], value)
        else:
            assert told[key] == (pytest.approx(value, rel=1e-4, abs=1e-6) if isinstance(value, float) else value), key


def test_numbers_masks_and_sentence_are_the_engine_s_and_the_second_region_costs_one_pass(worker, case):
    model, picture, pixels, region = case
    asked, progress = request(worker, model, picture, pixels, region, control=True), []
    told = worker.until(worker.send("paint", **asked), progress=lambda e: progress.append((e["progress"], e["phase"])))
    mine = truth(model, picture, pixels, region, ClassLogit(1), control=True)
    same(told["painting"], mine.to_json())
    assert told["painting"]["region"] == "segment 'bead'" and told["painting"]["sentence"].startswith("Masking out")
    for name, mask in (
        ("before", mine.predicted[0]), ("after", mine.predicted[1]), ("region", mine.painted.weights > 0)
    ):  # fmt: skip
        array = read_array(worker.folder, told[name]["array"])
        assert array.dtype == np.uint8 and np.array_equal(array, mask) and told[name]["grid"] == picture.grid.to_json()
    assert (mine.predicted[0] != mine.predicted[1]).any() and told["notes"] == list(mine.notes) != []
    assert told["session"]["forward_calls_now"] == 2 + (mine.control is not None)
    assert [f for f, _ in progress] == sorted(f for f, _ in progress)
    before = model.calls()
    again = worker.ask("paint", **request(worker, model, picture, pixels, region))
    assert again["session"]["forward_calls_now"] == 1 == model.calls() - before
    assert again["painting"]["after"] == told["painting"]["after"] and again["painting"]["control"] is None


def test_the_hottest_part_of_a_map_that_was_made_costs_one_pass_on_cells_and_on_the_image_s_grid(worker, case):
    model, picture, pixels, _ = case
    asked = request(worker, model, picture, pixels, {}, score="contrast", rival=0)
    question = {word: value for word, value in asked.items() if word not in ("region", "margin_mm")}
    found = worker.ask("explain", **question | {"layers": ["enc1"]})
    (one,) = [e for e in found["explanations"] if e["layer"]["name"] == "enc1"]
    heat = {"array": one["array"], "grid": one["facts"]["grid"]}
    region = {"kind": "hottest", "map": heat, "share": 0.3}
    told = worker.ask("paint", **asked | {"region": region})
    assert told["session"]["forward_calls_now"] == 1
    session = open_session(open_model(model.source, consent=model.sha256), picture, device="cpu")
    (map_,) = session.ask(pixels, class_index=1, score="contrast", rival=0, layers=["enc1"])
    mine = truth(model, picture, pixels, hottest(map_, picture.grid, 0.3), Contrast(1, 0))
    same(told["painting"], mine.to_json())
    dense = map_.resampled_to(picture.grid).array
    sent = {"array": write_array(worker.folder, "dense.npy", dense), "grid": picture.grid.to_json()}
    again = worker.ask("paint", **asked | {"region": region | {"map": sent}})
    same(again["painting"], mine.to_json())
    outside = worker.ask("paint", **asked | {"region": region | {"outside": True, "share": 0.9}})
    mine = truth(model, picture, pixels, Hottest(dense, 0.9, outside=True), Contrast(1, 0))
    same(outside["painting"], mine.to_json())
    assert outside["painting"]["pixel_set_painted"] == 0


def test_errors_and_cancelling_leave_no_file(worker, case, tmp_path):
    model, picture, pixels, region = case
    asked = request(worker, model, picture, pixels, region)
    before, calls = {path.name for path in worker.folder.iterdir()}, model.calls()
    zero = {"array": write_array(worker.folder, "zero.npy", np.zeros(picture.grid.shape, np.float32))}
    zero = {"kind": "hottest", "map": zero | {"grid": picture.grid.to_json()}}
    for words, code, sentence in (
        ({"region": zero}, "empty_pixel_set", "no positive evidence"),
        ({"region": {"kind": "whole_image"}}, "pixel_set", "covers the whole image"),
        ({"region": {"kind": "spell"}}, "request", "unknown kind"),
        ({"region": {"kind": "hottest"}}, "request", "lacks 'map'"),
        ({"class_index": 9}, "class", "no class 9"),
        ({"pixel_sets": asked["pixel_sets"] * 2}, "request", "one pixel set"),
        ({"margin_mm": -1}, "pixel_set", "0 mm or more"),
        ({"score": "contrast"}, "class", "rival"),
    ):
        told = worker.ask("paint", **asked | words)
        assert (told["code"], sentence in told["sentence"]) == (code, True), told
    assert model.calls() == calls  # refused before the network ran
    assert {path.name for path in worker.folder.iterdir()} == before | {"zero.npy"}

    slow = Model(tmp_path / "slow", seconds=0.2)
    number = worker.send("paint", **asked | {"model": slow.source, "consent_sha256": slow.sha256})

    def stop(event):
        if "masked out" in event["phase"] and not stop.sent:
            stop.sent = True
            worker.send("cancel", target=number)

    stop.sent = False
    assert worker.until(number, progress=stop)["code"] == "cancelled" and stop.sent
    assert {path.name for path in worker.folder.iterdir()} == before | {"zero.npy"}
