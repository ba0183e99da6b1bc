"""Shares of evidence in regions: closed forms."""

import math
import tracemalloc

import numpy as np
import pytest

from seghirescam.evaluation.metrics.shares import chance, dilated, region_shares, share, summed
from seghirescam.evaluation.painting.painting_over import grown
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.pixel_set import PixelSet


def test_dilation_is_a_ball_in_mm_on_an_anisotropic_grid():
    grid = Grid.from_spacing((9, 9, 9), (4.0, 2.0, 1.0))
    one = np.zeros(grid.shape, bool)
    one[4, 4, 4] = True
    k, j, i = np.ogrid[-4:5, -4:5, -4:5]
    expected = (4 * k) ** 2 + (2 * j) ** 2 + i**2 <= 16
    np.testing.assert_array_equal(dilated(one, grid, 4.0), expected)
    np.testing.assert_array_equal(dilated(one, grid, 0.0), one)
    assert not dilated(np.zeros(grid.shape), grid, 4.0).any()


@pytest.mark.parametrize("spacing, distance", [((1.2, 0.6, 0.6), 3.0), ((2.4, 1.2, 0.3), 4.8), ((0.7, 0.1, 0.8), 2.8)])
def test_spacings_rounded_to_float32_reach_as_many_voxels_as_exact_ones(spacing, distance):
    one = np.zeros((11, 21, 41), bool)
    one[5, 10, 20] = True
    k, j, i = np.ogrid[-5:6, -10:11, -20:21]
    # in tenths of a millimetre, without any rounding
    tenths = [round(10 * s) for s in spacing]
    expected = (tenths[0] * k) ** 2 + (tenths[1] * j) ** 2 + (tenths[2] * i) ** 2 <= round(10 * distance) ** 2
    stored = tuple(float(np.float32(s)) for s in spacing)
    for grid in (Grid.from_spacing(one.shape, spacing), Grid.from_spacing(one.shape, stored)):
        np.testing.assert_array_equal(dilated(one, grid, distance), expected)
        np.testing.assert_array_equal(grown(PixelSet(one, grid), grid, distance).weights > 0, expected)


def test_shares_count_the_positive_part_only():
    density = np.zeros((2, 2, 2))
    density[0, 0, 0], density[0, 0, 1], density[1, 1, 1], density[1, 0, 0] = 3.0, 1.0, 4.0, -100.0
    left = np.zeros(density.shape, bool)
    left[0] = True
    corner = np.zeros(density.shape, bool)
    corner[1, 1, 1] = corner[1, 0, 0] = True
    assert share(density, left) == 0.5
    assert chance(left) == 0.5 and chance(corner) == 0.25
    assert region_shares(density, {"left": left, "corner": corner}) == {"left": 0.5, "corner": 0.5, "elsewhere": 0.0}
    assert region_shares(density, {"corner": corner}) == {"corner": 0.5, "elsewhere": 0.5}


def test_evenly_spread_evidence_has_the_share_of_chance():
    rng = np.random.default_rng(0)
    mask = rng.random((10, 11, 12)) < 0.1
    assert math.isclose(share(np.full(mask.shape, 0.3), mask), chance(mask))


def test_no_positive_evidence_is_not_a_number_rather_than_zero():
    mask = np.ones((2, 2, 2), bool)
    assert math.isnan(share(-np.ones(mask.shape), mask))


@pytest.mark.parametrize("count", [1, 7, 130, 2**18, 2**18 + 1, 3 * 2**18 + 77, 2**20 + 5])
def test_a_sum_in_pieces_is_numpy_s_bit_for_bit(count):
    rng = np.random.default_rng(count)
    values = rng.normal(size=count) * 10.0 ** rng.uniform(-8, 8, count)
    places = np.sort(rng.integers(0, count, 9))
    assert summed(iter(np.split(values, places)), count) == values.sum()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_share_is_counted_slab_by_slab_and_is_the_whole_array_s_bit_for_bit(dtype):
    rng = np.random.default_rng(3)
    density = rng.normal(size=(70, 101, 113)).astype(dtype)
    if dtype == np.float64:
        density *= 1e300  # the sum of these is no number
    evidence = np.maximum(density.astype(np.float64), 0)
    evidence /= evidence.max()
    for mask in (rng.random(density.shape) < 0.3, np.zeros(density.shape, bool), np.ones(density.shape, bool)):
        assert share(density, mask) == float(evidence[mask].sum()) / float(evidence.sum())
    tracemalloc.start()
    share(density, rng.random(density.shape) < 0.01)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * density.size * 2 + 2**23  # the mask's random numbers, and slabs
