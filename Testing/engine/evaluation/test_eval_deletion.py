"""Deletion and insertion on the image: closed forms on networks whose cue lies elsewhere, replicas by plain loops."""

import json
import math

import numpy as np
import pytest
import torch

from engine.deletion_cases import GRID, a_case, counted, looks_away, organ, probe, to_zero, trapezoid
from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.deletion.blocks import falling
from seghirescam.evaluation.deletion.image_deletion import (
    FRACTIONS,
    ImageProbe,
    area_between,
    deletion_curve,
    gain_over_random,
    insertion_curve,
    one_step,
    random_curve,
)
from seghirescam.evaluation.deletion.removal import blurred, imputed
from seghirescam.evaluation.metrics.shares import dilated
from seghirescam.evaluation.painting.rerun import Rerun
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Prepared
from seghirescam.protocol.errors import EmptyPixelSetError, MethodError, PixelSetError
from seghirescam.protocol.pixel_set import PixelSet


@pytest.mark.parametrize("edge_mm", [8.0, 4.0])
def test_a_true_map_s_deletion_curve_is_one_minus_the_share_of_the_cause_that_was_removed(edge_mm):
    _, truth = a_case()
    p = probe(edge_mm=edge_mm)
    curve = deletion_curve(p, truth, seed=3)
    parts = np.array([truth[p.blocks.index == n].sum() for n in range(p.blocks.count)])
    order = falling(p.blocks.mean(truth), 3)
    sizes = p.blocks.voxels
    steps = sorted({counted(sizes, order, q) for q in FRACTIONS})
    y1 = [1 - parts[order[:n]].sum() / parts.sum() for n in steps]
    x = [sizes[order[:n]].sum() / sizes.sum() for n in steps]
    assert curve.fractions == pytest.approx(x, abs=1e-12)
    assert curve.score == pytest.approx(y1, abs=1e-5)
    assert curve.auc.value == pytest.approx(trapezoid(x, y1), abs=1e-5)
    assert curve.full == pytest.approx(0.5 + parts.sum(), rel=1e-5) and curve.empty == pytest.approx(0.5)
    assert curve.logit_auc.value == pytest.approx(trapezoid(x, curve.logits), abs=1e-9)
    assert curve.dice is None and curve.dice_auc.status == "not_measured"
    assert (curve.score[0], curve.score[-1]) == (1, 0)


def test_insertion_and_least_first_are_the_same_removals_read_the_other_way():
    _, truth = a_case()
    p = probe(edge_mm=4)
    back = insertion_curve(p, truth, fractions=(0.25, 0.5))
    least = deletion_curve(p, truth, first="least", fractions=(0.5, 0.75))
    assert back.fractions == pytest.approx([1 - f for f in reversed(least.fractions)], abs=0.02)
    assert back.score == pytest.approx(list(reversed(least.score)), abs=1e-6)
    most = deletion_curve(p, truth, fractions=(0.25, 0.5))
    assert area_between(least, most).value == pytest.approx(least.auc.value - most.auc.value)
    assert area_between(least, most).chance == 0.0 and area_between(back, most).value > 0.3


def test_gains_are_differences_of_areas_to_seeded_random_orders():
    _, truth = a_case()
    p = probe(edge_mm=4)
    found = gain_over_random(p, truth, orders=4, seed=10)
    areas = [random_curve(p, 10 + n).auc.value for n in range(1, 5)]
    assert found.n == 4 and [c.auc.value for c in found.random] == areas
    assert found.score.value == pytest.approx(np.mean(areas) - found.curve.auc.value)
    assert found.score_sd == pytest.approx(np.std(areas, ddof=1))
    assert found.score.chance == 0.0 and found.logit.unit == "logit"
    assert found.logit.value == pytest.approx(found.score.value * (found.curve.full - found.curve.empty), rel=1e-6)
    assert found.score.value > 5 * found.score_sd  # the cue is an eighth of the volume
    assert found.dice.status == "not_measured" and found.dice_sd is None
    backwards = gain_over_random(p, truth, orders=4, seed=10, insertion=True)
    ins = [random_curve(p, 10 + n, insertion=True).auc.value for n in range(1, 5)]
    assert backwards.score.value == pytest.approx(backwards.curve.auc.value - np.mean(ins))
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["n"] == 4


