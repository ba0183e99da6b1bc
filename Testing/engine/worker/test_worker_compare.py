"""The worker's comparison: the session's own maps, the engine's own numbers, and sentences where there is no map."""

import numpy as np
import pytest

from engine.workers import Model, image
from seghirescam.comparison.compare import compare_in
from seghirescam.models import open_model
from seghirescam.protocol.arrays import read_array, write_array
from seghirescam.protocol.messages import explanation_from_json, recipe_to_json
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session
from seghirescam.worker.handlers.compare import cheap_methods

METHODS = ["seg_hires_grad_cam", "seg_grad_cam", "cam"]


@pytest.fixture
def model(tmp_path):
    return Model(tmp_path / "model")


def request(worker, model, picture, pixels, **words):
    """The words of a request for a comparison."""
    name = write_array(worker.folder, "image.npy", picture.array)
    sent = [recipe_to_json(pixels, lambda array: write_array(worker.folder, "pixels.npy", array))]
    asked = {"model": model.source, "consent_sha256": model.sha256, "pixel_sets": sent, "class_index": 1}
    asked |= {"image": {"array": name, "grid": picture.grid.to_json()}, "device": "cpu"}
    return asked | {"methods": METHODS, "layers": "main"} | words


@pytest.fixture
def case():
    picture = image()
    return picture, PixelSet(np.random.default_rng(1).random((8, 8, 8)) < 0.3, picture.grid, "segment 'tumour'")


def test_cells_are_the_sessions_maps_and_rows_the_engines_numbers(worker, model, case):
    picture, pixels = case
    progress = []
    number = worker.send("compare", **request(worker, model, picture, pixels))
    found = worker.until(number, progress=lambda event: progress.append((event["progress"], event["phase"])))
    session = open_session(open_model(model.source, consent=model.sha256), picture, device="cpu")
    asked = session.ask(pixels, class_index=1, methods=METHODS[:2], layers="main")
    truth = {(one.method, one.layer.name): one for one in asked}
    maps = [explanation_from_json(one, lambda name: read_array(worker.folder, name)) for one in found["explanations"]]
    # the map of a linear head's own method too, where the head reads that layer
    assert {(one.method, one.layer.name) for one in maps if one.method != "cam"} == set(truth)
    for one in maps:
        if one.method != "cam":
            # bit for bit where both processes compute with as many threads
            mine = truth[one.method, one.layer.name].map
            assert one.map.dtype == np.float32 and np.abs(one.map - mine).max() <= 1e-6 * np.abs(mine).max()

    engine = compare_in(session, pixels, class_index=1, methods=METHODS)
    rows = {(row["method"], row["layer"]): row for row in found["rows"]}
    assert len(rows) == len(found["rows"]) == len(list(engine))
    for cell in engine:
        row, told = rows[cell.method.name, cell.layer.name], engine.facts(cell)
        for key in set(told) - {"seconds"}:
            assert row[key] == (
                pytest.approx(told[key], rel=1e-5, abs=1e-9) if isinstance(told[key], float) else told[key]
            ), key
        assert (row["map"] is None) == (cell.explanation is None)
        if cell.explanation is not None:
            assert (maps[row["map"]].method, maps[row["map"]].layer.name) == (row["method"], row["layer"])
    refused = [row for row in found["rows"] if row["status"] == "refused"]
    assert refused and {row["method"] for row in refused} == {"cam"}
    assert all(len(row["reason"].split()) > 4 and row["total"] is None for row in refused)
    assert [f for f, _ in progress] == sorted(f for f, _ in progress) and progress[-1][1] == "measuring the maps"


def test_the_kept_pass_serves_a_comparison_and_the_word_cheap_names_methods_of_layers(worker, model, case):
    picture, pixels = case
    asked = request(worker, model, picture, pixels, methods=["seg_grad_cam"])
    assert worker.ask("compare", **asked)["session"]["forward_calls_now"] == 1
    again = worker.ask("compare", **asked | {"methods": ["seg_grad_cam", "seg_layer_cam"]})
    assert again["session"]["forward_calls_now"] == 0 and len(again["rows"]) == 6
    names = cheap_methods()
    assert names[0] == "seg_hires_grad_cam" and {"cam", "seg_grad_cam", "seg_layer_cam", "seg_eigen_cam"} <= set(names)
    assert not {"seg_ablation_cam", "seg_score_cam", "seg_lift_cam", "saliency", "integrated_gradients"} & set(names)
    assert {row["method"] for row in worker.ask("compare", **asked | {"methods": "cheap"})["rows"]} == set(names)


def test_large_maps_are_measured_and_do_not_travel_and_errors_leave_no_file(worker, model, case):
    picture, pixels = case
    asked = request(worker, model, picture, pixels, methods=["seg_grad_cam"], most_cells=100)
    found = worker.ask("compare", **asked)
    (small,) = [row for row in found["rows"] if row["map"] is not None]
    assert small["layer"] == "enc1" and len(found["explanations"]) == 1
    large = [row for row in found["rows"] if row["map"] is None]
    assert len(large) == 2 and all(row["left_out"] and row["total"] is not None for row in large)
    before = {path.name for path in worker.folder.iterdir()}
    for words, code in (
        ({"methods": ["no_such_method"]}, "method"), ({"class_index": 9}, "class"),
        ({"pixel_sets": asked["pixel_sets"] * 2}, "request"),
    ):  # fmt: skip
        assert worker.ask("compare", **asked | words)["code"] == code
    assert {path.name for path in worker.folder.iterdir()} == before
