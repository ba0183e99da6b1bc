"""Many pixel sets in one request: a class each, one forward, and the empty ones told."""

import numpy as np
import pytest

from engine.workers import Model, Running, image
from seghirescam import PixelSet, PlainModel
from seghirescam.protocol.arrays import read_array, write_array
from seghirescam.protocol.messages import explanation_from_json, recipe_to_json
from seghirescam.session.explain import explain


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
