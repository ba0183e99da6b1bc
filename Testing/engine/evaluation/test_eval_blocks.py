"""Blocks of some millimetres: their size, what is kept, the evidence they hold, their order."""

from itertools import product

import numpy as np
import pytest

from seghirescam.evaluation.deletion.blocks import Blocks, falling, voxels_per_edge
from seghirescam.protocol.errors import GeometryError, PixelSetError
from seghirescam.protocol.grid import Grid

GRID = Grid.from_spacing((5, 9, 12), (4.0, 3.0, 1.0))


def slow_blocks(grid, edge, keep_out, within):
    """[voxel index tuples of every block], in array order, by plain loops."""
    found = []
    for corner in product(*[range(0, n, e) for n, e in zip(grid.shape, edge, strict=True)]):
        ends = [min(c + e, n) for c, e, n in zip(corner, edge, grid.shape, strict=True)]
        block = list(product(*map(range, corner, ends)))
        if not any(keep_out[v] for v in block) and any(within[v] for v in block):
            found.append(block)
    return found


def test_an_edge_becomes_whole_voxels_rounded_up():
    assert voxels_per_edge(GRID, 8.0) == (2, 3, 8)
    assert voxels_per_edge(GRID, 0.5) == (1, 1, 1)
    assert voxels_per_edge(GRID, 1000) == GRID.shape
    assert voxels_per_edge(Grid.from_spacing((1, 20, 20), (5.0, 2.0, 2.0)), 8.0) == (1, 4, 4)
    blocks = Blocks.of(GRID)
    assert blocks.edge_mm == (8.0, 9.0, 8.0)
    assert "8 x 9 x 8 mm (8 mm asked for)" in blocks.title and "18 blocks" in blocks.title


def test_a_spacing_that_is_not_quite_two_millimetres_does_not_need_a_fifth_voxel():
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn * (2 - 1e-12)
    assert voxels_per_edge(Grid((9, 9, 9), matrix), 8.0) == (4, 4, 4)


@pytest.mark.parametrize("edge_mm", [3.0, 8.0])
def test_blocks_their_voxels_and_means_are_those_of_plain_loops(edge_mm):
    rng = np.random.default_rng(0)
    keep_out, within = np.zeros(GRID.shape, bool), np.zeros(GRID.shape, bool)
    keep_out[2, 4, 5] = keep_out[0, 0, 0] = True
    within[:, 2:, :9] = True
    blocks = Blocks.of(GRID, edge_mm, keep_out, within)
    truth = slow_blocks(GRID, voxels_per_edge(GRID, edge_mm), keep_out, within)
    assert blocks.count == len(truth) and blocks.voxels.tolist() == [len(b) for b in truth]
    density = rng.normal(size=GRID.shape)
    means = blocks.mean(density)
    for n, block in enumerate(truth):
        assert {tuple(v) for v in np.argwhere(blocks.index == n).tolist()} == set(block)
        assert means[n] == pytest.approx(np.mean([max(density[v], 0) for v in block]), abs=1e-15)
    chosen = rng.random(blocks.count) < 0.4
    mask = blocks.mask(chosen)
    assert mask.sum() == blocks.voxels[chosen].sum() and not mask[blocks.index < 0].any()
    assert (blocks.index[keep_out] == -1).all()


def test_the_order_falls_and_the_seed_decides_ties_only():
    blocks = Blocks.of(GRID, 3.0)
    density = np.zeros(GRID.shape, np.float32)
    density[4, 8, 11], density[0, 0, 0] = 2, 1
    one, again, other = (blocks.order(density, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert one[:2].tolist() == other[:2].tolist() == [blocks.index[4, 8, 11], blocks.index[0, 0, 0]]
    assert sorted(one) == sorted(other) == list(range(blocks.count))


def test_ties_are_broken_evenly():
    """Every one of four equal units comes first in about a quarter of the seeds (binomial, 5 sigma)."""
    firsts = np.bincount([falling(np.ones(4), seed)[0] for seed in range(1000)], minlength=4)
    assert np.abs(firsts - 250).max() < 5 * np.sqrt(1000 * 0.25 * 0.75)


def test_a_map_of_nan_shows_in_the_means_of_the_blocks_it_touches():
    density = np.ones(GRID.shape)
    density[0, 0, 0] = np.nan
    means = Blocks.of(GRID).mean(density)
    assert np.isnan(means[0]) and (means[1:] == 1).all()


def test_bad_blocks_are_refused_in_a_sentence():
    for edge in (0, -8, np.nan, np.inf):
        with pytest.raises(GeometryError, match="positive number of mm"):
            Blocks.of(GRID, edge)
    with pytest.raises(PixelSetError, match="No block is left"):
        Blocks.of(GRID, 8.0, np.ones(GRID.shape))
    with pytest.raises(PixelSetError, match="No block is left"):
        Blocks.of(GRID, 8.0, within=np.zeros(GRID.shape))
    with pytest.raises(PixelSetError, match="shape"):
        Blocks.of(GRID, 8.0, np.ones((2, 2, 2)))
    with pytest.raises(PixelSetError, match="Resample"):
        Blocks.of(GRID).mean(np.ones((2, 2, 2)))
