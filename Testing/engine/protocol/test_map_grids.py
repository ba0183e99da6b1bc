"""Quarters of a layer's cells: where they lie in mm, what they hold (by a slow replica), and what shares they show."""

import itertools

import numpy as np
import pytest

from engine.grids import oblique
from seghirescam import Grid
from seghirescam.protocol.display.evidence import Evidence
from seghirescam.protocol.display.map_grids import INPUT, LAYER, QUARTER, SHARE_TOLERANCE, map_grid, quarter_grid
from seghirescam.protocol.resampling import spread

#: voxels a cell along K, J, I, and by how many cells the cells lie off the image's corner
CASES = [
    ((8, 8, 8), (0, 0, 0)),
    ((5.3, 16, 6), (0.25, -0.4, 0)),  # a padded image whose voxels are no whole part of a cell
    ((0.6, 9, 7), (0, 0, 0.1)),  # thick slices: a cell is thinner than a voxel
    ((1, 16, 16), (0, 0, 0)),  # one plane
    ((2, 12, 3), (0, -0.5, 0)),
]
#: order of the axes and their directions
LYING = [((0, 1, 2), (1, 1, 1)), ((2, 0, 1), (-1, 1, -1))]


def case(voxels, away, lying=LYING[0], cells=(4, 5, 3)):
    """(image, the cells' grid) of an oblique image."""
    cells = [1 if v == 1 else c for v, c in zip(voxels, cells, strict=True)]
    shape = [max(1, round(c * v)) for c, v in zip(cells, voxels, strict=True)]
    image = oblique(tuple(shape), (2.5, 0.7, 0.9), order=lying[0], flips=lying[1])
    start = [(v - 1) / 2 + a * v for v, a in zip(voxels, away, strict=True)]
    return image, image.strided(voxels, start, cells)


def slow(cells, source, target):
    """Amount per ml at every voxel, cell by cell in mm: shares fall in straight lines to 0 one cell away."""
    steps = np.linalg.inv(source.kji_to_ras[:3, :3])
    places = [target.ras(kji) for kji in np.ndindex(*target.shape)]
    out = np.zeros(len(places))
    for kji in np.ndindex(*source.shape):
        centre, one = source.ras(kji), np.zeros(len(places))
        for n, place in enumerate(places):
            near = 1 - np.abs(steps @ (place - centre))
            one[n] = near.prod() if (near > 0).all() else 0
        out += cells[kji] * one / one.sum()
    return out.reshape(target.shape) / target.voxel_ml


@pytest.mark.parametrize("lying", LYING)
@pytest.mark.parametrize("voxels, away", CASES)
def test_the_image_is_cut_into_equal_parts_nowhere_finer_than_it_is(voxels, away, lying):
    image, cells = case(voxels, away, lying)
    found = quarter_grid(cells, image)
    for axis, n in enumerate(voxels):
        line = [tuple(k if a == axis else 0 for a in range(3)) for k in range(found.shape[axis])]
        in_voxels = image.kji(found.ras(line))[:, axis]
        if n > 4:
            parts = int(np.ceil(4 * image.shape[axis] / n - 1e-9))
            step = image.shape[axis] / parts
            assert found.spacing_kji[axis] > image.spacing_kji[axis]
            assert found.spacing_kji[axis] <= cells.spacing_kji[axis] / 4 * (1 + 1e-6)
        else:
            parts, step = image.shape[axis], 1
        expected = step * (np.arange(parts) + 0.5) - 0.5  # from one edge of the image to the other
        if away[axis] == 0:
            assert len(line) == parts
        # a part more or less where cells reach no further
        first = np.abs(expected - in_voxels[0]).argmin()
        assert in_voxels == pytest.approx(expected[first : first + len(line)], abs=1e-6)
        in_cells = np.sort(cells.kji(image.ras([np.eye(3)[axis] * place for place in expected]))[:, axis])
        missing = np.count_nonzero((in_cells < -1) | (in_cells > cells.shape[axis]))
        assert parts - missing <= len(line) <= parts - max(0, missing - 2)


@pytest.mark.parametrize("lying", LYING)
@pytest.mark.parametrize("voxels, away", CASES)
def test_they_hold_what_the_slow_replica_says_and_lose_nothing(voxels, away, lying):
    image, cells = case(voxels, away, lying, cells=(2, 3, 2))
    amounts = np.random.default_rng(1).normal(size=cells.shape).astype(np.float32) + 0.3
    target = quarter_grid(cells, image)
    density = spread(amounts, cells, target)
    assert density.sum(dtype=float) * target.voxel_ml == pytest.approx(amounts.sum(dtype=float), rel=1e-6)
    if voxels[0] >= 1:  # thinner cells than voxels are given to their nearest voxel
        expected = slow(amounts, cells, target)
        assert np.abs(density - expected).max() < 1e-5 * np.abs(expected).max()


