"""Many pixel sets in one request: a class each, one forward, and the empty ones told."""

import numpy as np
import pytest

from engine.workers import Model, Running, image
from seghirescam import PixelSet, PlainModel
from seghirescam.protocol.arrays import read_array, write_array
from seghirescam.protocol.display.map_grids import INPUT, LAYER
from seghirescam.protocol.messages import LabelledPixels, explanation_from_json, recipe_to_json, sets_to_json
from seghirescam.protocol.recipes import Segment
from seghirescam.session.explain import explain
from seghirescam.worker.handlers.explain import MOST_SHOWN_BYTES, _grid_for_all


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("shared") / "seghirescam-worker-test")
    running.hello()
    yield running
    running.end()


def test_each_pixel_set_has_its_class_and_what_is_empty_is_told(worker, tmp_path):
    model, picture = Model(tmp_path / "model"), image()
    plain = PlainModel(model.network, ["rest", "lesion"], name="network")
    rng = np.random.default_rng(1)
    sets = [PixelSet(rng.random((8, 8, 8)) < 0.3, picture.grid, f"segment '{n}'") for n in range(2)]
    nothing = PixelSet(np.zeros((8, 8, 8)), picture.grid, "segment 'nothing'")
    wanted = [sets[0], nothing, sets[1]]
    sent = [recipe_to_json(w, lambda a, n=n: write_array(worker.folder, f"p{n}.npy", a)) for n, w in enumerate(wanted)]
    number = worker.explain(model, picture, sent, class_index=[1, 1, 0], layers="each", methods=["seg_hires_grad_cam"])
    found = worker.until(number)
    assert found["session"]["forward_calls_now"] == 1
    assert [(one["pixel_set"], "'nothing'" in one["reason"]) for one in found["left_out"]] == [(1, True)]
    told = [explanation_from_json(one, lambda name: read_array(worker.folder, name)) for one in found["explanations"]]
    for one, pixels, index in zip(told, sets, (1, 0), strict=True):
        (truth,) = explain(plain, picture, pixels, class_index=index)
        assert (one.class_index, one.layer.name, one.pixel_set_label) == (index, truth.layer.name, pixels.label)
        assert one.score == pytest.approx(truth.score, rel=1e-6)
        assert np.abs(one.map - truth.map).max() <= 1e-6 * np.abs(truth.map).max()


def test_sets_of_one_label_map_are_answered_and_shown_as_each_by_itself(worker, tmp_path):
    model, picture = Model(tmp_path / "model"), image()
    labels = np.random.default_rng(2).integers(0, 3, (8, 8, 8)).astype(np.uint8)
    boxes = {0: ((0, 0, 0), (1, 1, 1))} | dict.fromkeys((1, 2), ((0, 0, 0), (8, 8, 8)))
    labels[0, 0, 0] = 1
    given = [LabelledPixels(labels, n + 1, *boxes[n + 1], picture.grid, f"segment '{n}'") for n in range(2)]
    nothing = LabelledPixels(labels, 7, *boxes[0], picture.grid, "segment 'nothing'")
    given.insert(1, nothing)
    kept = []

    def save(array, what="pixels"):
        kept.append(array)
        return write_array(worker.folder, f"{what}.npy", array)

    sent = sets_to_json([Segment(one) for one in given], save)
    assert [array is labels for array in kept] == [True]  # one file for all
    words = {"class_index": [1, 1, 0], "methods": ["seg_hires_grad_cam"]}
    found = worker.until(worker.explain(model, picture, sent, layers="each", show={"on": INPUT}, **words))
    assert found["session"]["forward_calls_now"] == 1 and found["places"] == [0, 2] and found["on"] == INPUT
    assert [one["pixel_set"] for one in found["left_out"]] == [1]
    for n, place in enumerate(found["places"]):
        name = f"alone_{place}.npy"
        one = recipe_to_json(Segment(given[place]), lambda array, name=name: write_array(worker.folder, name, array))
        alone = words | {"class_index": words["class_index"][place]}
        truth = worker.until(worker.explain(model, picture, [one], show={"on": INPUT}, **alone))
        maps = [read_array(worker.folder, told["explanations"][k]["array"]) for told, k in ((found, n), (truth, 0))]
        shown = [read_array(worker.folder, one["array"]) for one in (found["shown"][n], truth["shown"])]
        assert truth["places"] == [0] * len(truth["explanations"]) and truth["on"] is None
        for mine, theirs in (maps, shown):
            assert theirs.any() and np.abs(mine - theirs).max() <= 1e-6 * np.abs(theirs).max()


def test_many_maps_stay_on_their_cells_where_they_would_take_too_much_memory():
    picture = image()
    cells = PixelSet(np.zeros((4, 4, 4)), picture.grid.strided((2, 2, 2), (0, 0, 0), (4, 4, 4)))
    size = 4 * 8**3  # of one map on the image's voxels
    fit = MOST_SHOWN_BYTES // size
    assert _grid_for_all([cells] * fit, INPUT, picture.grid) == INPUT
    assert _grid_for_all([cells] * (fit + 1), INPUT, picture.grid) == LAYER