def test_a_map_that_points_at_nothing_used_gains_nothing_and_a_random_one_neither():
    p = probe(edge_mm=4)
    elsewhere = np.zeros(GRID.shape)
    elsewhere[..., 14:20] = 1
    some = (0.1, 0.3, 0.6)
    assert gain_over_random(p, elsewhere, orders=3, fractions=some).score.value < 0
    gains = [
        gain_over_random(
            p, np.random.default_rng(s).random(GRID.shape), orders=3, fractions=some, seed=9 * s
        ).score.value
        for s in range(8)
    ]
    assert abs(np.mean(gains)) < 0.06


def test_the_organ_and_three_millimetres_around_it_are_never_removed_by_default():
    image, _ = a_case()
    m = organ().weights > 0
    p, plain = probe(edge_mm=4), probe(edge_mm=4, context_only=False)
    kept = np.zeros(GRID.shape, bool)
    for k, j, i in np.argwhere(m):  # 3 mm at a spacing of 2 mm: the 18 nearest (2 and 2.83 mm)
        for dk, dj, di in np.ndindex(3, 3, 3):
            v = (k + dk - 1, j + dj - 1, i + di - 1)
            if abs(dk - 1) + abs(dj - 1) + abs(di - 1) <= 2 and all(
                0 <= a < n for a, n in zip(v, GRID.shape, strict=True)
            ):
                kept[v] = True
    touched = np.zeros(GRID.shape, bool)
    for v in np.argwhere(kept):
        touched[tuple(slice(2 * (a // 2), 2 * (a // 2) + 2) for a in v)] = True
    assert np.array_equal(p.blocks.index == -1, touched)
    assert (plain.blocks.index >= 0).all()
    gone = p.removed(np.ones(p.blocks.count, bool)).array[0]
    assert np.array_equal(gone[touched], image.array[0][touched]) and not gone[~touched].any()


def test_where_everything_removed_raises_the_score_only_the_areas_in_logit_mean_anything():
    """Divided by a negative difference, a map of what speaks against the class would look faithful."""
    _, truth = a_case()
    against = looks_away()
    with torch.no_grad():
        against.network.weight.neg_()
    found = gain_over_random(probe(against, edge_mm=4), truth, orders=2)
    assert found.curve.empty > found.curve.full
    assert found.score.status == found.curve.auc.status == "too_small" and "raises" in found.score.note
    assert found.curve.score is None and found.logit.value < 0


def test_painting_the_prediction_wins_the_plain_variant_and_is_not_judged_in_the_context_one():
    network = torch.nn.Conv3d(1, 2, 1)
    with torch.no_grad():
        network.weight[:] = torch.tensor([0.0, 2.0]).reshape(2, 1, 1, 1, 1)
        network.bias[:] = torch.tensor([1.0, -1.0])
    own = PlainModel(network, ["background", "object"])
    painted = organ().weights
    plain = gain_over_random(probe(own, edge_mm=4, context_only=False), painted)
    assert plain.score.value > 0.2
    context = gain_over_random(probe(own, edge_mm=4), painted)
    assert context.score.status == "zero_map" and context.random == ()
    # any other map: nothing outside the organ matters to this network, and no number pretends it does
    other = gain_over_random(probe(own, edge_mm=4), np.ones(GRID.shape))
    assert other.score.status == "too_small" and other.curve.score is None
    assert other.logit.value == pytest.approx(0, abs=1e-6)


def test_self_dice_is_the_dice_with_the_unchanged_prediction_inside_the_region():
    image, truth = a_case()
    model = looks_away(own=0.3, bias=-2.0)
    p = probe(model, edge_mm=4, dice=True)
    curve = deletion_curve(p, truth, fractions=(0.05, 0.2))
    order = falling(p.blocks.mean(truth), 0)
    kept = p.blocks.index == -1  # at least the organ and its margin
    roi = dilated(organ().weights, GRID, 3.0)
    assert kept[roi].all()

    def predicted(array):
        with torch.no_grad():
            return (model.network(torch.tensor(array)[None])[0].argmax(0) == 1).numpy() & roi

    before = predicted(image.array)
    steps = sorted({counted(p.blocks.voxels, order, q) for q in (0, 0.05, 0.2, 1)})
    for n, dice in zip(steps, curve.dice, strict=True):
        after = predicted(to_zero(image, np.isin(p.blocks.index, order[:n])).array)
        assert dice == pytest.approx(2 * (after & before).sum() / (after.sum() + before.sum()), abs=1e-12)
    assert curve.dice[0] == 1 and curve.dice[-1] < 0.9
    assert curve.dice_auc.value == pytest.approx(trapezoid(curve.fractions, curve.dice))
    whole = deletion_curve(probe(model, edge_mm=4, dice=True, context_only=False), truth, fractions=())
    assert whole.dice == (1.0, 0.0)


class Crops(PlainModel):
    """Cuts the box around what is not zero out of the image, as nnU-Net does: removal changes its grid."""

    def prepare(self, image):
        self.check(image)
        found = np.argwhere(image.array[0] != 0)
        low, high = found.min(axis=0), found.max(axis=0) + 1
        inner = image.array[(slice(None), *(slice(a, b) for a, b in zip(low, high, strict=True)))].copy()
        return Prepared(torch.tensor(inner)[None], image.grid.strided((1, 1, 1), low, inner.shape[1:]), inner.shape[1:])


def test_predictions_of_a_model_that_crops_by_content_are_compared_where_they_lie():
    network = torch.nn.Conv3d(1, 2, 1)
    with torch.no_grad():
        network.weight[:] = torch.tensor([0.0, 2.0]).reshape(2, 1, 1, 1, 1)
        network.bias[:] = torch.tensor([1.0, -3.0])
    image, _ = a_case()
    rerun = Rerun(Crops(network, ["background", "object"]))
    roi = PixelSet(np.ones(GRID.shape), GRID, "all")
    p = ImageProbe(rerun, image, organ(), ClassLogit(1), removal=to_zero, edge_mm=4, dice=True, roi=roi)
    everything = np.ones(p.blocks.count, bool)
    before, after = image.array[0] > 2, p.removed(everything).array[0] > 2
    assert p.see(everything).dice == pytest.approx(2 * (before & after).sum() / (before.sum() + after.sum()), abs=1e-12)
    assert not p._grid.same_as(rerun.see(p.removed(everything)).grid)


def test_a_class_that_was_not_predicted_has_no_dice_and_says_so():
    _, truth = a_case()
    curve = deletion_curve(probe(looks_away(bias=-100), edge_mm=4, dice=True), truth, fractions=())
    assert curve.dice is None and curve.dice_auc.status == "empty_reference" and curve.auc.ok


@pytest.mark.parametrize("removal", ["blur", "impute"])
def test_blur_and_imputation_are_those_of_removal(removal):
    image, _ = a_case()
    p = probe(image=image, removal=removal, seed=5)
    chosen = np.random.default_rng(0).random(p.blocks.count) < 0.5
    mask = p.blocks.mask(chosen)
    found = p.removed(chosen).array
    wanted = imputed(image, mask, 5).array if removal == "impute" else np.where(mask, blurred(image).array, image.array)
    assert np.array_equal(found, wanted)
    assert p.removed(np.zeros(p.blocks.count, bool)) is image


def test_the_part_of_the_map_that_can_be_judged_is_what_lies_in_removable_blocks():
    density = np.random.default_rng(4).normal(size=GRID.shape)
    p = probe(edge_mm=4)
    free, evidence = p.blocks.index >= 0, np.maximum(density, 0)
    found = p.share_removable(density)
    assert found.value == pytest.approx(evidence[free].sum() / evidence.sum(), abs=1e-12)
    assert found.chance == pytest.approx(free.mean(), abs=1e-12)
    assert p.share_removable(organ().weights).value == 0
    assert (
        p.share_removable(-np.abs(density)).status == "zero_map"
        and p.share_removable(density * np.nan).status == "nonfinite"
    )
    step = one_step(p.rerun, p.image, density, organ(), ClassLogit(1), before=0.0, edge_mm=4, removal=to_zero)
    assert step.removable == found


def test_one_step_that_changes_nothing_is_too_small_to_judge():
    network = torch.nn.Conv3d(1, 2, 1)
    model = PlainModel(network, ["background", "object"])
    image, truth = a_case()
    found = one_step(Rerun(model), image, truth, organ(), ClassLogit(1), edge_mm=4)
    assert found.gain.status == "too_small" and found.hot == pytest.approx(found.before)


@pytest.mark.parametrize("bad, status", [(0, "zero_map"), (-1, "zero_map"), (math.nan, "nonfinite")])
def test_maps_that_give_no_order_cost_no_prediction(bad, status):
    image, _ = a_case()
    model = looks_away()
    p = probe(model)
    density = np.full(GRID.shape, float(bad))
    for curve in (deletion_curve(p, density), insertion_curve(p, density), gain_over_random(p, density).curve):
        assert curve.status == status and curve.score is None and curve.auc.status == status
        json.dumps(curve.to_json(), allow_nan=False)
    rerun = Rerun(model)
    assert one_step(rerun, image, density, organ(), ClassLogit(1)).gain.status == status
    assert p.predictions == 0 and rerun.forward_calls == 0


def test_one_block_has_no_order_and_no_block_is_an_error():
    image, truth = a_case()
    one = probe(context_only=False, edge_mm=1000)
    assert one.blocks.count == 1 and deletion_curve(one, np.ones(GRID.shape)).status == "too_small"
    with pytest.raises(PixelSetError, match="No block is left"):
        probe(margin_mm=1000.0)
    with pytest.raises(PixelSetError, match="No block is left"):
        probe(body=np.zeros(GRID.shape))
    empty = PixelSet(np.zeros(GRID.shape), GRID, "nothing")
    with pytest.raises(EmptyPixelSetError, match="nothing"):
        ImageProbe(Rerun(looks_away()), image, empty, ClassLogit(1))
    with pytest.raises(PixelSetError, match="Resample"):
        deletion_curve(probe(), np.ones((2, 2, 2)))
    for bad in ({"removal": "air"}, {"removal": None}):
        with pytest.raises(MethodError, match="removal"):
            probe(**bad)
    with pytest.raises(MethodError, match="order"):
        deletion_curve(probe(), truth, first="middle")
    for fractions in ((0.5, 1.5), (-0.1,), (math.nan,)):
        with pytest.raises(MethodError, match="between 0 and 1"):
            deletion_curve(probe(), truth, fractions=fractions)
    with pytest.raises(MethodError, match="between 0 and 1"):
        one_step(Rerun(looks_away()), image, truth, organ(), ClassLogit(1), fraction=1.0)
    with pytest.raises(MethodError, match="at least one random"):
        gain_over_random(probe(), truth, orders=0)


def test_a_network_that_answers_nan_gives_statuses_not_numbers():
    class Breaks(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv3d(1, 2, 1)

        def forward(self, x):
            y = self.conv(x)
            return y if (x != 0).all() else y * math.nan

    image, truth = a_case()
    p = probe(PlainModel(Breaks(), ["background", "object"]), edge_mm=4)
    curve = deletion_curve(p, truth)
    assert curve.status == "nonfinite" and curve.score is None and curve.logit_auc.status == "nonfinite"
    json.dumps(curve.to_json(), allow_nan=False)
    broken = PlainModel(Breaks(), ["background", "object"])
    found = one_step(Rerun(broken), image, truth, organ(), ClassLogit(1), removal=to_zero)
    assert found.gain.status == "nonfinite"
    json.dumps(found.to_json(), allow_nan=False)
