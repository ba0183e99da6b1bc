"""Where the evidence is: closed forms on constructed maps, in 3D and in one slice, and what bad input is answered."""

import math

import numpy as np
import pytest

from seghirescam.evaluation.metrics import location
from seghirescam.protocol.errors import GeometryError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.value import EMPTY_REFERENCE, NONFINITE, OK, TOO_SMALL, ZERO_MAP

SPACING = (4.0, 2.0, 1.0)
VOLUME = Grid.from_spacing((6, 8, 10), SPACING)
SLICE = Grid.from_spacing((1, 8, 10), SPACING)
both_depths = pytest.mark.parametrize("grid", [VOLUME, SLICE], ids=["volume", "slice"])

#: every metric with the same arguments, and its unit
METRICS = {
    "share_in": (lambda a, m, g, **k: location.share_in(a, m, grid=g, **k), ""),
    "within": (lambda a, m, g, **k: location.within(a, m, g, (3.0,), **k)[3.0], ""),
    "within_area": (location.within_area, ""),
    "mean_distance": (location.mean_distance, "mm"),
    "pointing": (location.pointing, ""),
    "rank_share": (lambda a, m, g, **k: location.rank_share(a, m, grid=g, **k), ""),
    "boundary_share": (lambda a, m, g, **k: location.boundary_share(a, m, g, 4.0, **k), ""),
    "centre_distance": (location.centre_distance, "mm"),
}
every_metric = pytest.mark.parametrize("name", METRICS)


def block(grid, *sides):
    mask = np.zeros(grid.shape, bool)
    mask[tuple(slice(*side) for side in sides[3 - len(sides) :])] = True
    return mask


def half(grid):
    """The columns 0..4 of 10."""
    return block(grid, (None,), (None,), (0, 5))


def point(grid, j, i, value=1.0, k=0):
    density = np.full(grid.shape, -7.0)
    density[k, j, i] = value
    return density


def distances(mask, grid):
    """Slow replica: the nearest voxel of the mask, one by one."""
    every = np.moveaxis(np.indices(grid.shape), 0, -1).reshape(-1, 3) * SPACING
    gaps = np.linalg.norm(every[:, None] - every[mask.ravel()][None], axis=2)
    return gaps.min(axis=1).reshape(grid.shape)


def noise(grid, seed=0):
    return np.random.default_rng(seed).normal(size=grid.shape)


@both_depths
def test_the_share_of_a_block_and_its_chance(grid):
    density = np.where(half(grid), 3.0, 1.0)
    found = location.share_in(density, half(grid))
    assert (found.value, found.chance, found.lift) == pytest.approx((0.75, 0.5, 1.5)) and found.unit == ""
    density[..., 9] = -100.0
    assert location.share_in(density, half(grid)).value == pytest.approx(15 / 19)


@both_depths
def test_a_body_changes_the_chance_and_not_the_share(grid):
    density = np.where(half(grid), 3.0, 1.0)
    body = block(grid, (None,), (None,), (4, 9))
    found = location.share_in(density, half(grid), body)
    assert (found.value, found.chance) == pytest.approx((0.75, 1 / 5))


@both_depths
def test_soft_weights_count_from_one_half(grid):
    soft = np.where(half(grid), 0.5, 0.49).astype(np.float32)
    density = np.where(half(grid), 3.0, 1.0)
    for mask in (soft, PixelSet(soft, grid), half(grid).astype(np.uint8) * 7):
        assert location.share_in(density, mask, grid=grid).value == pytest.approx(0.75)


@both_depths
def test_shares_within_distances_count_the_columns_that_are_reached(grid):
    found = location.within(np.ones(grid.shape), half(grid), grid, (0, 1, 2.5, 5, 100))
    assert {tau: value.value for tau, value in found.items()} == {0: 0.5, 1: 0.6, 2.5: 0.7, 5: 1.0, 100: 1.0}
    assert all(value.chance == pytest.approx(value.value) for value in found.values())


@both_depths
@pytest.mark.parametrize("tau", [0.0, 1.0, 2.0, 4.4, 9.0, 1000.0])
def test_shares_within_a_distance_are_those_of_a_slow_search(grid, tau):
    mask = np.random.default_rng(1).random(grid.shape) < 0.02
    mask.flat[3] = True
    body = np.random.default_rng(2).random(grid.shape) < 0.7
    evidence = np.maximum(noise(grid), 0)
    near = distances(mask, grid) <= tau + 1e-9
    found = location.within(noise(grid), mask, grid, (tau,), body)[tau]
    assert found.value == pytest.approx(evidence[near].sum() / evidence.sum())
    assert found.chance == pytest.approx(near[body].mean())


