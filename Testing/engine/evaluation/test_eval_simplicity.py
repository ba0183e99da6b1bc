"""Volumes that hold a share, Gini index, entropy: closed forms, statuses, and the same on other grids."""

import math

import numpy as np
import pytest

from seghirescam.evaluation.metrics.simplicity import entropy, gini, volume_holding
from seghirescam.protocol.errors import GeometryError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.value import NONFINITE, TOO_SMALL, ZERO_MAP

SHAPES = pytest.mark.parametrize("shape", [(4, 5, 6), (1, 5, 24)], ids=["volume", "slice"])


def grid_of(shape):
    return Grid.from_spacing(shape, (4.0, 5.0, 0.5))  # 0.01 ml a voxel


@SHAPES
def test_the_volume_of_two_levels(shape):
    density = np.zeros(shape)
    density.flat[:10], density.flat[10:50], density.flat[50:] = 4.0, 1.0, -3.0  # 40 on 0.1 ml, 40 on 0.4 ml
    ask = [volume_holding(density, grid_of(shape), share).value for share in (0.25, 0.5, 0.75, 1.0)]
    assert ask == pytest.approx([0.05, 0.1, 0.3, 0.5])
    half = volume_holding(density, grid_of(shape), 0.5)
    assert half.unit == "ml" and half.chance == pytest.approx(0.6)


@SHAPES
def test_ties_are_split_so_an_even_map_needs_exactly_the_share_of_the_volume(shape):
    for share in (0.01, 0.3, 0.5, 0.9, 1.0):
        found = volume_holding(np.full(shape, 0.1, np.float32), grid_of(shape), share)
        assert (found.value, found.chance) == pytest.approx((share * 1.2, share * 1.2)) and found.lift is None


def test_the_volume_is_that_of_adding_voxels_from_the_largest_down():
    density = np.random.default_rng(0).normal(size=(30, 31, 32)) ** 3
    grid = grid_of(density.shape)
    held = np.sort(np.maximum(density, 0), axis=None)[::-1].cumsum()
    for share in (0.5, 0.9):
        whole = int(np.searchsorted(held, share * held[-1]))  # voxels that are taken whole
        part = (share * held[-1] - held[whole - 1]) / (held[whole] - held[whole - 1])
        assert volume_holding(density, grid, share).value == pytest.approx((whole + part) * 0.01)


def test_a_share_outside_0_to_1_and_another_grid_are_refused():
    for share in (0, 1.1, -1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            volume_holding(np.full((1, 2, 2), np.nan), grid_of((1, 2, 2)), share)
    with pytest.raises(GeometryError, match="its grid"):
        volume_holding(np.full((1, 2, 2), np.nan), grid_of((1, 2, 3)), 0.5)


@SHAPES
def test_gini_and_entropy_at_their_ends(shape):
    one = np.zeros(shape)
    one.flat[7] = 3.0
    count = one.size
    assert gini(one).value == pytest.approx(1 - 1 / count) and entropy(one).value == 0.0
    assert gini(np.full(shape, 0.2)).value == pytest.approx(0.0, abs=1e-12)
    assert entropy(np.full(shape, 0.2)).value == pytest.approx(1.0)
    some = np.where(np.arange(count) < 30, 2.0, -5.0).reshape(shape)
    assert gini(some).value == pytest.approx(1 - 30 / count)
    assert entropy(some).value == pytest.approx(math.log(30) / math.log(count))
    assert (gini(some).chance, entropy(some).chance) == (0.0, 1.0)


def test_gini_is_the_mean_difference_of_all_pairs():
    density = np.random.default_rng(1).normal(size=(3, 4, 5))
    evidence = np.maximum(density, 0).ravel()
    pairs = np.abs(evidence[:, None] - evidence[None]).mean()
    assert gini(density).value == pytest.approx(pairs / (2 * evidence.mean()))


@pytest.mark.parametrize("ask", [gini, entropy, lambda a: volume_holding(a, grid_of(a.shape), 0.5)])
def test_bad_maps_are_answered_with_a_status_and_left_alone(ask):
    assert ask(np.zeros((2, 3, 4))).status == ask(-np.ones((2, 3, 4))).status == ZERO_MAP
    for bad in (np.nan, np.inf):
        density = np.ones((2, 3, 4))
        density[1, 1, 1] = bad
        found = ask(density)
        assert found.value is None and found.status == NONFINITE
    density = np.random.default_rng(2).normal(size=(2, 3, 4))
    density.setflags(write=False)
    assert ask(density).value == pytest.approx(ask(density * 2.0**1020).value)


def test_one_voxel_has_a_volume_and_no_spread():
    one = np.ones((1, 1, 1))
    assert gini(one).status == entropy(one).status == TOO_SMALL
    assert volume_holding(one, grid_of(one.shape), 0.5).value == pytest.approx(0.005)


def smooth(spacing):
    """Gaussian evidence, sd 6 mm, in a box of 60 x 72 x 66 mm."""
    shape = tuple(int(n / s) for n, s in zip((60, 72, 66), spacing, strict=True))
    k, j, i = (s * (np.arange(n) + 0.5) for n, s in zip(shape, spacing, strict=True))
    squares = (k - 31.3)[:, None, None] ** 2 + (j - 40.7)[:, None] ** 2 + (i - 29.9) ** 2
    return np.exp(-squares / 72) - 1e-3, Grid.from_spacing(shape, spacing)


@pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (3.0, 1.0, 1.0), (3.0, 3.0, 3.0)], ids=str)
def test_other_grids_agree_with_1_mm_volumes_to_2_percent_gini_to_0_01_entropy_to_0_02_nats(spacing):
    """Entropy over log n falls with coarser voxels; its distance from the even map, in nats, does not."""
    fine, coarse = smooth((1.0, 1.0, 1.0)), smooth(spacing)
    for share in (0.5, 0.9):
        assert volume_holding(*coarse, share).value == pytest.approx(volume_holding(*fine, share).value, rel=0.02)
    assert gini(coarse[0]).value == pytest.approx(gini(fine[0]).value, abs=0.01)
    nats = [(1 - entropy(density).value) * math.log(density.size) for density in (coarse[0], fine[0])]
    assert nats[0] == pytest.approx(nats[1], abs=0.02)


def test_the_volume_of_a_gaussian_is_that_of_its_ball():
    """Half the mass of a 3D Gaussian lies within 1.5382 sd (chi with three degrees of freedom)."""
    density, grid = smooth((1.0, 1.0, 1.0))
    assert volume_holding(density + 1e-3, grid, 0.5).value == pytest.approx(
        4 / 3 * math.pi * (1.53817 * 6) ** 3 / 1000, rel=0.01
    )
