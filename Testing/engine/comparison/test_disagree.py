"""Two models on one case: sets by numpy alone, scores and maps by plain autograd, in 2D and 3D, on two grids."""

import copy

import numpy as np
import pytest
import torch

from engine import toys
from engine.grids import oblique
from engine.windowed_models import windows
from seghirescam.comparison.two_models.disagree import disagree
from seghirescam.comparison.two_models.disagreement import area_mm2
from seghirescam.figures.disagreement_sheet import DisagreementSheet
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import ClassError, EmptyPixelSetError, LayerError, MethodError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain

CLASSES, OTHERS = ("background", "lesion", "other"), ("air", "Lesion", "tissue")
SHAPES = {2: (1, 16, 20), 3: (8, 12, 16)}
KEYS = ["a_without_b", "b_without_a", "both"]


def network(dims, seed, array):
    """Says class 1 of two fifths of the image."""
    made = toys.make(seed, dims=dims, inplace=False)
    with torch.no_grad():
        logits = made(tensor_of(array, dims))[0]
        made.head.bias[1] += torch.quantile(torch.maximum(logits[0], logits[2]) - logits[1], 0.4037)
    return made


def lattice(dims):
    """A slice of a patient; a volume, turned and anisotropic."""
    return oblique(SHAPES[dims], (3.0, 0.8, 1.1)) if dims == 3 else Grid.from_spacing(SHAPES[2], (5.0, 0.8, 1.5))


def pair_of(dims=3, seeds=(0, 5), **words):
    array = np.random.default_rng(3).normal(size=(1, *SHAPES[dims])).astype(np.float32)
    models = [
        PlainModel(network(dims, seed, array), names, spatial_dims=dims, divisor=4, name=f"net {seed}", **words)
        for seed, names in zip(seeds, (CLASSES, OTHERS), strict=True)
    ]
    return models, Image(array, lattice(dims))


def tensor_of(array, dims):
    tensor = torch.as_tensor(array, dtype=torch.float64)[None]
    return tensor if dims == 3 else tensor[:, :, 0]


def logits_of(model, array, dims):
    """By the bare network: [C, K, J, I]."""
    with torch.no_grad():
        found = model.networks[0](tensor_of(array, dims))[0].numpy()
    return found if dims == 3 else found[:, None]


def numpy_sets(a, b):
    return {"a_without_b": a & ~b, "b_without_a": ~a & b, "both": a & b}


@pytest.mark.parametrize("dims", [2, 3])
def test_sets_scores_and_maps_are_those_of_plain_loops(dims):
    models, image = pair_of(dims)
    found = disagree(models, image, class_index=["lesion", "Lesion"])
    logits = [logits_of(model, image.array, dims) for model in models]
    a, b = (one.argmax(axis=0) == 1 for one in logits)
    truth = numpy_sets(a, b)
    assert [one.key for one in found.sets] == KEYS and all(truth[key].any() for key in KEYS)
    assert found.dice == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()), rel=1e-12)
    spacing = (3.0, 0.8, 1.1) if dims == 3 else (5.0, 0.8, 1.5)
    rows = iter(found.rows())
    for one in found.sets:
        assert np.array_equal(one.mask, truth[one.key])
        count = int(truth[one.key].sum())
        for side, asked in enumerate(one.asked):
            row = next(rows)
            assert (row["set"], row["side"], row["voxels"]) == (one.key, "AB"[side], count)
            assert row["ml"] == pytest.approx(count * np.prod(spacing) / 1000, rel=1e-9)
            assert row["mm2"] == (None if dims == 3 else pytest.approx(count * 0.8 * 1.5, rel=1e-9))
            # the score: a sum over the set of the bare network's logits, and a voxel of it
            score = float(logits[side][1][truth[one.key]].sum())
            assert row["score"] == asked.explanation.score == pytest.approx(score, rel=1e-5)
            assert row["score_per_voxel"] == pytest.approx(score / count, rel=1e-5) and row["model_voxels"] == count
            # the map: activations times gradients, by torch alone
            mask = torch.as_tensor(truth[one.key], dtype=torch.float64)
            mask = mask if dims == 3 else mask[0]
            layer = asked.explanation.layer.name
            activation, gradient = toys.slow_truth(
                models[side].networks[0], tensor_of(image.array, dims), layer, lambda y, m=mask: (y[0, 1] * m).sum()
            )
            product = (activation * gradient).sum(dim=0).numpy()
            product = product if dims == 3 else product[None]
            np.testing.assert_allclose(asked.explanation.map, product, rtol=1e-4, atol=1e-5 * abs(product).max())
            assert row["total"] == pytest.approx(float(product.sum()), rel=1e-4)
            # what of the positive evidence lies inside
            density = np.maximum(asked.explanation.resampled_to(image.grid).array.astype(np.float64), 0)
            assert row["inside"] == pytest.approx(density[truth[one.key]].sum() / density.sum(), rel=1e-6)
            assert row["lift"] == pytest.approx(row["inside"] / row["chance"], rel=1e-9)
    assert next(rows, None) is None


