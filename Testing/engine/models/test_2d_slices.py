"""A 2D network on a volume: every slice as if it had been given alone, in the volume's place."""

import numpy as np
import pytest

from engine import toys
from engine.grids import oblique
from seghirescam.comparison.compare import compare
from seghirescam.models.plain import PlainModel
from seghirescam.models.slice_by_slice import SliceBySlice, by_slices
from seghirescam.protocol.errors import ImageError
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain
from seghirescam.session.opening import open_session

CLASSES = ("background", "lesion", "other")
LOCAL = ("seg_hires_grad_cam", "seg_xres_cam", "seg_layer_cam")


def normalised(array):
    """Depends on everything it is given: a slice alone is not a slice of the volume."""
    return (array - array.mean()) / array.std()


def case(size, divisor, pool=False, kind="batch", **settings):
    model = PlainModel(
        toys.make(dims=2, pool=pool, kind=kind),
        CLASSES,
        spatial_dims=2,
        divisor=divisor,
        normalise=normalised,
        **settings,
    )
    shape = (5, *size)
    array = np.random.default_rng(3).normal(size=(1, *shape)) * np.arange(1, 6)[:, None, None]
    mask = np.zeros(shape)
    mask[1:4, 4:9, 5:11] = 1
    mask[3, 4:9, 5:8] = 0
    return model, Image(array, oblique(shape, degrees=(37.0, 0.0, 0.0))), mask


def single(image, mask, k):
    grid = image.grid.strided((1, 1, 1), (k, 0, 0), (1, *image.grid.shape[1:]))
    return Image(image.array[:, k : k + 1], grid), PixelSet(mask[k : k + 1], grid)


@pytest.mark.parametrize("size", [(16, 16), (13, 18)])
@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("layer", ["encoder.0", "encoder.2", "decoder.1"])
def test_the_maps_are_those_of_the_single_slices_each_in_its_place(size, pool, layer):
    model, image, mask = case(size, 8, pool)
    words = {"class_index": 1, "layers": layer, "methods": list(LOCAL)}
    volume = explain(by_slices(model, image), image, PixelSet(mask, image.grid), **words)
    truths = {k: explain(model, *single(image, mask, k), **words) for k in (1, 2, 3)}
    for n, found in enumerate(volume):
        assert found.provenance["windows"]["run"] == 3
        assert found.map.shape[0] == 3
        assert found.score == pytest.approx(sum(truths[k][n].score for k in truths), rel=1e-6)
        for place, k in enumerate(truths):
            truth = truths[k][n]
            cells = tuple(slice(0, min(a, b)) for a, b in zip(found.map.shape[1:], truth.map.shape[1:], strict=True))
            error = np.abs(found.map[place][cells] - truth.map[0][cells]).max()
            assert error <= 1e-6 * np.abs(truth.map).max()
            for corner in ((0, 0), (1, 1)):
                assert found.grid.ras((place, *corner)) == pytest.approx(truth.grid.ras((0, *corner)), abs=1e-6)


def test_the_logits_and_the_prediction_are_those_of_the_single_slices():
    model, image, mask = case((13, 18), 8)
    session = open_session(by_slices(model, image), image)
    logits = session.logits()
    assert logits.shape == (3, 5, 16, 24)
    labels = session.model.labels_on_input(logits, session._prepare(lambda *_: None), image)
    for k in range(5):
        alone = open_session(model, single(image, mask, k)[0])
        truth = alone.logits()
        assert np.abs(logits[:, k] - truth[:, 0]).max() <= 1e-6 * np.abs(truth).max()
        truth = alone.model.labels_on_input(truth, alone._prepare(lambda *_: None), alone.image)
        assert np.array_equal(labels[k], truth[0])


def test_on_the_image_s_grid_the_evidence_lies_in_the_slices_of_the_pixel_set_and_nothing_is_lost():
    model, image, mask = case((16, 16), 8)
    (found,) = explain(by_slices(model, image), image, PixelSet(mask, image.grid), class_index=1, layers="encoder.1")
    density = found.resampled_to(image.grid).array
    assert not density[[0, 4]].any() and density[1:4].any(axis=(1, 2)).all()
    assert density.sum(dtype=np.float64) * image.grid.voxel_ml == pytest.approx(found.total, rel=1e-5)


def test_seg_grad_cam_averages_over_the_whole_volume():
    """One weight a channel for all slices: K times fewer than the mean of one slice's gradient."""
    model, image, mask = case((16, 16), 8)
    mask[2:] = 0
    words = {"class_index": 1, "layers": "encoder.1", "methods": "seg_grad_cam"}
    (found,) = explain(by_slices(model, image), image, PixelSet(mask, image.grid), **words)
    (truth,) = explain(model, *single(image, mask, 1), **words)
    assert np.abs(5 * found.map[0] - truth.map[0]).max() <= 1e-6 * np.abs(truth.map).max()


def test_other_models_and_single_slices_stay_as_they_are():
    model, image, mask = case((16, 16), 8)
    assert by_slices(model, single(image, mask, 0)[0]) is model
    three = PlainModel(toys.make(dims=3), CLASSES)
    assert by_slices(three, image) is three
    sliced = by_slices(model, image)
    assert isinstance(sliced, SliceBySlice) and by_slices(sliced, image) is sliced
    assert sliced.weights_hash == model.weights_hash and sliced.class_index("lesion") == 1


def test_a_wrong_number_of_channels_is_refused_before_anything_runs():
    model, image, _ = case((16, 16), 8, channels=("T1", "T2"))
    with pytest.raises(ImageError, match=r"expects 2 channel\(s\)"):
        by_slices(model, image).prepare(image)


def test_a_comparison_takes_a_volume_as_it_is():
    model, image, mask = case((16, 16), 8)
    methods = ["seg_hires_grad_cam", "seg_score_cam", "cam"]
    found = compare(
        model, image, PixelSet(mask, image.grid), class_index=1, methods=methods, layers=["encoder.1", "decoder.1"]
    )
    status = {(c.method.name, c.layer.name): c.status for c in found}
    assert status["seg_hires_grad_cam", "encoder.1"] == "ok"
    refused = [c for c in found if c.method.name == "seg_score_cam"]
    assert all(c.status == "refused" and "has no such image" in c.refused for c in refused)
