"""paint_over: closed forms of a harmonic fill, and refusals."""

import numpy as np
import pytest

from seghirescam.evaluation.painting.painting_over import paint_over
from seghirescam.protocol.errors import EmptyPixelSetError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet

GRID = Grid.from_spacing((12, 14, 16), (3.0, 2.0, 1.0))


def ball(centre=(6, 7, 8), radius_mm=5.0, grid=GRID):
    k, j, i = np.ogrid[tuple(slice(n) for n in grid.shape)]
    sk, sj, si = grid.spacing_kji
    inside = ((k - centre[0]) * sk) ** 2 + ((j - centre[1]) * sj) ** 2 + ((i - centre[2]) * si) ** 2 <= radius_mm**2
    return PixelSet(inside, grid, "ball")


def ramp():
    k, j, i = np.meshgrid(*[np.arange(n) for n in GRID.shape], indexing="ij")
    return (100 + 7 * k - 3 * j + 2 * i).astype(np.float64)


def test_a_constant_image_is_unchanged():
    image = Image(np.full(GRID.shape, 41.7, np.float32), GRID)
    np.testing.assert_array_equal(paint_over(image, ball()).array, image.array)


def test_a_linear_ramp_is_continued_through_the_region_on_an_anisotropic_grid():
    values = ramp()
    damaged = values.copy()
    damaged[ball().weights > 0] = -999
    painted = paint_over(Image(damaged, GRID), ball()).array[0]
    np.testing.assert_allclose(painted, values, atol=1e-3)


def test_the_fill_solves_laplace_with_distances_in_mm():
    rng = np.random.default_rng(0)
    image = Image(rng.normal(size=GRID.shape), GRID)
    inside = ball().weights > 0
    filled = paint_over(image, ball()).array[0]
    laplace = np.zeros(GRID.shape)
    for axis, spacing in enumerate(GRID.spacing_kji):
        laplace += (np.roll(filled, 1, axis) - 2 * filled + np.roll(filled, -1, axis)) / spacing**2
    assert np.abs(laplace[inside]).max() < 1e-4
    surroundings = image.array[0][~inside]
    assert surroundings.min() <= filled[inside].min() and filled[inside].max() <= surroundings.max()


def test_outside_the_region_every_bit_stays_and_the_input_is_not_touched():
    rng = np.random.default_rng(1)
    image = Image(rng.normal(size=(2, *GRID.shape)).astype(np.float32), GRID)
    before = image.array.copy()
    inside = ball().weights > 0
    painted = paint_over(image, ball())
    assert np.array_equal(image.array, before)
    assert painted.array.dtype == np.float32 and painted.array.tobytes() != before.tobytes()
    assert painted.array[:, ~inside].tobytes() == before[:, ~inside].tobytes()
    assert (painted.array[:, inside] != before[:, inside]).all()


def test_margin_grows_the_region_by_millimetres():
    rng = np.random.default_rng(2)
    image = Image(rng.normal(size=GRID.shape), GRID)
    one = np.zeros(GRID.shape)
    one[6, 7, 8] = 1
    changed = paint_over(image, PixelSet(one, GRID), margin_mm=2.0).array != image.array
    # 2 mm reach two voxels along I (1 mm), one along J (2 mm), none along K (3 mm)
    assert np.argwhere(changed[0]).tolist() == [[6, 6, 8], *[[6, 7, i] for i in (6, 7, 8, 9, 10)], [6, 8, 8]]


def test_soft_weights_blend_image_and_fill():
    rng = np.random.default_rng(3)
    image = Image(rng.normal(size=GRID.shape), GRID)
    whole = paint_over(image, ball()).array
    half = paint_over(image, PixelSet(ball().weights * 0.25, GRID)).array
    np.testing.assert_allclose(half, 0.75 * image.array + 0.25 * whole, atol=1e-6)


def test_integers_stay_integers_and_are_rounded():
    values = np.rint(ramp()).astype(np.int16)
    painted = paint_over(Image(values, GRID), ball())
    assert painted.array.dtype == np.int16
    np.testing.assert_array_equal(painted.array[0], values)


def test_a_region_on_another_grid_is_carried_over():
    fine = Grid.from_spacing((36, 28, 16), (1.0, 1.0, 1.0), origin_ras=(0, -0.5, -1.0))
    mask = np.zeros(fine.shape)
    mask[15:24, 10:18, 5:10] = 1  # whole coarse voxels
    changed = paint_over(Image(np.random.default_rng(4).normal(size=GRID.shape), GRID), PixelSet(mask, fine)).array
    image = np.random.default_rng(4).normal(size=GRID.shape)
    assert np.argwhere(changed[0] != image).min(axis=0).tolist() == [5, 5, 5]
    assert np.argwhere(changed[0] != image).max(axis=0).tolist() == [7, 8, 9]


def test_a_region_at_the_border_lets_nothing_through_it():
    k = np.arange(GRID.shape[0])
    image = Image(np.broadcast_to(np.where(k < 4, 50.0, 10.0)[:, None, None], GRID.shape).copy(), GRID)
    edge = np.zeros(GRID.shape)
    edge[:4] = 1
    np.testing.assert_allclose(paint_over(image, PixelSet(edge, GRID)).array, 10.0)


def test_bad_regions_are_refused():
    image = Image(np.zeros(GRID.shape), GRID)
    with pytest.raises(EmptyPixelSetError, match="empty"):
        paint_over(image, PixelSet(np.zeros(GRID.shape), GRID))
    with pytest.raises(PixelSetError, match="whole image"):
        paint_over(image, PixelSet(np.ones(GRID.shape), GRID))
    away = Grid.from_spacing(GRID.shape, (3.0, 2.0, 1.0), origin_ras=(500, 0, 0))
    with pytest.raises(PixelSetError, match="outside"):
        paint_over(image, ball(grid=away))
