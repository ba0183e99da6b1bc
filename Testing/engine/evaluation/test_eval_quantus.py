"""Quantus 0.6.0 as the oracle: the same numbers where it is right, a defined answer where it has none."""

import numpy as np
import pytest

from seghirescam.evaluation.metrics.location import pointing, rank_share, share_in
from seghirescam.evaluation.metrics.similarity import spearman, ssim
from seghirescam.evaluation.metrics.simplicity import entropy, gini
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.value import EMPTY_REFERENCE, NONFINITE, ZERO_MAP

quantus = pytest.importorskip("quantus")

pytestmark = pytest.mark.filterwarnings("ignore")
SHAPES = pytest.mark.parametrize("shape", [(4, 8, 9), (1, 16, 17)], ids=["volume", "slice"])
SEEDS = pytest.mark.parametrize("seed", range(8))


def theirs(metric, density, mask=None, **settings):
    """One number of a metric's own computation: it flattens what it is given, so a volume is as good as an image."""
    settings = {"abs": False, "normalise": False, "disable_warnings": True, **settings}
    batch = {"x_batch": np.zeros((1, 1, *density.shape)), "a_batch": np.array(density, dtype=float)[None, None]}
    if mask is not None:
        batch["s_batch"] = np.asarray(mask)[None, None]
    return getattr(quantus, metric)(**settings).evaluate_batch(**batch)[0]


