"""Only what is not 0 is carried between grids; the result is that of carrying everything."""

import numpy as np
import pytest

from engine import grids
from seghirescam import Grid
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.resampling import box_of, resampled, spread

SOURCE = Grid.from_spacing((24, 30, 36), (2.0, 1.0, 0.8))
TARGETS = {
    "coarser": SOURCE.strided((2.5, 3.2, 2.7), (0.7, -0.3, 1.1), (9, 9, 13)),
    "finer": SOURCE.strided((0.4, 0.6, 0.5), (-2.0, 1.3, 3.0), (70, 41, 50)),
}


def permuted():
    """K, I, J reversed along the first, at another spacing."""
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 1.7, 0], [0, 0, -1.3], [2.1, 0, 0]]
    matrix[:3, 3] = (1.0, 28.0, 2.0)
    return Grid((20, 18, 22), SOURCE.ijk_to_ras @ matrix)


TARGETS["flipped, permuted"] = permuted()
TARGETS["turned"] = grids.oblique(
    (20, 20, 20), (2.0, 1.5, 1.5), (20.0, 10.0, 5.0), (2, 1, 0), (1, 1, 1), (2.0, 3.0, 4.0)
)


def filled(box, seed=0):
    array = np.zeros(SOURCE.shape, np.float32)
    array[box] = np.random.default_rng(seed).standard_normal(array[box].shape)
    return array


BOXES = {
    "inside": np.s_[9:15, 3:8, 20:31],
    "at the border": np.s_[20:, :4, 30:],
    "a plane": np.s_[11:12, :, :],
    "nothing": np.s_[:0, :, :],
    "all": np.s_[:, :, :],
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("carry", [resampled, spread])
def test_a_box_is_carried_as_the_whole_is(carry, box, target):
    """Carrying is linear: a full array minus the same array without the box, both of which fill their boxes."""
    part, rest = filled(BOXES[box]), filled(np.s_[:, :, :], 1)
    found = carry(part, SOURCE, TARGETS[target])
    expected = carry((part + rest).astype(np.float64), SOURCE, TARGETS[target]) - carry(
        rest.astype(np.float64), SOURCE, TARGETS[target]
    )
    assert found.shape == TARGETS[target].shape and found.dtype == np.float32
    assert np.abs(found - expected).max() <= 3e-6 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("box", BOXES)
def test_the_box_holds_all_that_is_not_zero_and_no_plane_too_many(box):
    array = filled(BOXES[box])
    found = box_of(array)
    outside = array.copy()
    outside[found] = 0
    assert not outside.any()
    expected = [(places.min(), places.max() + 1) for places in np.nonzero(array)] if array.any() else [(0, 0)] * 3
    assert [(one.start, one.stop) for one in found] == expected


def test_what_lies_beyond_the_source_is_what_was_asked_for_also_of_an_empty_array():
    target = SOURCE.strided((1, 1, 1), (-3, 0, 0), (30, 30, 36))
    target = target.strided((1, 1, 1), (0.25, 0, 0), (30, 30, 36))
    found = resampled(np.zeros(SOURCE.shape, np.float32), SOURCE, target, outside=7)
    assert (found[:2] == 7).all() and (found[4:26] == 0).all() and (found[28:] == 7).all()


def test_a_mask_s_weights_are_its_voxels_as_float32():
    mask = filled(BOXES["inside"]) > 0
    pixels = PixelSet(mask, SOURCE)
    np.testing.assert_array_equal(pixels.weights, mask.astype(np.float32))
    assert pixels.weights.dtype == np.float32 and pixels.voxels == mask.sum()
    assert pixels.content_hash == PixelSet(mask.astype(np.float32), SOURCE).content_hash
    other = Grid(SOURCE.shape, SOURCE.ijk_to_ras + 1e-9)
    assert pixels.on(other).grid is other and pixels.on(other).weights is pixels.weights and pixels.grid is SOURCE
