"""Grids, and carrying values between them: closed forms, and an interpolation written in the slow way."""

import numpy as np
import pytest

from engine.grids import oblique
from seghirescam.protocol.errors import GeometryError
from seghirescam.protocol.grid import Grid, canonical
from seghirescam.protocol.resampling import resampled, spread


def test_indices_and_millimetres_are_inverse_and_follow_the_matrix():
    grid = oblique((5, 6, 7), (3.0, 0.8, 1.1))
    for kji in ([0, 0, 0], [4, 2, 6], [1.5, -2, 9.25]):
        expected = grid.ijk_to_ras @ np.array([kji[2], kji[1], kji[0], 1.0])
        assert np.allclose(grid.ras(kji), expected[:3], atol=1e-12)
        assert np.allclose(grid.kji(grid.ras(kji)), kji, atol=1e-12)
    assert np.allclose(grid.spacing_kji, (3.0, 0.8, 1.1))
    assert grid.voxel_ml == pytest.approx(3.0 * 0.8 * 1.1 / 1000)


def test_a_strided_grid_lies_at_start_plus_jump_times_index():
    grid = oblique((8, 8, 8), (3.0, 0.8, 1.1))
    coarse = grid.strided((4, 2, 1), (0.0, 0.5, -1.0), (2, 4, 8))
    assert np.allclose(coarse.ras((1, 3, 5)), grid.ras((4, 6.5, 4)))
    assert coarse.voxel_ml == pytest.approx(8 * grid.voxel_ml)
    assert Grid.from_json(coarse.to_json()).same_as(coarse, 1e-12)


@pytest.mark.parametrize("matrix", [np.zeros((4, 4)), np.full((4, 4), np.nan), np.eye(3), np.diag([1, 1, 0, 1])])
def test_a_matrix_that_is_no_geometry_is_refused(matrix):
    with pytest.raises(GeometryError):
        Grid((2, 2, 2), matrix)


def slow_linear(array, source, target):
    """Linear interpolation at every target centre, voxel by voxel; the outer half voxel takes the edge value."""
    out = np.zeros(target.shape)
    for kji in np.ndindex(*target.shape):
        p = source.kji(target.ras(kji))
        if (p < -0.5 - 1e-6).any() or (p > np.array(array.shape) - 0.5 + 1e-6).any():
            continue
        p = np.clip(p, 0, np.array(array.shape) - 1)
        low = np.minimum(np.floor(p).astype(int), np.array(array.shape) - 1)
        for corner in np.ndindex(2, 2, 2):
            index = np.minimum(low + corner, np.array(array.shape) - 1)
            weight = np.prod([(p - low)[a] if corner[a] else 1 - (p - low)[a] for a in range(3)])
            out[kji] += weight * array[tuple(index)]
    return out


@pytest.mark.parametrize("turned", [False, True])
def test_linear_resampling_equals_the_slow_replica(turned):
    rng = np.random.default_rng(0)
    source = oblique((5, 6, 4), (2.0, 1.0, 1.5))
    if turned:
        target = Grid((6, 7, 5), np.diag([1.2, 1.1, 1.7, 1.0]) @ np.eye(4) + 0)
        matrix = np.array(target.ijk_to_ras)
        matrix[:3, 3] = source.ras((0.3, 0.2, -0.4))
        target = Grid((6, 7, 5), matrix)
    else:  # axes permuted and flipped, finer, shifted by fractions
        step = np.array([[0, 0, -0.4, 3.1], [0.5, 0, 0, 0.25], [0, 0.7, 0, -0.3], [0, 0, 0, 1]])
        target = Grid((7, 8, 9), source.ijk_to_ras @ step)
    array = rng.normal(size=source.shape)
    assert np.abs(resampled(array, source, target) - slow_linear(array, source, target)).max() < 1e-9


def test_downsampling_averages_whole_blocks_and_keeps_a_ramp():
    source = Grid.from_spacing((4, 8, 6), (1.0, 2.0, 1.0))
    target = canonical(source, 2.0)
    assert target.shape == (2, 8, 3) and np.allclose(target.ras((0, 0, 0)), (0.5, 0, 0.5))
    array = np.random.default_rng(0).normal(size=source.shape)
    assert np.allclose(resampled(array, source, target), array.reshape(2, 2, 8, 3, 2).mean(axis=(1, 4)), atol=1e-6)


