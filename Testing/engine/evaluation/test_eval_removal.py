"""What takes the place of removed voxels: a blur in mm, and a noisy guess from the blocks around."""

from itertools import product

import numpy as np
import pytest

from seghirescam.evaluation.deletion.blocks import Blocks
from seghirescam.evaluation.deletion.removal import blurred, imputed, replaced
from seghirescam.protocol.errors import ImageError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image

GRID = Grid.from_spacing((8, 12, 16), (4.0, 2.0, 2.0))


def a_case(dtype=np.float32, grid=GRID, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    array = rng.normal(100, 40, size=(channels, *grid.shape))
    mask = np.zeros(grid.shape, bool)
    mask[:4, 4:8, 4:12] = True
    return Image(array.astype(dtype), grid), mask


def test_the_blur_is_a_gaussian_in_millimetres_along_every_axis():
    grid = Grid.from_spacing((33, 65, 65), (4.0, 2.0, 2.0))
    array = np.zeros(grid.shape)
    array[16, 32, 32] = 1
    found = blurred(Image(array, grid), 6.0).array[0]
    assert found.sum() == pytest.approx(1, abs=1e-9)
    for axis, (n, s) in enumerate(zip(grid.shape, grid.spacing_kji, strict=True)):
        profile = found.sum(axis=tuple(a for a in range(3) if a != axis))
        x = (np.arange(n) - n // 2) * s
        truth = np.exp(-0.5 * (x / 6.0) ** 2)
        assert np.abs(profile - truth / truth.sum()).max() < 2e-4 * profile.max()


def test_a_constant_image_and_a_single_slice_stay_what_they_are():
    flat = Image(np.full((1, *GRID.shape), 7.5, np.float32), GRID)
    assert np.allclose(blurred(flat).array, 7.5, rtol=1e-6)
    slice_ = Grid.from_spacing((1, 12, 16), (50.0, 2.0, 2.0))
    found = blurred(Image(np.random.default_rng(0).normal(size=slice_.shape), slice_))
    assert found.array.shape == (1, 1, 12, 16) and np.isfinite(found.array).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int16, np.uint8, np.int32, bool])
def test_what_is_not_removed_stays_bit_for_bit_and_the_type_stays(dtype):
    image, mask = a_case(dtype)
    voxels = image.array.copy()
    for found in (replaced(image, mask, blurred(image, 5)), imputed(image, mask, 1)):
        assert found.array.dtype == dtype and found.grid.same_as(GRID)
        assert np.array_equal(found.array[:, ~mask], voxels[:, ~mask])
        if found.array.dtype.kind != "b":
            assert (found.array[:, mask] != voxels[:, mask]).mean() > 0.9
    assert np.array_equal(image.array, voxels)


def test_integers_are_rounded_and_never_wrap():
    image = Image(np.full(GRID.shape, 255, np.uint8), GRID)
    image.array[0, 4:] = 254
    mask = np.zeros(GRID.shape, bool)
    mask[:4] = True
    assert set(np.unique(imputed(image, mask, 0, noise=5.0).array[0, :4])) <= set(range(240, 256))