def test_one_forward_pass_a_model_and_every_map_is_explain_s():
    models, image = pair_of(3)
    calls = [0, 0]

    def counting(n):
        def count(module, inputs, output):
            # not those that only look at the wiring, whose numbers are no image's
            calls[n] += torch.equal(inputs[0].detach().cpu(), tensor_of(image.array, 3))

        return count

    handles = [model.networks[0].register_forward_hook(counting(n)) for n, model in enumerate(models)]
    found = disagree(models, image, class_index=[1, 1])
    for handle in handles:
        handle.remove()
    assert found.passes == (1, 1) and calls == [1, 1]
    for one, side, asked in found.answers():
        pixels = PixelSet(one.mask, image.grid, one.title)
        (alone,) = explain(models[side], image, pixels, class_index=1)
        assert alone.layer.name == asked.explanation.layer.name
        assert alone.score == pytest.approx(asked.explanation.score, rel=1e-12)
        np.testing.assert_allclose(alone.map, asked.explanation.map, rtol=1e-5, atol=1e-8)


def test_an_image_of_b_on_another_grid_sets_are_carried_over_in_millimetres():
    """B sees J and I at half the resolution: its voxels are 2 x 2 of A's, so both ways are exact by hand."""
    models, image = pair_of(3)
    k, j, i = SHAPES[3]
    coarse = image.array[0].reshape(k, j // 2, 2, i // 2, 2).mean(axis=(2, 4))[None].repeat(2, 2).repeat(2, 3)
    coarse = np.ascontiguousarray(coarse[:, :, ::2, ::2])
    coarse = np.pad(coarse, [(0, 0), (0, 0), (0, 2), (0, 0)], mode="edge")  # divisible by 4: B's own padding, stated
    own = image.grid.strided((1, 2, 2), (0, 0.5, 0.5), coarse.shape[1:])
    found = disagree(models, [image, Image(coarse, own)], class_index=["lesion", "Lesion"])
    a = logits_of(models[0], image.array, 3).argmax(axis=0) == 1
    logits_b = logits_of(models[1], coarse, 3)
    b = (logits_b.argmax(axis=0) == 1).repeat(2, 1).repeat(2, 2)[:, :j, :i]
    for one in found.sets:
        truth = numpy_sets(a, b)[one.key]
        assert np.array_equal(one.mask, truth) and truth.any()
        weights = np.zeros(coarse.shape[1:])
        weights[:, : j // 2] = truth.reshape(k, j // 2, 2, i // 2, 2).mean(axis=(2, 4))
        score = float((logits_b[1] * weights).sum())
        row = found.facts(one, 1)
        assert row["score"] == pytest.approx(score, rel=1e-4)
        assert row["model_voxels"] == pytest.approx(weights.sum(), rel=1e-6)
        assert row["score_per_voxel"] == pytest.approx(score / weights.sum(), rel=1e-4)


def always(model, index, amount):
    """A copy whose head says so much more for one class."""
    other = copy.copy(model)
    changed = copy.deepcopy(model.networks[0])
    with torch.no_grad():
        changed.head.bias[index] += amount
    other.networks = (changed,)
    return other


def test_the_same_model_twice_has_no_difference_and_says_so_without_asking():
    (model, _), image = pair_of(3)
    found = disagree([model, model], image, class_index="lesion")
    assert found.dice == 1.0 and [len(one.asked) for one in found.sets] == [0, 0, 2]
    rows = found.rows()
    assert [row["status"] for row in rows] == ["empty", "empty", "ok", "ok"]
    assert rows[0]["reason"] == "There is no such voxel: all that A predicts, B predicts as well."
    assert rows[0]["voxels"] == 0 and rows[0]["score"] is None and rows[2]["score"] == rows[3]["score"]


def test_a_model_that_finds_nothing_is_said_and_two_of_them_are_an_error():
    models, image = pair_of(3)
    silent = always(models[1], 1, -1000.0)
    found = disagree([models[0], silent], image, class_index=["lesion", "Lesion"])
    assert found.dice == 0 and [row["status"] for row in found.rows()] == ["ok", "ok", "empty", "empty"]
    assert {row["reason"] for row in found.rows()[2:]} == {"B predicts no voxel of Lesion in this image."}
    with pytest.raises(EmptyPixelSetError, match="Neither model predicts a voxel of lesion or Lesion"):
        disagree([always(models[0], 1, -1000.0), silent], image, class_index=["lesion", "Lesion"])


def test_a_set_that_b_does_not_see_at_all_is_refused_alone():
    """B is given the upper half: what only A finds in the lower half has no voxel there."""
    models, image = pair_of(3)
    half = Image(np.ascontiguousarray(image.array[:, 4:]), image.grid.strided((1, 1, 1), (4, 0, 0), (4, 12, 16)))
    whole = always(models[1], 1, 1000.0)  # B takes all of it, so that A without B lies below
    found = disagree([models[0], whole], [image, half], class_index=["lesion", "Lesion"])
    a = logits_of(models[0], image.array, 3).argmax(axis=0) == 1
    assert np.array_equal(found["a_without_b"].mask, a & (np.arange(8) < 4)[:, None, None])
    first, second = found["a_without_b"].asked
    assert first.explanation is not None and second.explanation is None
    row = found.facts(found["a_without_b"], 1)
    assert row["status"] == "refused" and "lies outside the image" in row["reason"] and row["score"] is None
    assert found["both"].asked[1].explanation.score == pytest.approx(
        float(logits_of(whole, half.array, 3)[1][found["both"].mask[4:]].sum()), rel=1e-5
    )


def test_independent_classes_and_sliding_windows():
    (a, b), image = pair_of(3)
    sigmoid = PlainModel(a.networks[0], CLASSES, head="sigmoid", spatial_dims=3)
    cut = PlainModel(b.networks[0], OTHERS, windows=windows((8, 8, 8), (8, 4, 4)), spatial_dims=3)
    found = disagree([sigmoid, cut], image, class_index=["lesion", "Lesion"])
    assert np.array_equal(found.predicted[0], logits_of(sigmoid, image.array, 3)[1] > 0)
    from seghirescam.session.opening import open_session

    assert np.array_equal(found.predicted[1], open_session(cut, image).predict(1).weights > 0)
    both = found["both"]
    score = float(logits_of(sigmoid, image.array, 3)[1][both.mask].sum())
    assert both.asked[0].explanation.score == pytest.approx(score, rel=1e-5)


def test_what_cannot_be_asked_is_refused_before_anything_runs():
    models, image = pair_of(3)
    calls = []
    for model in models:
        model.networks[0].register_forward_hook(lambda *words: calls.append(1))
    with pytest.raises(ClassError, match="no class 'lesion'|no class 'tumour'"):
        disagree(models, image, class_index=["lesion", "tumour"])
    with pytest.raises(LayerError, match="one layer of each"):
        disagree(models, image, class_index=1, layers="main")
    with pytest.raises(MethodError, match="one method that works on a layer"):
        disagree(models, image, class_index=1, method="saliency")
    assert not calls
    elsewhere = Image(image.array, image.grid.strided((1, 1, 1), (400, 0, 0), SHAPES[3]))
    with pytest.raises(PixelSetError, match="outside the image"):
        disagree(models, [image, elsewhere], class_index=1)


def test_cancelling_leaves_the_networks_as_they_were():
    models, image = pair_of(3)
    before = [{k: v.clone() for k, v in m.networks[0].state_dict().items()} for m in models]

    class Stop(Exception):
        pass

    told = []

    def tell(fraction, phase):
        told.append((fraction, phase))
        if fraction > 0.6:
            raise Stop

    with pytest.raises(Stop):
        disagree(models, image, class_index=1, progress=tell)
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert {phase[:8] for _, phase in told} == {"model A:", "model B:"}
    for model, state in zip(models, before, strict=True):
        assert not model.networks[0]._forward_hooks
        assert all(torch.equal(v, state[k]) for k, v in model.networks[0].state_dict().items())


def test_the_sheet_has_one_scale_for_each_model_and_its_numbers_are_the_maps(tmp_path):
    pytest.importorskip("matplotlib")
    models, image = pair_of(3)
    found = disagree(models, image, class_index=["lesion", "Lesion"])
    sheet = DisagreementSheet(found, image)
    highest = {0: 0.0, 1: 0.0}
    for one, side, asked in found.answers():
        density = asked.explanation.resampled_to(image.grid).array
        sheet.add(one, side, asked, density, found.facts(one, side, density))
        highest[side] = max(highest[side], float(sheet._cuts[one.key, side].values.max()))
    figure, caption = sheet.draw()
    assert "One linear scale for each model" in caption and "net 0" in caption and "net 5" in caption
    bars = [axis for axis in figure.axes if axis.get_ylabel()]
    assert len(bars) == 6
    for axis in bars:
        side = 0 if axis.get_ylabel().endswith("A") else 1
        assert axis.get_ylim() == pytest.approx((0, highest[side]), rel=1e-6)
        assert axis.get_ylabel().startswith("logit per ml")
    # a slice's value is the map per ml, divided by the set's voxels
    from seghirescam.figures.sheet_cells import flat
    from seghirescam.figures.slices import turned

    one = found["both"]
    density = turned(one.asked[0].explanation.resampled_to(image.grid).array, image.grid)
    truth = flat(density, sheet.plane, sheet._at["both"]) / one.mask.sum()
    np.testing.assert_allclose(sheet._cuts["both", 0].values, truth, rtol=1e-6)
    counts = np.count_nonzero(turned(one.mask, image.grid), axis=(1, 2))
    assert counts[sheet._at["both"][0]] == counts.max()


def test_a_signed_sheet_of_two_models_shows_what_speaks_against_in_blue_on_two_sided_scales():
    pytest.importorskip("matplotlib")
    from seghirescam.figures.contact_sheet import SheetLook
    from seghirescam.protocol.display.thresholds import signed_threshold_holding

    models, image = pair_of(3)
    found = disagree(models, image, class_index=["lesion", "Lesion"])
    sheet = DisagreementSheet(found, image, SheetLook(signed=True))
    for one, side, asked in found.answers():
        density = asked.explanation.resampled_to(image.grid).array
        sheet.add(one, side, asked, density, found.facts(one, side, density))
        level = signed_threshold_holding(density, 0.8) / asked.weight
        assert sheet._cuts[one.key, side].level == pytest.approx(level)
    figure, caption = sheet.draw()
    assert "Red speaks for the class, blue against it" in caption and "from minus to plus" in caption
    ends = [max(np.abs(c.values).max() for (_, s), c in sheet._cuts.items() if s == side) for side in (0, 1)]
    bars = [axis for axis in figure.axes if axis.get_title() == "for"]
    assert len(bars) == 6 and all(axis.get_xlabel() == "against" for axis in bars)
    overlays = [axis.images[1] for axis in figure.axes if len(axis.images) == 2 and axis.images[1].norm.vmin < 0]
    assert len(overlays) == 6 and any((overlay.get_array() < 0).any() for overlay in overlays)
    for overlay in overlays:
        least, most = overlay.get_clim()
        assert least == -most and min(abs(most / end - 1) for end in ends) < 1e-6
        values = overlay.get_array()
        assert overlay.get_alpha() == pytest.approx(0.85 * np.sqrt(np.clip(np.abs(values.data) / most, 0, 1)))


def test_an_area_is_told_of_a_single_slice_only():
    from seghirescam.protocol.sizes import Size

    flat_grid, photo = Grid.from_spacing((6, 1, 5), (2.0, 9.0, 0.5)), Grid.of_photo((1, 6, 5))
    assert area_mm2(Size(7, 30, 1.0), flat_grid) == pytest.approx(7.0)
    assert area_mm2(Size(7, 30, None), photo) is None
    assert area_mm2(Size(7, 300, 1.0), Grid.from_spacing((2, 3, 5))) is None