def test_cells_that_are_turned_against_the_image_lose_nothing_either():
    image = oblique((60, 120, 140), (2.0, 0.8, 0.8))
    middle = image.ras((30, 60, 70))
    cells = Grid.from_spacing((4, 5, 5), (14, 9, 9), middle - np.array((18, 18, 21)))
    values = np.random.default_rng(2).random(cells.shape).astype(np.float32)
    target = quarter_grid(cells, image)
    assert (np.array(target.spacing_kji) <= np.array((3.5, 2.25, 2.25)) + 1e-6).all()
    assert (np.array(target.spacing_kji) > np.array((3.5, 2.25, 2.25)) * 0.95).all()
    density = spread(values, cells, target)
    assert density.sum(dtype=float) * target.voxel_ml == pytest.approx(values.sum(dtype=float), rel=1e-6)
    assert np.abs(density - slow(values, cells, target)).max() < 1e-5 * density.max()


def test_where_the_image_is_the_coarser_it_is_the_images_own_grid():
    image, cells = case((4, 3.9, 0.5), (0, 0.3, 0))
    assert quarter_grid(cells, image) is image and map_grid(QUARTER, cells, image) is image
    assert map_grid(INPUT, cells, image) is image and map_grid(LAYER, cells, image) is None
    with pytest.raises(ValueError, match="input, quarter, layer"):
        map_grid("half", cells, image)


def test_a_part_of_the_image_is_covered_alone_where_the_cells_reach_no_further():
    image = oblique((40, 200, 200), (2.5, 0.7, 0.9))
    cells = image.strided((8, 8, 8), (11.5, 83.5, 43.5), (2, 3, 4))  # of windows that were run
    found = quarter_grid(cells, image)
    assert found.shape == (4 * 3, 4 * 4, 4 * 5)  # half a cell of reach on either side of the outermost cells' edges
    assert image.kji(found.ras((0, 0, 0))) == pytest.approx((11.5 - 7, 83.5 - 7, 43.5 - 7))


def test_the_space_of_a_photo_is_kept():
    photo = Grid((1, 256, 256), np.diag([-1.0, -1.0, 1.0, 1.0]), space="pixels")
    found = quarter_grid(photo.strided((1, 16, 16), (0, 7.5, 7.5), (1, 16, 16)), photo)
    assert found.is_photo and found.shape == (1, 64, 64) and found.voxel_volume == pytest.approx(16)


def maps(shape):
    """Of both signs: independent cells, heavy tails, neighbours alike."""
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(3)
    noise = random.normal(size=shape)
    return {"independent": noise, "heavy": noise**3, "smooth": gaussian_filter(random.normal(size=shape), 1)}


@pytest.mark.parametrize("kind", ["independent", "heavy", "smooth"])
@pytest.mark.parametrize(
    "voxels, cells", [((16, 16, 16), (8, 8, 8)), ((5.3, 5.3, 5.3), (14, 14, 14)), ((1, 12, 12), (10, 12, 12)),
                      ((2.2, 9, 7), (14, 12, 12)), ((1, 16, 16), (1, 16, 16))],
)  # fmt: skip
@pytest.mark.parametrize("away", [0, 0.37])
def test_shares_and_thresholds_are_those_of_the_images_voxels(kind, voxels, cells, away):
    shape = tuple(round(c * v) for c, v in zip(cells, voxels, strict=True))
    image = Grid.from_spacing(shape, (1, 1, 1))
    grid = image.strided(voxels, [(v - 1) / 2 + away * v * (v > 1) for v in voxels], cells)
    values = maps(cells)[kind].astype(np.float32)
    fine = Evidence.of(spread(values, grid, image))
    target = quarter_grid(grid, image)
    assert np.prod(target.shape) < 0.75 * np.prod(image.shape)
    shown = Evidence.of(spread(values, grid, target))
    for (a, b), share in itertools.product(
        ((fine.positive, shown.positive), (fine.both, shown.both)), (0.5, 0.8, 0.95)
    ):
        tolerance = SHARE_TOLERANCE if share < 0.8 else SHARE_TOLERANCE / 2
        assert a.at_least(b.holding(share)) / a.total == pytest.approx(share, abs=tolerance)
    # the strongest place is the same to a quarter of a cell, unless another one is as strong
    top = grid.kji(target.ras(shown.highest))
    there = np.abs(top - grid.kji(image.ras(fine.highest))).max() <= 0.5
    near = tuple(np.clip(np.rint(image.kji(target.ras(shown.highest))).astype(int), 0, np.array(shape) - 1))
    assert there or spread(values, grid, image)[near] > 0.7 * fine.largest
