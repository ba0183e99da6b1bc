"""Masked out: the volume at a point of the deletion curve is the one whose score the curve tells."""

import numpy as np
import pytest

from engine.workers import Model, image
from seghirescam import PixelSet
from seghirescam.evaluation.trust.masked_out import masked_out
from seghirescam.protocol.arrays import read_array, write_array
from seghirescam.protocol.errors import MethodError
from seghirescam.protocol.messages import recipe_to_json

SIZE = 16


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Model(tmp_path_factory.mktemp("model") / "model")


def question(worker, model, array=None, **words):
    """About one voxel: without its context it loses more than a tenth of its score, so there is a curve."""
    mask = np.zeros((SIZE,) * 3, np.uint8)
    mask[2, 3, 3] = 1
    grid = image(SIZE).grid
    pixels = recipe_to_json(PixelSet(mask, grid, "segment"), lambda one: write_array(worker.folder, "pixels.npy", one))
    name = write_array(worker.folder, "image.npy", image(SIZE).array if array is None else array)
    return {
        "model": model.source, "consent_sha256": model.sha256, "pixel_sets": [pixels], "class_index": 1,
        "image": {"array": name, "grid": grid.to_json()}, "device": "cpu",
    } | words  # fmt: skip


def test_every_point_of_the_curve_is_the_score_of_its_image_and_costs_no_pass(worker, model):
    found = worker.ask("explain", **question(worker, model, layers=["enc1"]))
    cells = np.abs(read_array(worker.folder, found["explanations"][0]["array"]))
    cells += 0.01 * cells.max() * np.random.default_rng(0).random(cells.shape, np.float32)
    grid = found["explanations"][0]["facts"]["grid"]

    def judging(**words):
        sent = {"array": write_array(worker.folder, "cells.npy", cells), "grid": grid}
        return question(worker, model, method="seg_hires_grad_cam", layer="enc1", map=sent, **words)

    told = worker.ask("trust", **judging(tier="full"))["trust"]
    curve = next(one for one in told["curves"] if one["name"] == "by the map")
    assert len(curve["fractions"]) > 3
    for fraction, mean in zip(curve["fractions"], curve["logit"], strict=True):
        before = model.calls()
        answer = worker.ask("masked", **judging(fraction=round(fraction, 6)))
        assert model.calls() == before and answer["fraction"] == pytest.approx(fraction)
        shown = read_array(worker.folder, answer["masked"]["array"])
        assert shown.shape == (SIZE,) * 3 and shown.dtype == np.float32
        assert (shown != image(SIZE).array[0]).any() == (fraction > 0)
        assert shown[2, 3, 3] == image(SIZE).array[0, 2, 3, 3]  # M itself stays
        asked = worker.ask("explain", **question(worker, model, array=shown[None], layers=["enc1"]))
        assert asked["explanations"][0]["facts"]["score"] == pytest.approx(mean, rel=1e-5, abs=1e-6)


def test_no_share_is_refused_before_anything_is_done():
    with pytest.raises(MethodError, match="must lie between 0 and 1, got 1.5"):
        masked_out(None, None, {}, 1.5)
