"""Values that no scanner measures are counted, and change nothing."""

import numpy as np
import pytest

from engine import toys
from seghirescam import Grid, Image, PlainModel
from seghirescam.models.extreme_values import extreme_values
from seghirescam.protocol.recipes import WholeImage
from seghirescam.session.explain import explain

GRID = Grid.from_spacing((8, 8, 8))


def ct(*planted):
    array = np.linspace(-1000, 1500, 512).reshape(8, 8, 8).astype(np.float32)
    array.reshape(-1)[100 : 100 + len(planted)] = planted
    return array


@pytest.mark.parametrize(
    "array, count",
    [
        (ct(-3024, -3024, 32767), 3),
        (ct(-2000), 1),
        (ct(), 0),
        (ct(-1024, 3071), 0),
        ((ct() + 2000).astype(np.uint16), 0),  # an MR: no air at -1000
        (np.where(ct() < -500, 65036, 100).astype(np.uint16), int((ct() < -500).sum())),
    ],
)
def test_they_are_counted(array, count):
    notes = extreme_values(array[None])
    assert len(notes) == (count > 0) and (not count or f": {count} voxels lie " in notes[0])


def test_the_result_tells_and_the_map_is_that_of_the_values_as_they_are():
    array = ct(-3024, 32767)
    model = PlainModel(toys.make(), ["a", "b", "c"], divisor=4)
    (found,) = explain(model, Image(array, GRID), WholeImage(), class_index=1, layers=["encoder.1"])
    assert sum("2 voxels lie outside a CT's -1024 to 3071 HU" in note for note in found.notes) == 1
    (known,) = explain(
        PlainModel(toys.make(), ["a", "b", "c"], divisor=4, normalise=lambda a: a),
        Image(array, GRID), WholeImage(), class_index=1, layers=["encoder.1"],
    )  # fmt: skip
    np.testing.assert_array_equal(found.map, known.map)
