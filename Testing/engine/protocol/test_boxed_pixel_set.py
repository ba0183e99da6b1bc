"""A set held by its box is the whole one, on whatever grid it is asked for."""

from dataclasses import replace

import numpy as np
import pytest

from engine.grids import oblique
from seghirescam import Grid, PixelSet
from seghirescam.protocol.arrays import MessageError
from seghirescam.protocol.errors import PixelSetError
from seghirescam.protocol.messages import BoxedPixels

GRID = oblique((20, 24, 30), (2.0, 0.8, 1.1))


def both(soft=False, at=(4, 6, 7), size=(5, 7, 9)):
    """(whole, held by its box)."""
    random = np.random.default_rng(5)
    inner = random.random(size) if soft else (random.random(size) < 0.7).astype(np.uint8)
    weights = np.zeros(GRID.shape, np.float32)
    weights[tuple(slice(a, a + n) for a, n in zip(at, size, strict=True))] = inner
    return PixelSet(weights, GRID, "segment 'x'"), BoxedPixels(inner, at, GRID, "segment 'x'").held()


def flipped():
    matrix = GRID.ijk_to_ras.copy()
    matrix[:3, 3] += matrix[:3, 0] * 29
    matrix[:3, 0] *= -1
    return Grid(GRID.shape, matrix)


GRIDS = {
    "its own": GRID,
    "cropped": GRID.strided((1, 1, 1), (3, 8, 0), (10, 10, 20)),
    "padded": GRID.strided((1, 1, 1), (-3, -4, 0), (30, 32, 32)),
    "flipped": flipped(),
    "finer": GRID.strided((0.4, 0.5, 0.6), (-0.3, 0.1, 0), (50, 48, 50)),
    "coarser": GRID.strided((3.3, 4, 2.5), (1.1, 1.5, 0.75), (6, 6, 12)),
    "mixed": GRID.strided((0.5, 4, 1), (0.2, 1.5, 0.4), (40, 6, 29)),
    "turned": Grid.from_spacing((30, 30, 30), (1.7, 1.5, 1.5), GRID.ras((10, 12, 15)) - 22),
}


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("at, size", [((4, 6, 7), (5, 7, 9)), ((0, 0, 21), (3, 24, 9)), ((19, 23, 29), (1, 1, 1))])
@pytest.mark.parametrize("name", list(GRIDS))
def test_it_is_carried_to_other_grids_as_the_whole_one(name, soft, at, size):
    whole, boxed = both(soft, at, size)
    results = []
    for one in (whole, boxed):
        try:
            results.append(one.on(GRIDS[name]))
        except PixelSetError as error:
            results.append(str(error))
    if isinstance(results[0], str):
        assert results[0] == results[1]
        return
    expected, found = results
    assert found.grid is GRIDS[name] and found.label == expected.label and found.weights.dtype == np.float32
    assert np.abs(found.weights - expected.weights).max() <= 2e-6
    if name in ("its own", "cropped", "padded", "flipped"):
        assert np.array_equal(found.weights, expected.weights) and found.content_hash == expected.content_hash


def test_its_numbers_are_those_of_the_whole_one():
    whole, boxed = both(soft=True)
    assert isinstance(boxed, PixelSet) and np.array_equal(boxed.weights, whole.weights)
    for name in ("is_empty", "voxels", "ml", "content_hash", "grid", "label", "notes", "header"):
        assert getattr(boxed, name) == getattr(whole, name)
    renamed = replace(boxed, label="another")
    assert renamed.label == "another" and np.array_equal(renamed.weights, whole.weights)
    assert np.array_equal(renamed.on(GRIDS["finer"]).weights, whole.on(GRIDS["finer"]).weights)
    assert "weights" not in vars(boxed) and not hasattr(boxed, "nothing")


@pytest.mark.parametrize(
    "inner", [np.full((2, 2, 2), 1.5), np.full((2, 2, 2), np.nan), np.full((2, 2, 2), 2, np.uint8)]
)
def test_weights_outside_zero_to_one_are_refused(inner):
    with pytest.raises(PixelSetError, match="between 0 and 1"):
        BoxedPixels(inner, (0, 0, 0), GRID, "x").held()


@pytest.mark.parametrize("start, shape", [((19, 0, 0), (2, 2, 2)), ((-1, 0, 0), (2, 2, 2)), ((0, 0, 0), (0, 2, 2)),
                                          ((0, 0, 0), (2, 2))])  # fmt: skip
def test_a_box_that_does_not_fit_is_refused(start, shape):
    with pytest.raises(MessageError, match="do not fit"):
        BoxedPixels(np.zeros(shape, np.uint8), start, GRID, "x").held()


def test_an_empty_one_is_empty():
    empty = BoxedPixels.of(PixelSet(np.zeros(GRID.shape), GRID)).held()
    assert empty.is_empty and not empty.on(GRIDS["coarser"]).weights.any()
