"""The worker carries maps to the voxels they are shown on: the same numbers as here, and nothing half-made."""

import numpy as np
import pytest

from engine.workers import Model, image
from seghirescam import Grid
from seghirescam.protocol.arrays import DiskError, MessageError, read_array, read_pieces, write_array
from seghirescam.protocol.display.displayed import on_voxels
from seghirescam.protocol.display.evidence import Evidence
from seghirescam.protocol.display.map_grids import map_grid
from seghirescam.protocol.messages import explanation_from_json


@pytest.fixture
def model(tmp_path):
    return Model(tmp_path / "model")


def read(worker, shown):
    """(voxels, evidence) of an answer."""
    load = lambda name: read_array(worker.folder, name)  # noqa: E731
    return load(shown["array"]), Evidence.from_json(shown["evidence"], load)


@pytest.mark.parametrize(("on", "layer"), [("input", None), ("input", "dec0"), ("quarter", "enc1"), ("layer", "enc1")])
def test_the_shown_map_comes_with_the_answer_and_equals_the_local_one(worker, model, on, layer):
    picture = image(12)
    show = {"on": on} | ({"layer": layer} if layer else {})
    result = worker.until(worker.explain(model, picture, layers=["enc1", "dec0"], show=show))
    maps = [explanation_from_json(x, lambda name: read_array(worker.folder, name)) for x in result["explanations"]]
    one = next(x for x in maps if x.layer.name == (layer or "enc1"))
    assert result["shown"]["layer"] == one.layer.name
    voxels, evidence = read(worker, result["shown"])
    target = map_grid(on, one.grid, picture.grid)
    if target:
        density = one.resampled_to(target)
        assert voxels.dtype == np.float32 and voxels.shape == target.shape
        assert np.abs(voxels - density.array).max() <= 1e-6 * np.abs(density.array).max()
        assert voxels.sum(dtype=float) * target.voxel_ml == pytest.approx(density.integral_after, rel=1e-5)
        assert result["shown"]["unit"] == density.unit == "logit/ml"
    else:
        assert np.abs(voxels - one.map).max() <= 1e-6 * np.abs(one.map).max()
        assert result["shown"]["unit"] == "logit/cell"
    assert evidence.largest == voxels.max() and evidence.positive.total == pytest.approx(
        voxels[voxels > 0].sum(dtype=float), rel=1e-6
    )


def test_a_grid_that_there_is_not_is_a_sentence(worker, model):
    error = worker.until(worker.explain(model, image(), show={"on": "half"}))
    assert error["code"] == "request" and "half" in error["sentence"]


def test_without_the_wish_nothing_is_placed(worker, model):
    assert worker.until(worker.explain(model, image()))["shown"] is None


@pytest.mark.parametrize("target", [Grid.from_spacing((9, 17, 21), (1.5, 0.7, 0.9), (0.5, 1.0, 0.0)), None])
def test_a_map_is_placed_on_request(worker, target):
    cells = np.random.default_rng(2).normal(size=(4, 5, 6)).astype(np.float32)
    source = Grid.from_spacing(cells.shape, (3.0, 2.0, 3.0))
    name = write_array(worker.folder, "cells.npy", cells)
    words = {"target": target.to_json()} if target else {}
    result = worker.ask("resample", map={"array": name, "grid": source.to_json()}, unit="logit", **words)
    voxels, evidence = read(worker, result["shown"])
    expected, unit = on_voxels(cells, source, "logit", target)
    assert np.array_equal(voxels, expected) and result["shown"]["unit"] == unit
    assert evidence.both.holding(0.8) == Evidence.of(expected).both.holding(0.8)


def test_a_map_that_does_not_fit_or_is_missing_is_refused_and_leaves_nothing(worker):
    source = Grid.from_spacing((4, 5, 6))
    name = write_array(worker.folder, "small.npy", np.zeros((2, 2, 2), np.float32))
    before = {path.name for path in worker.folder.iterdir()}
    for array in (name, "nowhere.npy", "../small.npy"):
        error = worker.ask("resample", map={"array": array, "grid": source.to_json()}, unit="logit")
        assert error["code"] == "request", array
    assert worker.ask("resample", unit="logit")["code"] == "request"
    assert {path.name for path in worker.folder.iterdir()} == before


def test_an_answer_that_is_cancelled_while_the_map_is_placed_leaves_no_file(worker, model):
    number = worker.explain(model, image(12), show={"on": "input"})

    def cancel(event):
        if event["phase"] == "placing the map":
            worker.send("cancel", target=number)

    ended = worker.until(number, progress=cancel)
    files = [path.name for path in worker.folder.iterdir() if path.name.startswith(f"map_{number}_")]
    # the word may come too late; then the answer is whole
    assert (ended.get("code") == "cancelled" and files == []) or len(files) == len(ended["explanations"]) + 3


def test_arrays_are_read_in_pieces_into_what_is_held_ready(tmp_path):
    array = np.random.default_rng(0).normal(size=(3, 700, 900)).astype(np.float32)  # 7.6 MB
    write_array(tmp_path, "a.npy", array)
    held = []

    def hold(shape, dtype):
        held.append(np.zeros(shape, dtype))
        return held[0]

    steps, found = read_pieces(tmp_path, "a.npy", hold), None
    count = 0
    while found is None:
        try:
            next(steps)
            count += 1
        except StopIteration as end:
            found = end.value
    assert found is held[0] and np.array_equal(found, array) and count == 2
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    for name in ("a.npy", "missing.npy"):
        with pytest.raises(MessageError, match="missing or damaged"):
            list(read_pieces(tmp_path, name))
    with pytest.raises(MessageError, match="private folder"):
        list(read_pieces(tmp_path, "../a.npy"))
    with pytest.raises(DiskError):
        write_array(tmp_path / "nowhere", "a.npy", array)
