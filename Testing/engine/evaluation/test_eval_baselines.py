"""Baselines: closed forms of the edge filter, and noise that is as smooth as the map it stands for."""

import numpy as np
import pytest

from seghirescam.evaluation.metrics import baselines
from seghirescam.evaluation.metrics.location import share_in
from seghirescam.protocol.errors import GeometryError, ImageError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.value import ZERO_MAP

GRIDS = pytest.mark.parametrize(
    "grid",
    [Grid.from_spacing((12, 14, 17), (3.0, 1.0, 1.5)), Grid.from_spacing((1, 24, 31), (5.0, 1.0, 1.5))],
    ids=["volume", "slice"],
)


def blob(grid, sd_mm=4.0):
    """A Gaussian in mm at the middle, below zero far from it."""
    offsets = [s * (np.arange(n) - (n - 1) / 2) for n, s in zip(grid.shape, grid.spacing_kji, strict=True)]
    k, j, i = np.meshgrid(*offsets, indexing="ij")
    return np.exp(-(k**2 + j**2 + i**2) / (2 * sd_mm**2)) - 0.01


@GRIDS
def test_painting_the_prediction_holds_all_its_evidence_in_it_and_an_empty_one_is_a_zero_map(grid):
    mask = blob(grid) > 0.5
    painted = baselines.paint_the_prediction(mask)
    assert painted.dtype == np.float32 and share_in(painted, mask).value == 1.0
    np.testing.assert_array_equal(baselines.paint_the_prediction(PixelSet(mask, grid)), painted)
    assert share_in(baselines.paint_the_prediction(np.zeros(grid.shape)), mask).status == ZERO_MAP


@GRIDS
def test_a_ramp_has_its_slope_per_mm(grid):
    k, j, i = np.indices(grid.shape)
    slopes = (2.0 if grid.shape[0] > 1 else 0.0, -3.0, 6.0)
    ramp = sum(g * s * x for g, s, x in zip(slopes, grid.spacing_kji, (k, j, i), strict=True))
    inner = tuple(slice(1, -1) if n > 1 else slice(None) for n in grid.shape)
    found = baselines.edges(ramp, grid)
    assert found.dtype == np.float32 and found.shape == grid.shape
    np.testing.assert_allclose(found[inner], np.linalg.norm(slopes), rtol=1e-6)
    np.testing.assert_allclose(baselines.edges(ramp[None], grid), found)


@GRIDS
def test_edges_lie_where_the_image_changes_and_flat_images_have_none(grid):
    image = np.zeros(grid.shape, np.int32)
    image[..., 9:] = 100
    found = baselines.edges(image, grid)
    np.testing.assert_allclose(found[..., 8:10], 100 / (2 * grid.spacing_kji[2]), rtol=1e-6)
    assert not found[..., :8].any() and not found[..., 10:].any()
    assert not baselines.edges(np.full(grid.shape, -1000), grid).any()


@GRIDS
def test_channels_count_by_their_own_spread(grid):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=grid.shape), rng.normal(size=grid.shape)
    both = [baselines.edges(each / each.std(), grid) for each in (a, b)]
    found = baselines.edges(np.stack([a, 1000 * b + 3, np.full(grid.shape, 7.0)]), grid)
    np.testing.assert_allclose(found, np.hypot(*both), rtol=1e-5)


def test_an_image_on_another_grid_is_refused():
    grid = Grid.from_spacing((2, 3, 4))
    for shape in ((3, 4), (2, 3, 5), (1, 1, 2, 3, 4)):
        with pytest.raises(GeometryError, match="its grid"):
            baselines.edges(np.zeros(shape), grid)


def test_the_random_map_is_uniform_and_repeats_with_its_seed():
    found = baselines.random_map((20, 30, 40), 3)
    assert found.shape == (20, 30, 40) and found.dtype == np.float32 and found.min() >= 0 and found.max() < 1
    np.testing.assert_array_equal(found, baselines.random_map([20, 30, 40], 3))
    assert (found != baselines.random_map((20, 30, 40), 4)).any()
    # mean and variance of 24000 uniform voxels, five standard errors
    assert found.mean() == pytest.approx(0.5, abs=5 * np.sqrt(1 / 12 / found.size))
    assert found.var() == pytest.approx(1 / 12, abs=5 * np.sqrt(1 / 180 / found.size))


