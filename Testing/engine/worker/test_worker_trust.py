"""Trust, its cost and evidence by segment through the worker process; passes are counted in the author's own file."""

import json

import numpy as np
import pytest

from engine.workers import Model, image
from seghirescam import Grid, PixelSet
from seghirescam.protocol.arrays import read_array, write_array
from seghirescam.protocol.messages import recipe_to_json


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Model(tmp_path_factory.mktemp("model") / "model")


SIZE = 16


def drawn(worker, place=(slice(1, 3), slice(3, 5), slice(3, 5))):
    mask = np.zeros((SIZE,) * 3, np.uint8)
    mask[place] = 1  # grown by 3 mm it fills one block of 8 mm: what the network sees behind is context
    pixels = PixelSet(mask, image(SIZE).grid, "segment 'lesion'")
    name = f"pixels_{mask.sum()}.npy"
    return recipe_to_json(pixels, lambda array: write_array(worker.folder, name, array))


def question(worker, model, **words):
    name = write_array(worker.folder, "image.npy", image(SIZE).array)
    return {
        "model": model.source, "consent_sha256": model.sha256, "pixel_sets": [drawn(worker)], "class_index": 1,
        "image": {"array": name, "grid": image(SIZE).grid.to_json()}, "device": "cpu",
    } | words  # fmt: skip


def explained(worker, model, changed=True, **words):
    """The map of a question, as a client sends it back. changed: without sign, and with a little everywhere."""
    found = worker.ask("explain", **question(worker, model, layers=["enc1"], **words))
    (one, *_) = found["explanations"]
    cells = read_array(worker.folder, one["array"])
    if changed:
        cells = np.abs(cells)
        cells += 0.01 * cells.max() * np.random.default_rng(0).random(cells.shape, np.float32)
    return {"array": write_array(worker.folder, "cells.npy", cells), "grid": one["facts"]["grid"]}


def judging(worker, model, **words):
    return question(worker, model, method="seg_hires_grad_cam", layer="enc1", **words)


def test_after_an_explanation_the_fast_tier_runs_the_network_three_times_and_its_cost_was_told(worker, model):
    sent = explained(worker, model)
    before = model.calls()
    cost = worker.ask("trust_cost", **judging(worker, model, tier="fast", map=sent))["cost"]
    assert cost == {"forwards": 3, "text": "at most 3 forward pass(es)"} and model.calls() == before
    found = worker.ask("trust", **judging(worker, model, tier="fast", map=sent))
    assert model.calls() == before + 3
    trust = found["trust"]
    assert trust["tier"] == "fast" and trust["verdict"] == "not judged" and trust["curves"] is None
    assert trust["cost"]["forwards"] == 3 and found["session"]["forward_calls_now"] == 0
    assert [row["name"] for row in trust["rows"]] == [
        "context_paint_over", "class_swap", "cancellation", "completeness_gap",
    ]  # fmt: skip
    for row in trust["rows"]:
        assert set(row) == {"name", "title", "value", "threshold", "passed", "sentence", "brief"} and row["sentence"]
        assert row["value"]["status"] == "ok" and row["passed"] is None


