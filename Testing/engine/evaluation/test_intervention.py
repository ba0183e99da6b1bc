"""intervene: closed forms on a linear network, and that the caller's things stay as they were."""

import numpy as np
import pytest
import torch

from seghirescam.cam.logits.score import ClassLogit, Contrast
from seghirescam.evaluation.painting.intervention import intervene, outcome
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.errors import EmptyPixelSetError, ImageError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet

GRID = Grid.from_spacing((6, 7, 8), (2.0, 2.0, 2.0))


def box(*bounds, weight=1.0):
    mask = np.zeros(GRID.shape)
    mask[tuple(slice(*b) for b in bounds)] = weight
    return PixelSet(mask, GRID, "box")


@pytest.fixture
def image():
    """0 everywhere, 5 in a cube of 3x3x3 voxels."""
    array = np.zeros(GRID.shape, np.float32)
    array[1:4, 2:5, 2:5] = 5
    return Image(array, GRID)


CUBE = box((1, 4), (2, 5), (2, 5))


@pytest.fixture
def model():
    """Logits: background 1, object 2 x - 3: the object is where x > 2."""
    network = torch.nn.Conv3d(1, 2, 1)
    with torch.no_grad():
        network.weight[:] = torch.tensor([0.0, 2.0]).reshape(2, 1, 1, 1, 1)
        network.bias[:] = torch.tensor([1.0, -3.0])
    return PlainModel(network, ["background", "object"], divisor=4)


def test_scores_volumes_and_dice_before_and_after(model, image):
    found = intervene(model, image, CUBE, CUBE, Contrast(1, 0), margin_mm=0)
    assert found.before.score == pytest.approx(2 * 5 - 3 - 1)
    assert found.after.score == pytest.approx(-3 - 1)
    assert (found.before.voxels, found.after.voxels) == (27, 0)
    assert found.before.ml == pytest.approx(27 * 8 / 1000)
    assert (found.before.dice, found.after.dice) == (1.0, 0.0)
    assert found.change == pytest.approx(-10) and found.flips
    assert (found.unit, found.score_title) == ("logit", "logit of object minus background")
    assert found.to_json()["before"]["voxels"] == 27


def test_painting_half_of_the_object_leaves_the_other_half(model, image):
    found = intervene(model, image, box((1, 4), (2, 5), (2, 4)), CUBE, ClassLogit(1), margin_mm=0)
    assert found.before.score == pytest.approx(7)
    assert 9 <= found.after.voxels < 27
    assert found.after.dice == pytest.approx(2 * found.after.voxels / (27 + found.after.voxels))


def test_painting_something_else_changes_nothing(model, image):
    found = intervene(model, image, box((5, 6), (0, 1), (0, 1)), CUBE, ClassLogit(1), margin_mm=0)
    assert found.before == found.after and found.change == 0 and not found.flips


def test_the_mean_is_weighted_by_a_soft_set(model, image):
    soft = np.zeros(GRID.shape)
    soft[1, 2, 2], soft[0, 0, 0] = 0.75, 0.25
    assert outcome(model, image, PixelSet(soft, GRID), ClassLogit(1)).score == pytest.approx(0.75 * 7 + 0.25 * -3)


def test_padding_does_not_count(model, image):
    everywhere = PixelSet(np.ones(GRID.shape), GRID)
    found = outcome(model, Image(np.full(GRID.shape, 5.0), GRID), everywhere, ClassLogit(1))
    assert found.voxels == np.prod(GRID.shape) and found.dice == 1.0


def test_the_callers_image_network_and_mode_are_left_as_they_were(image):
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 2, 1), torch.nn.BatchNorm3d(2)).train()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    voxels = image.array.copy()
    intervene(PlainModel(network, ["a", "b"]), image, CUBE, CUBE, ClassLogit(1))
    assert all(module.training for module in network.modules())
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert np.array_equal(image.array, voxels)
    assert all(p.grad is None for p in network.parameters())


def test_bad_sets_are_refused(model, image):
    empty = PixelSet(np.zeros(GRID.shape), GRID, "nothing")
    away = PixelSet(np.ones((2, 2, 2)), Grid.from_spacing((2, 2, 2), origin_ras=(900, 0, 0)), "far away")
    for region, pixels in ((empty, CUBE), (CUBE, empty)):
        with pytest.raises(EmptyPixelSetError, match="nothing"):
            intervene(model, image, region, pixels, ClassLogit(1))
    for region, pixels in ((away, CUBE), (CUBE, away)):
        with pytest.raises(PixelSetError, match="far away"):
            intervene(model, image, region, pixels, ClassLogit(1))
    with pytest.raises(ImageError, match="NaN"):
        outcome(model, Image(np.full(GRID.shape, np.nan), GRID), CUBE, ClassLogit(1))