def case(shape, seed):
    """Positive evidence without ties, twice as strong in the block that is the reference."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, bool)
    mask[:2, 2:6, 3:8] = True
    return rng.random(shape) * (1 + mask), mask


@SHAPES
@SEEDS
def test_mass_and_rank_accuracy_agree_where_all_is_positive_and_nothing_ties(shape, seed):
    density, mask = case(shape, seed)
    assert share_in(density, mask).value == pytest.approx(theirs("RelevanceMassAccuracy", density, mask))
    assert share_in(density, mask).value == pytest.approx(theirs("AttributionLocalisation", density, mask))
    found = rank_share(density, mask).value
    assert found == pytest.approx(theirs("RelevanceRankAccuracy", density, mask)) and found > 0


@SHAPES
@SEEDS
def test_the_pointing_game_agrees_where_one_voxel_is_the_highest(shape, seed):
    density, mask = case(shape, seed)
    for each in (mask, ~mask):
        assert pointing(density, each, Grid.from_spacing(shape)).value == float(theirs("PointingGame", density, each))


@SHAPES
@SEEDS
def test_sparseness_is_gini_and_complexity_is_entropy(shape, seed):
    density, _ = case(shape, seed)
    # 1e-7 is added to every voxel there, 1e-12 inside the logarithm
    assert gini(density).value == pytest.approx(theirs("Sparseness", density), abs=1e-6)
    assert entropy(density).value * np.log(density.size) == pytest.approx(theirs("Complexity", density), abs=1e-6)


@SEEDS
def test_rank_correlation_and_ssim_agree(seed):
    from quantus.functions import similarity_func

    one, _ = case((12, 13, 14), seed)
    other, _ = case((12, 13, 14), seed + 100)
    assert spearman(one, other).value == pytest.approx(similarity_func.correlation_spearman(one.ravel(), other.ravel()))
    assert ssim(one, one).value == pytest.approx(similarity_func.ssim(one, one))
    # its window is a cube of 7 voxels and it leaves a border out: alike, not equal
    assert ssim(one, other).value == pytest.approx(similarity_func.ssim(one, other), abs=0.1)


@SHAPES
def test_an_empty_mask_is_a_hit_there_and_a_status_here(shape):
    density, mask = case(shape, 0)
    empty, grid = np.zeros_like(mask), Grid.from_spacing(shape)
    assert theirs("PointingGame", density, empty)
    assert np.isnan(theirs("RelevanceMassAccuracy", density, empty))
    assert np.isnan(theirs("RelevanceRankAccuracy", density, empty))
    for found in (pointing(density, empty, grid), share_in(density, empty), rank_share(density, empty)):
        assert (found.value, found.status) == (None, EMPTY_REFERENCE)


@SHAPES
def test_a_zero_map_is_a_hit_nan_or_a_number_there_and_a_status_here(shape):
    mask, zero = case(shape, 0)[1], np.zeros(shape)
    assert theirs("PointingGame", zero, mask)
    assert theirs("AttributionLocalisation", zero, mask) == 0.0
    assert np.isnan(theirs("RelevanceMassAccuracy", zero, mask)) and np.isnan(theirs("Complexity", zero))
    assert abs(theirs("Sparseness", zero)) < 1e-9
    found = [pointing(zero, mask, Grid.from_spacing(shape)), share_in(zero, mask), rank_share(zero, mask)]
    assert {one.status for one in [*found, gini(zero), entropy(zero)]} == {ZERO_MAP}


@SHAPES
def test_signs_that_cancel_leave_the_mass_accuracy_without_bounds_and_ours_within_0_and_1(shape):
    mask, density = case(shape, 0)[1], np.zeros(shape)
    density[0, 3, 4], density[0, 0, 0] = 1.0, -1.0
    assert np.isinf(theirs("RelevanceMassAccuracy", density, mask))
    density[0, 0, 0] = -0.5
    assert theirs("RelevanceMassAccuracy", density, mask) == 2.0
    assert np.isnan(theirs("Complexity", density)) and theirs("Sparseness", density) > 1
    assert share_in(density, mask).value == 1.0 and entropy(density).value == 0.0 and 0 < gini(density).value < 1


@SHAPES
def test_nan_in_the_map_passes_through_there_and_stops_here(shape):
    density, mask = case(shape, 0)
    density[0, 0, 0] = np.nan
    assert np.isnan(theirs("RelevanceMassAccuracy", density, mask)) and np.isnan(theirs("Complexity", density))
    found = [pointing(density, mask, Grid.from_spacing(shape)), share_in(density, mask), rank_share(density, mask)]
    assert {one.status for one in [*found, gini(density), entropy(density)]} == {NONFINITE}


@SHAPES
def test_an_even_map_is_always_a_hit_there_and_chance_here(shape):
    mask, even = case(shape, 0)[1], np.ones(shape)
    assert theirs("PointingGame", even, mask)
    assert pointing(even, mask, Grid.from_spacing(shape)).lift == pytest.approx(1.0)


def test_ties_are_broken_by_the_index_there_and_by_expectation_here():
    even, first = np.ones((1, 4, 4)), np.zeros((1, 4, 4), bool)
    first[0, 0] = True
    last = first[:, ::-1]
    assert (theirs("RelevanceRankAccuracy", even, first), theirs("RelevanceRankAccuracy", even, last)) == (1.0, 0.0)
    assert rank_share(even, first).value == rank_share(even, last).value == 0.25


@pytest.mark.parametrize(("metric", "ours"), [("Sparseness", gini), ("Complexity", entropy)])
def test_the_map_is_changed_in_place_there_and_left_alone_here(metric, ours):
    density = case((1, 16, 17), 0)[0]
    given = density[None].copy()
    judge = getattr(quantus, metric)(abs=False, normalise=False, disable_warnings=True)
    judge.evaluate_batch(x_batch=np.zeros_like(given), a_batch=given)
    assert (given[0] != density).any()
    before = density.copy()
    ours(density)
    np.testing.assert_array_equal(density, before)


def test_the_weighting_by_size_slices_the_batch_there_and_chance_counts_voxels_here():
    density, mask = case((1, 16, 16), 0)
    judge = quantus.AttributionLocalisation(abs=False, normalise=False, disable_warnings=True, weighted=True)
    ratios = []
    for cases in (3, 4):
        batch = {"a_batch": np.stack([density] * cases), "s_batch": np.stack([mask] * cases)}
        found = judge.evaluate_batch(x_batch=np.zeros((cases, 1, 16, 16)), **batch)[0]
        ratios.append(found / share_in(density, mask).value)
    # the same case in a batch of 3 and of 4: |R| over 256 voxels, and over 512
    assert ratios == pytest.approx([mask.sum() / 256, mask.sum() / 512])
    assert share_in(density, mask).chance == mask.sum() / 256


def test_a_volume_is_refused_by_its_front_door():
    density, mask = case((4, 8, 9), 0)
    judge = quantus.RelevanceMassAccuracy(abs=False, normalise=False, disable_warnings=True)
    batch = {"a_batch": density[None, None], "s_batch": mask[None, None].astype(int)}
    with pytest.raises(ValueError, match="1D and 2D"):
        judge(model=None, x_batch=np.zeros((1, 1, 4, 8, 9)), y_batch=np.zeros(1, int), **batch)