def test_the_full_tier_states_its_cost_makes_curves_and_a_verdict_and_leaves_the_session_kept(worker, model):
    # without its context this voxel loses more than a tenth of its score: there are orders to compare
    where = [drawn(worker, (2, 3, 3))]
    sent = explained(worker, model)
    words = judging(worker, model, tier="full", map=sent, pixel_sets=where)
    before = model.calls()
    cost = worker.ask("trust_cost", **words)["cost"]
    assert model.calls() == before and cost["forwards"] > 20
    assert "predictions" in cost["text"] and cost["text"].endswith("on this machine")
    trust = worker.ask("trust", **words)["trust"]
    assert trust["verdict"] == "not supported by the model"  # the map was made for other voxels
    assert trust["cost"]["forwards"] <= cost["forwards"]
    assert [curve["name"] for curve in trust["curves"]][:2] == ["by the map", "random order 1"]
    for curve in trust["curves"]:
        count = len(curve["fractions"])
        assert len(curve["logit"]) == count and (curve["score"] is None or len(curve["score"]) == count)
    words = judging(worker, model, tier="full", map=explained(worker, model, changed=False))
    told = []
    request = worker.send("trust", **words)
    trust = worker.until(request, progress=lambda event: told.append(event["phase"]))["trust"]
    assert trust["verdict"] in ("supported", "not supported by the model", "not judged")
    assert any("randomised" in phase for phase in told) and any("noise" in phase for phase in told)
    judged = {row["name"]: row for row in trust["rows"]}
    assert judged["stability"]["threshold"] == 0.5 and judged["made_again"]["value"]["value"] > 0.999999
    # a cell and its neighbours, all that this map reaches
    assert judged["randomisation"]["sentence"] == "Only 27 cells of the maps hold a value."
    assert [(line["name"], line["tests"][0]) for line in trust["lines"]] == [
        ("belongs", "made_again"), ("used", "cells_removed"), ("specific", "randomisation"),
    ]  # fmt: skip
    before = model.calls()
    again = worker.ask("explain", **question(worker, model, layers=["enc1"]))
    assert again["session"]["forward_calls_now"] == 0 and model.calls() == before


def test_the_cost_of_a_method_with_passes_of_its_own_is_told_by_its_explanation_whatever_was_asked_between(
    worker, model
):
    asked = {"method": "seg_score_cam", "layer": "enc0", "tier": "full"}
    unknown = worker.ask("trust_cost", **question(worker, model, **asked))["cost"]
    assert "shows once it has explained" in unknown["text"]
    told = worker.ask("explain", **question(worker, model, methods=["seg_score_cam"], layers=["enc0"]))
    (one,) = (one for one in told["explanations"] if one["facts"]["method"] == "seg_score_cam")
    sent = {"array": one["array"], "grid": one["facts"]["grid"]}
    cost = worker.ask("trust_cost", **question(worker, model, **asked, map=sent))["cost"]
    # 14 explanations of a pass, the baseline and a mask for each of the 4 channels
    assert cost["forwards"] >= 53 - 48 + 14 * (1 + 1 + 4) and "shows" not in cost["text"]
    worker.ask("trust", **question(worker, model, **asked | {"tier": "fast"}, map=sent))
    worker.ask("explain", **question(worker, model, layers=["enc1"]))
    worker.ask("predict", **question(worker, model))
    again = worker.ask("trust_cost", **question(worker, model, **asked, map=sent))["cost"]
    assert again["forwards"] == cost["forwards"]
    trust = worker.ask("trust", **question(worker, model, **asked, map=sent))["trust"]
    assert 14 * 5 < trust["cost"]["forwards"] <= cost["forwards"]


def test_a_trust_check_can_be_cancelled_and_the_next_question_is_answered_as_before(worker, model):
    sent = explained(worker, model, changed=False)
    first = worker.ask("explain", **question(worker, model, layers=["enc1"]))["explanations"][0]
    expected = read_array(worker.folder, first["array"])
    request = worker.send("trust", **judging(worker, model, tier="full", map=sent))

    def cancel(event):
        if "randomised" in event["phase"]:
            worker.write(json.dumps({"id": 0, "do": "cancel", "target": request}).encode() + b"\n")

    ended = worker.until(request, progress=cancel)
    assert ended["code"] == "cancelled"
    again = worker.ask("explain", **question(worker, model, layers=["enc1"]))
    assert np.array_equal(read_array(worker.folder, again["explanations"][0]["array"]), expected)
    assert again["session"]["forward_calls_now"] == 0