def test_a_distance_that_rounding_misses_still_counts():
    grid = Grid.from_spacing((1, 1, 4), (1.0, 1.0, 0.1))
    mask = np.array([[[1, 0, 0, 0]]])
    assert location.within(np.ones(grid.shape), mask, grid, (0.3,))[0.3].value == 1.0


@both_depths
def test_the_area_under_the_curve_is_the_mean_closeness(grid):
    mask = half(grid)
    far = np.zeros(grid.shape)
    far[..., 8] = 2.0  # 4 mm from column 4
    assert location.within_area(far, mask, grid, (0, 16)).value == pytest.approx(0.75)
    assert location.within_area(far, mask, grid, (2, 4)).value == 0.0
    assert location.within_area(mask * 1.0, mask, grid).value == 1.0


@both_depths
def test_the_area_is_the_integral_of_the_shares_within(grid):
    mask = block(grid, (0, 1), (2, 4), (3, 5))
    taus = np.linspace(0, 12, 2401)
    curve = [value.value for value in location.within(noise(grid), mask, grid, taus).values()]
    expected = np.trapezoid(curve, taus) / 12
    assert location.within_area(noise(grid), mask, grid, (12,)).value == pytest.approx(expected, abs=2e-3)
    even = location.within_area(np.ones(grid.shape), mask, grid, (12,))
    assert even.value == pytest.approx(even.chance)


@both_depths
def test_the_mean_distance_of_points_at_known_distances(grid):
    mask = half(grid)
    density = np.maximum(point(grid, 2, 9, 3.0), 0) + np.maximum(point(grid, 7, 6, 1.0), 0)
    assert location.mean_distance(density - 5.0 * mask, mask, grid).value == pytest.approx((3 * 5 + 1 * 2) / 4)
    inside = location.mean_distance(mask * 2.0, mask, grid)
    assert (inside.value, inside.unit) == (0.0, "mm")
    assert inside.chance == pytest.approx((1 + 2 + 3 + 4 + 5) / 10)


@both_depths
def test_the_mean_distance_is_that_of_a_slow_search(grid):
    mask = np.random.default_rng(3).random(grid.shape) < 0.03
    mask.flat[5] = True
    evidence, far = np.maximum(noise(grid), 0), distances(mask, grid)
    found = location.mean_distance(noise(grid), mask, grid)
    assert found.value == pytest.approx((evidence * far).sum() / evidence.sum())
    assert found.chance == pytest.approx(far.mean())


@both_depths
def test_pointing_hits_misses_and_forgives_by_the_tolerance(grid):
    mask = half(grid)
    assert location.pointing(point(grid, 3, 4), mask, grid).value == 1.0
    miss = point(grid, 3, 6)
    assert location.pointing(miss, mask, grid).value == 0.0
    assert location.pointing(miss, mask, grid, tolerance_mm=1.9).value == 0.0
    forgiven = location.pointing(miss, mask, grid, tolerance_mm=2.0)
    assert (forgiven.value, forgiven.chance) == (1.0, pytest.approx(0.7))


@both_depths
def test_pointing_with_ties_is_the_chance_of_a_random_maximum(grid):
    flat = np.ones(grid.shape)
    found = location.pointing(flat, block(grid, (0, 1), (0, 4), (0, 5)), grid)
    assert found.value == pytest.approx(20 / flat.size) and found.lift == pytest.approx(1.0)
    three = np.zeros(grid.shape)
    three[0, 0, [0, 1, 9]] = 2.0
    assert location.pointing(three, half(grid), grid).value == pytest.approx(2 / 3)


@both_depths
def test_the_rank_share_of_a_ramp_counts_the_highest_voxels(grid):
    ramp = np.arange(1.0, 1 + math.prod(grid.shape)).reshape(grid.shape)
    order = np.argsort(-ramp, axis=None)
    mask = np.zeros(ramp.size, bool)
    mask[order[[0, 2, 3, 50]]] = True
    found = location.rank_share(ramp, mask.reshape(grid.shape))
    assert found.value == 0.75 and found.chance == pytest.approx(4 / ramp.size)


@both_depths
def test_the_rank_share_under_ties_is_the_mean_over_random_orders(grid):
    rng = np.random.default_rng(4)
    coarse = rng.integers(-2, 3, grid.shape).astype(np.float32)
    mask = rng.random(grid.shape) < 0.3
    wanted, hits = int(mask.sum()), []
    evidence = np.maximum(coarse, 0).ravel()
    for _ in range(4000):
        top = np.lexsort((rng.random(evidence.size), -evidence))[:wanted]
        hits.append(mask.ravel()[top].mean())
    error = np.std(hits) / math.sqrt(4000)
    assert location.rank_share(coarse, mask).value == pytest.approx(np.mean(hits), abs=4 * error + 1e-9)


@both_depths
def test_the_rank_share_of_an_even_map_is_chance(grid):
    assert location.rank_share(np.ones(grid.shape), half(grid)).lift == pytest.approx(1.0)


