"""A network whose cue lies elsewhere, so that every deletion curve is known in closed form."""

import numpy as np
import torch

from seghirescam.cam.logits.score import ClassLogit
from seghirescam.evaluation.deletion.image_deletion import ImageProbe
from seghirescam.evaluation.painting.rerun import Rerun
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet

GRID = Grid.from_spacing((6, 10, 40), (2.0, 2.0, 2.0))
FAR = 20


def to_zero(image, mask):
    return Image(np.where(mask, 0, image.array), image.grid)


def looks_away(dtype=torch.float32, own=0.0, bias=0.5):
    """Logit of the object at i: x at i + 20, plus ``own`` times x at i, plus a bias; background 0.2."""
    network = torch.nn.Conv3d(1, 2, (1, 1, 2 * FAR + 1), padding=(0, 0, FAR), dtype=dtype)
    with torch.no_grad():
        network.weight.zero_()
        network.weight[1, 0, 0, 0, 2 * FAR] = 1
        network.weight[1, 0, 0, 0, FAR] = own
        network.bias[:] = torch.tensor([0.2, bias], dtype=dtype)
    return PlainModel(network, ["background", "object"])


def organ():
    mask = np.zeros(GRID.shape)
    mask[1:5, 2:8, 4:12] = 1
    return PixelSet(mask, GRID, "organ")


def a_case(seed=0):
    """(image, the map that tells the truth: what every voxel contributes to the mean over M)."""
    array = np.random.default_rng(seed).uniform(0, 5, GRID.shape).astype(np.float32)
    truth = np.zeros(GRID.shape)
    m = organ().weights
    truth[..., FAR:] = array[..., FAR:] * m[..., :-FAR] / m.sum()
    return Image(array, GRID), truth


def probe(model=None, image=None, **settings):
    settings = {"removal": to_zero, **settings}
    return ImageProbe(Rerun(model or looks_away()), image or a_case()[0], organ(), ClassLogit(1), **settings)


def counted(sizes, order, q):
    """How many units of an order come nearest to the share of the volume; by a plain loop."""
    held = [sum(sizes[u] for u in order[:n]) for n in range(len(order) + 1)]
    return min(range(len(held)), key=lambda n: abs(held[n] - q * held[-1]))


def trapezoid(x, y):
    return sum((x[n + 1] - x[n]) * (y[n] + y[n + 1]) / 2 for n in range(len(x) - 1))