def test_canonical_turns_any_orientation_back_to_right_anterior_superior():
    base = Grid.from_spacing((4, 5, 6), (3.0, 2.0, 1.0), (-10, 20, 5))
    flip = np.array([[0, 0, -1, 5], [0, 1, 0, 0], [-1, 0, 0, 3], [0, 0, 0, 1]], dtype=float)
    turned = Grid((6, 5, 4), base.ijk_to_ras @ flip)
    back = canonical(turned)
    assert back.same_as(base, 1e-9)
    array = np.random.default_rng(0).normal(size=base.shape)
    there = resampled(array, base, turned)
    assert np.allclose(there, array.transpose(2, 1, 0)[::-1, :, ::-1], atol=1e-12)


@pytest.mark.parametrize("jump", [2, 4, 16])
@pytest.mark.parametrize("start", ["reading", "middle", "writing of a decoder"])
def test_what_the_cells_hold_is_found_again_on_the_image_grid(jump, start):
    """The integral of a map is the same on both grids: tolerance 1e-5 relative (float32)."""
    grid = oblique((32, 48, 32), (3.0, 0.8, 1.1))
    first = {"reading": 0.0, "middle": (jump - 1) / 2, "writing of a decoder": -0.4}[start]
    cells = np.random.default_rng(0).normal(size=[n // jump for n in grid.shape])
    layer = grid.strided((jump,) * 3, (first,) * 3, cells.shape)
    density = spread(cells, layer, grid)
    assert density.sum(dtype=np.float64) * grid.voxel_ml == pytest.approx(cells.sum(), rel=1e-5, abs=1e-5)
    # cell by cell: the amount around each single cell is its own
    for cell in [(0, 0, 0), tuple(n - 1 for n in cells.shape), tuple(n // 2 for n in cells.shape)]:
        one = np.zeros(cells.shape)
        one[cell] = 2.5
        alone = spread(one, layer, grid)
        assert alone.sum(dtype=np.float64) * grid.voxel_ml == pytest.approx(2.5, rel=1e-5)
        assert alone.min() >= 0


def test_spreading_a_middle_placed_map_is_torch_s_half_pixel_upsampling_away_from_the_border():
    import torch

    cells = np.random.default_rng(0).normal(size=(5, 6, 7))
    grid = Grid.from_spacing((20, 24, 28))
    layer = grid.strided((4, 4, 4), (1.5, 1.5, 1.5), cells.shape)
    up = torch.nn.functional.interpolate(torch.tensor(cells)[None, None], scale_factor=4, mode="trilinear")[
        0, 0
    ].numpy()
    inner = tuple(slice(6, -6) for _ in range(3))
    assert np.abs(spread(cells, layer, grid) - up / layer.voxel_ml)[inner].max() < 1e-6 / layer.voxel_ml


def test_a_map_on_a_turned_grid_keeps_its_integral_nearly_and_says_how_nearly():
    layer = oblique((10, 10, 10), (4.0, 4.0, 4.0))
    corners = layer.ras([[k, j, i] for k in (-2, 11) for j in (-2, 11) for i in (-2, 11)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    shape = tuple(int(n) for n in np.ceil(high - low))[::-1]
    target = Grid.from_spacing(shape, (1.0, 1.0, 1.0), low)
    k, j, i = np.meshgrid(*[np.arange(10) - 4.5] * 3, indexing="ij")
    cells = np.exp(-(k**2 + j**2 + i**2) / 4)
    total = spread(cells, layer, target).sum(dtype=np.float64) * target.voxel_ml
    assert total == pytest.approx(cells.sum(), rel=0.01)


def test_a_map_carried_to_a_coarser_grid_loses_nothing():
    fine = Grid.from_spacing((12, 12, 12))
    cells = np.random.default_rng(0).normal(size=(12, 12, 12))
    coarse = canonical(fine, 4.0)
    density = spread(cells, fine, coarse)
    assert density.sum(dtype=np.float64) * coarse.voxel_ml == pytest.approx(cells.sum(), rel=1e-5)