def test_the_rank_share_of_fewer_positive_voxels_than_the_reference_fills_up_from_the_zeros():
    density = np.array([[[5.0, 0.0, -1.0, 0.0]]])
    mask = np.array([[[1, 1, 0, 0]]])
    assert location.rank_share(density, mask).value == pytest.approx((1 + 1 / 3) / 2)


@both_depths
def test_the_border_is_as_wide_on_both_sides(grid):
    found = location.boundary_share(np.ones(grid.shape), half(grid), grid, 2.0)
    assert (found.value, found.chance) == (pytest.approx(0.4), pytest.approx(0.4))  # columns 3, 4 | 5, 6
    density = np.zeros(grid.shape)
    density[..., 0], density[..., 5] = 3.0, 1.0
    assert location.boundary_share(density, half(grid), grid, 1.0).value == 0.25


def test_the_border_on_an_anisotropic_grid_is_that_of_a_slow_search():
    mask = block(VOLUME, (2, 4), (2, 5), (3, 8))
    near = (distances(mask, VOLUME) <= 2.0) & (distances(~mask, VOLUME) <= 2.0)
    evidence = np.maximum(noise(VOLUME), 0)
    found = location.boundary_share(noise(VOLUME), mask, VOLUME, 2.0)
    assert found.value == pytest.approx(evidence[near].sum() / evidence.sum())
    assert found.chance == pytest.approx(near.mean())


def test_a_border_that_is_not_there_is_too_small():
    everything = np.ones(VOLUME.shape, bool)
    assert location.boundary_share(noise(VOLUME), everything, VOLUME, 2.0).status == TOO_SMALL
    assert location.boundary_share(noise(VOLUME), half(VOLUME), VOLUME, 0.5).status == TOO_SMALL


@both_depths
def test_the_centre_distance_is_in_patient_space(grid):
    turn = np.array([[0, -1, 0, 5.0], [1, 0, 0, 7.0], [0, 0, 1, -3.0], [0, 0, 0, 1]])
    turned = Grid(grid.shape, turn @ grid.ijk_to_ras)
    mask = block(grid, (0, 1), (2, 3), (1, 2))
    density = np.maximum(point(grid, 4, 1), 0) + np.maximum(point(grid, 4, 7), 0)  # centre (0, 4, 4): 4 mm and 3 mm
    for each in (grid, turned):
        assert location.centre_distance(density, mask, each).value == pytest.approx(5.0)
        assert location.centre_distance(mask * 1.0, mask, each).value == pytest.approx(0.0)
    middle = (np.array(grid.shape) - 1) / 2 - (0, 2, 1)
    assert location.centre_distance(density, mask, grid).chance == pytest.approx(np.linalg.norm(middle * SPACING))


@every_metric
@both_depths
def test_an_empty_reference_is_never_a_hit(name, grid):
    ask, unit = METRICS[name]
    for empty in (np.zeros(grid.shape, bool), np.full(grid.shape, 0.4)):
        found = ask(noise(grid), empty, grid)
        assert (found.value, found.status, found.unit) == (None, EMPTY_REFERENCE, unit) and found.note


@every_metric
def test_a_map_without_positive_evidence_and_one_with_nan_say_so(name):
    ask, unit = METRICS[name]
    mask = half(VOLUME)
    for empty in (np.zeros(VOLUME.shape), -np.ones(VOLUME.shape)):
        found = ask(empty, mask, VOLUME)
        assert (found.value, found.status, found.unit) == (None, ZERO_MAP, unit) and found.note
        assert found.chance is not None
    for bad in (np.nan, np.inf, -np.inf):
        found = ask(point(VOLUME, 0, 0, bad), mask, VOLUME)
        assert (found.value, found.status, found.unit) == (None, NONFINITE, unit)


@every_metric
def test_a_mask_or_a_map_on_another_grid_is_refused_before_the_map_is_looked_at(name):
    ask = METRICS[name][0]
    broken = np.full(VOLUME.shape, np.nan)
    with pytest.raises(PixelSetError, match=r"mask has shape \(1, 8, 10\)"):
        ask(broken, half(SLICE), VOLUME)
    with pytest.raises(PixelSetError, match="mask has shape"):
        ask(broken, half(VOLUME), VOLUME, body=half(SLICE))
    with pytest.raises(GeometryError, match="its grid"):
        ask(broken, half(VOLUME), SLICE)
    moved = Grid.from_spacing(VOLUME.shape, SPACING, (0, 0, 1.0))
    with pytest.raises(PixelSetError, match="another grid"):
        ask(broken, PixelSet(half(VOLUME), moved, "liver"), VOLUME)
    with pytest.raises(PixelSetError, match="between 0 and 1"):
        ask(broken, np.full(VOLUME.shape, 2.0), VOLUME)
    with pytest.raises(PixelSetError, match="between 0 and 1"):
        ask(broken, np.full(VOLUME.shape, np.nan), VOLUME)
    with pytest.raises(PixelSetError, match="body mask is empty"):
        ask(broken, half(VOLUME), VOLUME, body=np.zeros(VOLUME.shape))