def test_evidence_by_segment_has_a_row_for_each_and_one_for_elsewhere(worker):
    grid = Grid.from_spacing((4, 4, 4), (2.0, 1.0, 1.0))
    cells = np.zeros((4, 4, 4), np.float32)
    cells[0, 0, 0], cells[0, 0, 1], cells[3, 3, 3] = 3, 1, -5
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[0, 0, 0], labels[0, 0, 2] = 1, 7
    other = np.zeros((4, 4, 4), np.uint8)
    other[0, 0, :2] = 2
    sent = {
        "map": {"array": write_array(worker.folder, "m.npy", cells), "grid": grid.to_json()},
        "labels": [
            {
                "array": write_array(worker.folder, "a.npy", labels),
                "grid": grid.to_json(),
                "names": {"1": "liver", "7": "spleen"},
            },
            {"array": write_array(worker.folder, "b.npy", other), "grid": grid.to_json(), "names": {"2": "both"}},
        ],
    }
    rows = {row["name"]: row for row in worker.ask("by_segment", **sent)["rows"]}
    assert list(rows) == ["liver", "spleen", "both", "elsewhere"]
    assert [rows[name]["share"]["value"] for name in rows] == [0.75, 0.0, 1.0, 0.0]
    assert rows["liver"]["ml"] == pytest.approx(0.002) and rows["liver"]["share"]["chance"] == pytest.approx(1 / 64)
    assert rows["liver"]["density"]["value"] == pytest.approx(0.75 * 64)
    # 3 of 4 parts lie 2 mm, 1 part lies 1 mm from the spleen's voxel
    assert rows["spleen"]["distance"]["value"] == pytest.approx(1.75)


def test_chance_by_segment_is_counted_in_the_body_of_the_image_as_evaluate_does(worker):
    grid, fine = Grid.from_spacing((6,) * 3, (2.0,) * 3), Grid.from_spacing((12,) * 3, origin_ras=(-0.5,) * 3)
    voxels = np.full((2, 6, 6, 6), -1000, np.float32)
    voxels[:, 2:5, 2:5, 2:5] = 40
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[2, 2, 2:5], labels[0, 0, 0] = 1, 2
    names = [write_array(worker.folder, f"c{n}.npy", channel) for n, channel in enumerate(voxels)]
    first, second = ({"array": name, "grid": grid.to_json()} for name in names)
    for on in (grid, fine):
        array = labels if on is grid else labels.repeat(2, 0).repeat(2, 1).repeat(2, 2)
        cells = {"array": write_array(worker.folder, "m.npy", array.astype(np.float32)), "grid": on.to_json()}
        label_map = {"array": write_array(worker.folder, "a.npy", array), "grid": on.to_json()}
        sent = {"map": cells, "labels": [label_map | {"names": {"1": "organ", "2": "air"}}]}
        bare = worker.ask("by_segment", **sent)
        told = worker.ask("by_segment", **sent, image=first | {"more": [second]})
        assert bare["notes"] == ["Chance is counted over the volume (1.73 ml), in which no body was found."]
        assert told["notes"][0].startswith("Chance is counted over the body (0.2") and len(told["notes"]) == 1
        assert (bare["chance_over"], told["chance_over"]) == ("volume", "body")
        for rows, chances in ((bare["rows"], (3 / 216, 1 / 216)), (told["rows"], (3 / 27, 0.0))):
            assert [row["share"]["chance"] for row in rows[:2]] == pytest.approx(chances, rel=0.06)  # rounded
            assert [row["share"]["value"] for row in rows[:2]] == pytest.approx((3 / 5, 2 / 5))


def test_what_does_not_fit_is_refused_in_one_sentence(worker, model):
    sent = explained(worker, model)
    for words, sentence in (
        ({"tier": "quick", "map": sent}, "There is no tier"),
        ({"tier": "fast", "map": sent, "layer": "nowhere"}, "'nowhere' cannot be explained"),
        ({"tier": "fast", "map": {**sent, "grid": Grid.from_spacing((2, 2, 2)).to_json()}}, "does not fit its grid"),
    ):
        error = worker.ask("trust", **judging(worker, model) | words)
        assert sentence in error["sentence"]
    grid = image(SIZE).grid.to_json()
    error = worker.ask("by_segment", map=sent, labels=[{"array": sent["array"], "grid": grid, "names": {}}])
    assert "label map does not fit" in error["sentence"]
