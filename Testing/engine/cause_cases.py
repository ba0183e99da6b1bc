"""Networks whose causes are known: answers by brute force over all orders, and cases to ask about."""

from itertools import permutations, product

import numpy as np
import torch
from torch import nn

from engine.windowed_models import gaussian, stepping
from seghirescam.cam.logits.score import ClassLogit, Contrast, LogOdds
from seghirescam.models.plain import PlainModel
from seghirescam.models.segmentation_model import Windows
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet

CHANNELS = ("T1", "T2", "FLAIR", "PET")
SCORES = {"logit": ClassLogit(1), "contrast": Contrast(1, 2), "log_odds": LogOdds(1)}
#: head, dims, whether in windows, folds
KINDS = [
    (head, dims, windowed, folds)
    for head, dims, windowed, folds in product(("softmax", "sigmoid"), (2, 3), (False, True), (1, 2))
]


class Formula(nn.Module):
    """Three classes, voxel by voxel: 0.1, a x0 x1 + 2 x2 + 0.5, max(x1, x2); nobody looks at the fourth."""

    def __init__(self, a):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(float(a), dtype=torch.float64))

    def forward(self, x):
        one = self.a * x[:, 0] * x[:, 1] + 2 * x[:, 2] + 0.5
        return torch.stack([0 * one + 0.1, one, torch.maximum(x[:, 1], x[:, 2])], dim=1)


def formula_logits(x, folds):
    """``[3, *spatial]`` by numpy, of channels ``[4, *spatial]``."""
    a = np.mean([3.0 + n for n in range(folds)])
    one = a * x[0] * x[1] + 2 * x[2] + 0.5
    return np.stack([np.full_like(one, 0.1), one, np.maximum(x[1], x[2])])


def shape_of(dims):
    return (1, 10, 12) if dims == 2 else (8, 10, 12)


def case(dims=3, channels=4, seed=0):
    """(Image, M) with a soft rim."""
    shape = shape_of(dims)
    grid = Grid.from_spacing(shape, (2.0, 1.0, 1.5))
    mask = np.zeros(shape)
    mask[:, 3:7, 4:9] = 1
    mask[:, 3, 4:9] = 0.5
    array = np.random.default_rng(seed).normal(1.0, 1.0, (channels, *shape))
    return Image(array, grid), PixelSet(mask, grid, "lesion")


def windows_of(dims):
    size = (1, 6, 6) if dims == 2 else (6, 6, 6)
    return Windows(size, stepping(size, (1, 4, 3) if dims == 2 else (2, 4, 3)), gaussian(size), (2,))


def formula_model(head="softmax", dims=3, windowed=False, folds=1):
    networks = [Formula(3.0 + n) for n in range(folds)]
    return PlainModel(
        networks[0], ["rest", "lesion", "look-alike"], channels=CHANNELS, spatial_dims=dims, head=head,
        activation="none", windows=windows_of(dims) if windowed else None, folds=networks[1:],
    )  # fmt: skip


def score_by_hand(logits, weights, word, head):
    """The mean score over M in float64, by the formulas of cam/logits/score.py written out."""
    if word == "logit" or (word == "log_odds" and head == "sigmoid"):
        values = logits[1]
    elif word == "contrast":
        values = logits[1] - logits[2]
    else:
        values = logits[1] - np.log(np.exp(logits[0]) + np.exp(logits[2]))
    return float((values * weights).sum() / weights.sum())


def all_orders(players, value):
    """Shapley values by the definition: the mean gain over all n! orders. value: of a set of players."""
    totals, count = [0.0] * players, 0
    for order in permutations(range(players)):
        present = set()
        for player in order:
            before = value(frozenset(present))
            present.add(player)
            totals[player] += value(frozenset(present)) - before
        count += 1
    return np.array(totals) / count