@every_metric
def test_one_voxel_is_all_of_itself_and_has_no_border(name):
    grid = Grid.from_spacing((1, 1, 1))
    found = METRICS[name][0](np.ones(grid.shape), np.ones(grid.shape), grid)
    expected = {"mean_distance": 0.0, "centre_distance": 0.0, "boundary_share": None}.get(name, 1.0)
    assert (found.value, found.status) == (expected, TOO_SMALL if name == "boundary_share" else OK)


@every_metric
def test_the_answer_does_not_depend_on_the_scale_up_to_the_ends_of_float64(name):
    ask, _ = METRICS[name]
    plain = ask(noise(VOLUME), half(VOLUME), VOLUME).value
    # float64 maxima would overflow in a sum, powers of two change no rounding
    for factor in (2.0**-1000, 2.0**1020):
        assert ask(noise(VOLUME) * factor, half(VOLUME), VOLUME).value == pytest.approx(plain, rel=1e-12)


@every_metric
def test_map_and_mask_are_left_as_they_were(name):
    density, mask = noise(VOLUME), half(VOLUME).astype(np.float32)
    density.setflags(write=False)
    mask.setflags(write=False)
    METRICS[name][0](density, mask, VOLUME)


def test_negative_distances_and_widths_are_refused():
    for ask in (
        lambda: location.within(noise(VOLUME), half(VOLUME), VOLUME, (-1.0,)),
        lambda: location.within(noise(VOLUME), half(VOLUME), VOLUME, ()),
        lambda: location.within_area(noise(VOLUME), half(VOLUME), VOLUME, (0.0,)),
        lambda: location.pointing(noise(VOLUME), half(VOLUME), VOLUME, -1.0),
        lambda: location.pointing(noise(VOLUME), half(VOLUME), VOLUME, float("nan")),
        lambda: location.boundary_share(noise(VOLUME), half(VOLUME), VOLUME, 0.0),
    ):
        with pytest.raises(ValueError, match="mm"):
            ask()


BOX_MM = (60, 72, 66)


def smooth(spacing):
    """Gaussian evidence (sd 6 mm) beside a box reference whose faces lie between voxels on every grid used here."""
    shape = tuple(int(n / s) for n, s in zip(BOX_MM, spacing, strict=True))
    grid = Grid.from_spacing(shape, spacing, tuple(s / 2 for s in reversed(spacing)))
    s, a, r = (grid.ras(np.moveaxis(np.indices(shape), 0, -1))[..., axis] for axis in (2, 1, 0))
    density = np.exp(-((s - 31.3) ** 2 + (a - 40.7) ** 2 + (r - 29.9) ** 2) / 72) - 1e-3
    mask = (abs(s - 30) < 12) & (abs(a - 30) < 12) & (abs(r - 30) < 12)
    return density, mask, grid


@pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (3.0, 1.0, 1.0), (3.0, 3.0, 3.0)], ids=str)
def test_other_grids_agree_with_1_mm_shares_to_0_03_distances_to_half_a_voxel_centres_to_0_1_mm(spacing):
    """Shares in a grown reference: between those of the fine grid at half a voxel (its longest edge) less and more."""
    fine, coarse = smooth((1.0, 1.0, 1.0)), smooth(spacing)
    assert location.share_in(*coarse[:2]).value == pytest.approx(location.share_in(*fine[:2]).value, abs=0.03)
    assert location.rank_share(*coarse[:2]).value == pytest.approx(location.rank_share(*fine[:2]).value, abs=0.03)
    step = max(spacing) / 2
    for tau in (6.0, 12.0):
        found = location.within(*coarse, (tau,))[tau]
        low, high = location.within(*fine, (tau - step, tau + step)).values()
        assert low.value <= found.value <= high.value and low.chance <= found.chance <= high.chance
    borders = [location.boundary_share(*case, 6.0) for case in (coarse, fine)]
    assert borders[0].value == pytest.approx(borders[1].value, abs=0.03)
    areas = [location.within_area(*case) for case in (coarse, fine)]
    assert areas[0].value == pytest.approx(areas[1].value, abs=0.03)
    far = [location.mean_distance(*case).value for case in (coarse, fine)]
    assert far[0] == pytest.approx(far[1], abs=step)
    centres = [location.centre_distance(*case).value for case in (coarse, fine)]
    assert centres[0] == pytest.approx(centres[1], abs=0.1)
    tolerance = np.linalg.norm(spacing) / 2
    assert location.pointing(*coarse, tolerance).value == location.pointing(*fine, tolerance).value == 1.0