@GRIDS
def test_blur_matched_noise_has_the_power_spectrum_of_the_evidence(grid):
    density = blob(grid)
    noise = baselines.blur_matched_random(density, grid, 5)
    assert noise.dtype == np.float32 and noise.min() == 0
    powers = [np.abs(np.fft.fftn(each.astype(np.float64))) ** 2 for each in (np.maximum(density, 0), noise)]
    for power in powers:
        power[0, 0, 0] = 0  # the mean is lifted until nothing is negative
    np.testing.assert_allclose(powers[1], powers[0], rtol=1e-3, atol=1e-5 * powers[0].max())
    assert noise.var() == pytest.approx(np.maximum(density, 0).var(), rel=1e-4)
    assert baselines.correlation_length(noise, grid) == pytest.approx(
        baselines.correlation_length(density, grid), rel=1e-4
    )


@GRIDS
def test_blur_matched_noise_repeats_with_its_seed_and_knows_no_place(grid):
    density = blob(grid)
    first = baselines.blur_matched_random(density, grid, 0)
    np.testing.assert_array_equal(first, baselines.blur_matched_random(density, grid, 0))
    assert (first != baselines.blur_matched_random(density, grid, 1)).any()
    mask = density > 0.2
    shares = [share_in(baselines.blur_matched_random(density, grid, seed), mask).value for seed in range(200)]
    error = np.std(shares) / np.sqrt(len(shares))
    assert np.mean(shares) == pytest.approx(mask.mean(), abs=4 * error)
    assert share_in(density, mask).value > np.mean(shares) + 5 * np.std(shares)


def test_the_correlation_length_of_a_gaussian_is_in_mm():
    """The autocorrelation of a Gaussian is one of sd * sqrt(2): one half at sd * 2 * sqrt(ln 2)."""
    grid = Grid.from_spacing((40, 120, 60), (3.0, 1.0, 2.0))
    found = baselines.correlation_length(blob(grid, 8.0) + 0.01, grid)
    # 1 %: the mean that is taken off, and straight lines between voxels
    assert found == pytest.approx([16 * np.sqrt(np.log(2))] * 3, rel=0.01)
    finer = baselines.correlation_length(blob(grid, 4.0) + 0.01, grid)
    assert finer == pytest.approx([8 * np.sqrt(np.log(2))] * 3, rel=0.03)


def test_the_correlation_length_of_stripes_and_of_single_voxels():
    grid = Grid.from_spacing((1, 8, 8), (5.0, 2.0, 1.0))
    stripes = np.zeros(grid.shape)
    stripes[:, ::4] = stripes[:, 1::4] = 1.0
    # two on, two off: correlation 1, 0, -1 along J; never falls along I (half of 8 voxels); one voxel along K
    assert baselines.correlation_length(stripes, grid) == pytest.approx((5.0, 1.0, 4.0))
    one = np.zeros(grid.shape)
    one[0, 3, 3] = 1.0
    fall = 0.5 / (1 + (1 / 64) / (1 - 1 / 64))  # correlation 1, then -1 / 63
    assert baselines.correlation_length(one, grid)[1:] == pytest.approx((2 * fall, fall))


def test_maps_without_evidence_constant_broken_or_of_one_voxel_have_a_defined_answer():
    grid = Grid.from_spacing((2, 3, 4))
    assert not baselines.blur_matched_random(-np.ones(grid.shape), grid, 0).any()
    assert baselines.correlation_length(np.zeros(grid.shape), grid) is None
    np.testing.assert_array_equal(baselines.blur_matched_random(np.full(grid.shape, 2.0), grid, 0), 2.0)
    assert baselines.correlation_length(np.full(grid.shape, 2.0), grid) is None
    one = Grid.from_spacing((1, 1, 1))
    np.testing.assert_array_equal(baselines.blur_matched_random(np.full((1, 1, 1), 3.0), one, 0), 3.0)
    for bad in (np.nan, np.inf):
        for ask in (
            lambda a: baselines.blur_matched_random(a, grid, 0),
            lambda a: baselines.correlation_length(a, grid),
        ):
            with pytest.raises(ImageError, match="NaN or infinite"):
                ask(np.full(grid.shape, bad))
    with pytest.raises(GeometryError, match="its grid"):
        baselines.blur_matched_random(np.ones((2, 3, 5)), grid, 0)
