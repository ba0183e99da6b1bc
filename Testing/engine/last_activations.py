"""Networks that end in an activation of their own, and what their logits say by plain autograd."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from seghirescam import Grid, Image, PixelSet, PlainModel
from seghirescam.models.segmentation_model import Windows

SHAPE = (6, 8, 10)
GRID = Grid.from_spacing(SHAPE, (2.0, 1.0, 1.5))
MASK = np.zeros(SHAPE)
MASK[2:4, 2:6, 3:9] = 1


class Net(nn.Module):
    """Two convolutions, and what comes last."""

    def __init__(self, last, classes=3, seed=0, scale=2.0):
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Conv3d(1, 4, 3, padding=1)
        self.second = nn.Conv3d(4, classes, 1)
        nn.init.normal_(self.second.weight, 0, scale)
        self.last = last
        self.double()

    def logits(self, x):
        return self.second(self.first(x).relu())

    def forward(self, x):
        return self.last(self.logits(x))


def image(seed=0, shape=SHAPE):
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32).astype(float)
    return Image(values, Grid.from_spacing(shape, (2.0, 1.0, 1.5)))


def model(last, classes=("background", "lesion", "other"), **words):
    net_words = {word: words.pop(word) for word in ("seed", "scale") if word in words}
    channels = words.pop("outputs", len(classes))
    return PlainModel(Net(last, channels, **net_words), classes, **words)


def pixels(mask=MASK, grid=GRID):
    return PixelSet(mask, grid, "segment")


def truth(network, values, mask=MASK, seed=0):
    """(S, sum_k dS/dA_k A_k at the first layer) by plain autograd of ``values(A) -> [*spatial]``."""
    x = torch.tensor(image(seed).array)[None]
    a = network.first(x).detach().requires_grad_()
    score = (values(a) * torch.tensor(mask)).sum()
    (g,) = torch.autograd.grad(score, a)
    return float(score), (g * a).sum(dim=1)[0].detach().numpy()


def of_logits(network, place):
    return lambda a: network.second(a.relu())[0, place]


def known_methods():
    from seghirescam.comparison.compare import all_methods

    return set(all_methods())


def hidden(x):
    """A sigmoid that cannot be left out: something is computed from it."""
    return F.avg_pool3d(torch.sigmoid(x), 3, 1, 1, count_include_pad=False)


WINDOW = (6, 8, 6)
STEP = 4
WINDOWS = Windows(WINDOW, lambda shape: [(0, 0, i) for i in range(0, shape[2] - 5, STEP)], np.ones(WINDOW, np.float32))


def averaged(network, values, mask, linear=False):
    """(S, map at the first layer): windows cut and averaged by plain loops, ``values(average) -> [*spatial]``."""
    x = torch.tensor(image().array)[None]
    starts, leaves = range(0, SHAPE[2] - 5, STEP), []
    total, count = 0, torch.zeros(SHAPE, dtype=torch.float64)
    for start in starts:
        a = network.first(x[..., start : start + 6]).detach().requires_grad_()
        leaves.append(a)
        out = network.second(a.relu()) if linear else network.last(network.second(a.relu()))
        total = total + F.pad(out, (start, SHAPE[2] - 6 - start))
        count[..., start : start + 6] += 1
    average = (total / count)[0]
    score = (values(average) * torch.tensor(mask)).sum()
    whole = torch.zeros(SHAPE, dtype=torch.float64)
    for start, a, g in zip(starts, leaves, torch.autograd.grad(score, leaves), strict=True):
        whole[..., start : start + 6] += (g * a).sum(dim=1)[0].detach()
    return float(score.detach()), whole.numpy(), average.detach().numpy()


CODE = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv3d(1, 4, 3, padding=1), nn.Conv3d(4, {classes}, 1)
    def forward(self, x):
        return {last}
def build():
    return Net()
"""


def sigmoid_by_hand(x):
    return 1 / (1 + torch.exp(-x))
