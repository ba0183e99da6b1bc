"""Sorted evidence against the voxels themselves, one by one."""

import json
import math

import numpy as np
import pytest

from seghirescam.protocol.display.displayed import storable
from seghirescam.protocol.display.evidence import EXACT, Evidence
from seghirescam.protocol.display.thresholds import signed_threshold_holding, threshold_holding

SHARES = (0.05, 0.5, 0.8, 0.95, 1.0)


def values(shape, seed=3):
    """Heavy-tailed and of both signs, with zeros: five powers of ten, as real maps."""
    random = np.random.default_rng(seed)
    sizes = 10.0 ** random.uniform(-6, 1, shape) * random.choice([-1, 0, 1], shape, p=[0.3, 0.3, 0.4])
    return storable(sizes)


def test_a_small_map_keeps_every_value():
    array = values((20, 30, 40))
    found = Evidence.of(array)
    for share in SHARES:
        assert found.positive.holding(share) == threshold_holding(array, share)
        assert found.both.holding(share) == signed_threshold_holding(array, share)
    for level in (0.0, 1e-4, 0.3, 9.0, 100.0):
        above = array[array >= level]
        assert found.positive.at_least(level) == pytest.approx(above[above > 0].sum(dtype=float), rel=1e-12)
        beyond = array[(array < 0) & (array > -level)]
        assert found.negative.below(level) == pytest.approx(-beyond.sum(dtype=float), abs=1e-9)


def test_a_large_map_is_exact_to_a_part_in_four_thousand_and_holds_at_least_the_share():
    array = values((70, 70, 70))
    assert array.size > EXACT
    found = Evidence.of(array)
    assert found.positive.total == pytest.approx(array[array > 0].sum(dtype=float), rel=1e-9)
    assert found.both.total == pytest.approx(np.abs(array).sum(dtype=float), rel=1e-9)
    for share in SHARES:
        for levels, exact, sizes in (
            (found.positive, threshold_holding(array, share), np.maximum(array, 0)),
            (found.both, signed_threshold_holding(array, share), np.abs(array)),
        ):
            level = levels.holding(share)
            assert exact * (1 - 1 / 4096) <= level <= exact
            held = sizes[sizes >= level].sum(dtype=float)
            assert held >= share * sizes.sum(dtype=float) * (1 - 1e-9)
            assert levels.at_least(level) == pytest.approx(held, rel=1e-9)  # a level is the edge of a bin
    assert found.positive.levels.size < 2**18  # a few MB at most, whatever the map's size


@pytest.mark.parametrize("shape", [(9, 8, 7), (66, 64, 64)])
def test_the_ends_and_their_places(shape):
    array = values(shape)
    found = Evidence.of(array)
    assert (found.largest, found.smallest) == (array.max(), array.min())
    assert found.highest == np.unravel_index(array.argmax(), shape)
    assert found.lowest == np.unravel_index(array.argmin(), shape)
    assert found.strongest == np.unravel_index(np.abs(array).argmax(), shape)


@pytest.mark.parametrize("array", [np.zeros((3, 3, 3), np.float32), -np.ones((3, 3, 3), np.float32)])
def test_without_positive_evidence_no_level_is_low_enough(array):
    found = Evidence.of(array)
    assert math.isinf(found.positive.holding(0.5)) and found.positive.total == 0
    assert found.positive.at_least(0.0) == 0 and found.positive.below(1.0) == 0
    assert math.isinf(found.both.holding(0.5)) == (not array.any())


@pytest.mark.parametrize("share", [0, -1, 1.01])
def test_a_share_outside_zero_to_one_is_refused(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        Evidence.of(values((4, 4, 4))).positive.holding(share)


@pytest.mark.parametrize("shape", [(10, 10, 10), (66, 64, 64)])
def test_it_travels_whole(shape):
    arrays, found = {}, Evidence.of(values(shape))

    def save(array):
        arrays[f"{len(arrays)}.npy"] = array
        return f"{len(arrays) - 1}.npy"

    back = Evidence.from_json(json.loads(json.dumps(found.to_json(save))), arrays.__getitem__)
    assert (back.largest, back.smallest) == (found.largest, found.smallest)
    assert (back.highest, back.lowest) == (found.highest, found.lowest)
    assert [back.both.holding(share) for share in SHARES] == [found.both.holding(share) for share in SHARES]