def slow_imputation(image, blocks, removed):
    """Dense solve of the definition: the mean of a removed block is the weighted mean of its 26 neighbours'."""
    step = np.array(blocks.edge_mm)
    counts = [-(-n // e) for n, e in zip(blocks.grid.shape, blocks.edge_voxels, strict=True)]
    cells = list(product(*map(range, counts)))
    number = {cell: n for n, cell in enumerate(cells)}
    matrix, right = np.zeros((len(cells), len(cells))), np.zeros(len(cells))
    for cell, n in number.items():
        if not removed[n]:
            matrix[n, n], right[n] = 1, image[blocks.index == n].mean()
            continue
        for shift in product((-1, 0, 1), repeat=3):
            other = tuple(np.add(cell, shift))
            if any(shift) and other in number:
                weight = 1 / np.sqrt(((np.array(shift) * step) ** 2).sum())
                matrix[n, n] += weight
                matrix[n, number[other]] -= weight
    return np.linalg.solve(matrix, right)


@pytest.mark.parametrize("spacing", [(4.0, 2.0, 2.0), (1.0, 1.0, 5.0)])
def test_the_means_of_removed_blocks_are_those_of_a_dense_solve_over_26_neighbours(spacing):
    grid = Grid.from_spacing((8, 12, 10), spacing)
    image = np.random.default_rng(2).normal(size=grid.shape)
    edge = 2 * max(spacing) / 2
    blocks = Blocks.of(grid, edge)
    removed = np.random.default_rng(3).random(blocks.count) < 0.5
    truth = slow_imputation(image, blocks, removed)
    found = imputed(Image(image, grid), blocks.mask(removed), edge_mm=edge, noise=0).array[0]
    # a block of odd size has a voxel at its centre, where the interpolation returns the solution itself
    for n in np.flatnonzero(removed):
        place = np.argwhere(blocks.index == n)
        sizes = np.ptp(place, axis=0) + 1
        if (sizes % 2 == 1).all():
            assert found[tuple(place[len(place) // 2])] == pytest.approx(truth[n], abs=1e-6)
    # and everywhere it is the linear interpolation between the blocks' centres
    counts = [-(-n // e) for n, e in zip(grid.shape, blocks.edge_voxels, strict=True)]
    values, axes = truth.reshape(counts), []
    for n, e in zip(grid.shape, blocks.edge_voxels, strict=True):
        axes.append([np.mean([v for v in range(n) if v // e == b]) for b in range(-(-n // e))])
    for voxel in np.argwhere(blocks.mask(removed))[::7]:
        value = values
        for v, centres in zip(voxel, axes, strict=True):
            value = np.array([np.interp(v, centres, line) for line in value.reshape(len(centres), -1).T]).reshape(
                value.shape[1:]
            )
        assert found[tuple(voxel)] == pytest.approx(float(value), abs=1e-6)


def test_a_constant_is_continued_and_an_even_ramp_inside_a_symmetric_hole_too():
    grid = Grid.from_spacing((12, 12, 12))
    hole = np.zeros(grid.shape, bool)
    hole[4:8, 4:8, 4:8] = True
    flat = imputed(Image(np.full(grid.shape, -3.25), grid), hole, edge_mm=4, noise=0)
    assert np.abs(flat.array + 3.25).max() < 1e-12
    ramp = np.broadcast_to(np.arange(12.0), grid.shape)
    found = imputed(Image(ramp, grid), hole, edge_mm=4, noise=0).array[0]
    assert np.abs(found - ramp)[hole].max() < 1e-6


def test_the_noise_is_the_seeds_and_does_not_depend_on_what_else_is_removed():
    image, mask = a_case(np.float64)
    more = mask.copy()
    more[:, :2] = True
    noise = imputed(image, mask, 7, noise=0.5).array - imputed(image, mask, 7, noise=0).array
    wider = imputed(image, more, 7, noise=0.5).array - imputed(image, more, 7, noise=0).array
    assert np.abs(noise[:, mask] - wider[:, mask]).max() < 1e-9
    assert np.array_equal(imputed(image, mask, 7).array, imputed(image, mask, 7).array)
    assert not np.array_equal(imputed(image, mask, 7).array, imputed(image, mask, 8).array)
    for channel, old in zip(noise, image.array, strict=True):
        assert channel[mask].std() == pytest.approx(0.5 * old.std(), rel=0.15)


def test_with_nothing_left_it_is_the_mean_and_with_nothing_removed_it_is_the_image():
    image, _ = a_case(np.float64)
    everything = imputed(image, np.ones(GRID.shape), noise=0)
    assert np.allclose(everything.array, image.array.mean(axis=(1, 2, 3), keepdims=True))
    assert np.array_equal(imputed(image, np.zeros(GRID.shape)).array, image.array)
    one = Grid.from_spacing((2, 2, 2))
    assert np.isfinite(imputed(Image(np.arange(8.0).reshape(2, 2, 2), one), np.ones((2, 2, 2))).array).all()


def test_a_slice_is_guessed_in_its_plane():
    grid = Grid.from_spacing((1, 24, 24), (9.0, 2.0, 2.0))
    ramp = np.broadcast_to(np.arange(24.0), grid.shape)
    hole = np.zeros(grid.shape, bool)
    hole[:, 8:16, 8:16] = True
    found = imputed(Image(ramp, grid), hole, noise=0).array[0]
    assert np.abs(found - ramp)[hole].max() < 1e-6


def test_bad_input_is_refused():
    image, _ = a_case()
    with pytest.raises(PixelSetError, match="grid"):
        imputed(image, np.ones((2, 2, 2)))
    with pytest.raises(PixelSetError, match="grid"):
        replaced(image, np.ones((2, 2, 2)), image)
    for sigma in (0, -1, float("nan")):
        with pytest.raises(ImageError, match="blur"):
            blurred(image, sigma)
