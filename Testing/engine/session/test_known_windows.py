"""Windows that a change does not reach are not run again, and the answer is the same bit for bit."""

import numpy as np
import pytest
import torch

from engine import windowed_models
from engine.windowed_models import gaussian, stepping
from seghirescam.evaluation.painting.rerun import Rerun
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.windows.known_windows import KnownWindows


def a_case(dims):
    """(model, image, M): mirrored windows and two folds; of a 2D network slice by slice."""
    array, mask = windowed_models.case()
    grid = windowed_models.GRID
    if dims == 3:
        model = windowed_models.model(windowed_models.windows(mirror=(1, 2)), folds=2)
    else:
        size = (1, 8, 8)
        windows = Windows(size, stepping(size, (1, 4, 4)), gaussian(size), (2,))
        model = windowed_models.model(windows, folds=2, dims=2)
    return model, Image(array, grid), PixelSet(mask, grid, "lesion")


def changed_images(image):
    """The image, one changed within the set, one far from it, one everywhere, and the first again."""
    near, far, all_over = (image.array.copy() for _ in range(3))
    near[0, 4, 6, 7] += 3
    far[0, 10:, 14:, 18:] = 7
    all_over += 0.5
    return [image, *(Image(array, image.grid) for array in (near, far, all_over)), image]


@pytest.mark.parametrize("dims", [2, 3])
def test_the_logits_on_the_set_are_the_same_bit_for_bit_in_fewer_passes(dims):
    model, image, pixels = a_case(dims)
    plain, knowing = Rerun(model), Rerun(model, remember=True)
    inside, calls = pixels.weights > 0, []
    for one in changed_images(image):
        before = knowing.forward_calls
        found, truth = (rerun.see(one, around=pixels).logits[:, inside] for rerun in (knowing, plain))
        assert np.array_equal(found, truth)
        calls.append(knowing.forward_calls - before)
    whole = calls[0]
    assert whole == plain.forward_calls // 5
    assert 0 < calls[1] < whole and calls[2] < calls[1] and calls[3] == whole and calls[4] == 0
    assert knowing.spared == plain.forward_calls - knowing.forward_calls


def test_what_does_not_fit_is_run_again_and_nothing_else_changes():
    model, image, pixels = a_case(3)
    plain, poor = Rerun(model), Rerun(model, remember=True)
    poor._known = KnownWindows(limit_bytes=2000)
    for one in changed_images(image):
        found, truth = (rerun.see(one, around=pixels).logits[:, pixels.weights > 0] for rerun in (poor, plain))
        assert np.array_equal(found, truth)
    assert poor.forward_calls > Rerun(model).forward_calls and poor._known._nbytes <= 2000


def test_a_model_that_normalises_the_whole_image_is_run_again_everywhere():
    array, mask = windowed_models.case()
    grid = Grid.from_spacing(mask.shape, (3.0, 1.0, 1.5))
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 3, 3, padding=1)).double()
    model = PlainModel(
        network, ["a", "b", "c"], windows=windowed_models.windows(), normalise=lambda x: (x - x.mean()) / x.std()
    )
    far = array.copy()
    far[0, 10:, 14:, 18:] = 50
    rerun, pixels = Rerun(model, remember=True), PixelSet(mask, grid, "lesion")
    rerun.see(Image(array, grid), around=pixels)
    first = rerun.forward_calls
    rerun.see(Image(far, grid), around=pixels)
    assert rerun.forward_calls == 2 * first and rerun.spared == 0
