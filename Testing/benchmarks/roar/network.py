"""The toy network, its training and its Dice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .toy import CLASSES

WIDTHS = (8, 24, 64)
#: of the two classes that are not background: most pixels are
CLASS_WEIGHT = 5.0


class ToyUNet(nn.Module):
    """``[B, 1, 64, 64]`` to logits ``[B, 3, 64, 64]``; ``encoder.0..2`` (strides 2, 4, 8), ``decoder.0..1`` (4, 2).

    Nothing but the heads works at full resolution: that would be three quarters of the cost.  The logits are those of
    the finest level plus, interpolated, those of a head at the bottleneck, the only level that sees body and patch at
    once; through the decoder alone the class arrives late, in some seeds never.  While training the output is (logits,
    the bottleneck's ``[B, 3, 8, 8]``).
    """

    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleList(
            _block(before, width, convolutions, stride=2)
            for before, width, convolutions in zip((1, *WIDTHS), WIDTHS, (1, 2, 2), strict=False)
        )
        pairs = list(zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(deep, width, 2, stride=2) for deep, width in pairs)
        self.decoder = nn.ModuleList(_block(2 * width, width, 1, stride=1) for _, width in pairs)
        self.head = nn.ConvTranspose2d(WIDTHS[0], len(CLASSES), 2, stride=2)
        self.deep_head = nn.Conv2d(WIDTHS[-1], len(CLASSES), 1)

    def forward(self, x):
        skips = []
        for level in self.encoder:
            x = level(x)
            skips.append(x)
        deep = self.deep_head(x)
        for up, level, skip in zip(self.up, self.decoder, skips[-2::-1], strict=True):
            x = level(torch.cat([up(x), skip], dim=1))
        logits = self.head(x) + nn.functional.interpolate(deep, scale_factor=8, mode="bilinear")
        return (logits, deep) if self.training else logits


def _block(before, width, convolutions, stride):
    layers = []
    for channels, step in ((before, stride), (width, 1))[:convolutions]:
        layers += [
            nn.Conv2d(channels, width, 3, stride=step, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


@dataclass(frozen=True)
class Recipe:
    """How one network is trained; the same for every row."""

    steps: int = 120
    batch: int = 8
    rate: float = 1e-2


def train(images: np.ndarray, labels: np.ndarray, seed: int, recipe: Recipe = Recipe()) -> ToyUNet:
    """A network in evaluation mode, from scratch. Adam, weighted cross entropy at both heads; half of every batch is
    mirrored top to bottom (which moves no patch to another side of its body).  Weights and batches come from the seed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ToyUNet().train().to(memory_format=torch.channels_last)
        x, y = torch.from_numpy(images[:, None]), torch.from_numpy(labels.astype(np.int64))
        optimizer = torch.optim.Adam(network.parameters(), recipe.rate)
        # up over a tenth of the steps, down over the last three tenths
        n = recipe.steps
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (step + 1) / (0.1 * n), (n - step) / (0.3 * n))
        )
        half = recipe.batch // 2
        weight = torch.tensor([1.0, CLASS_WEIGHT, CLASS_WEIGHT])
        picked = torch.cat([torch.randperm(len(x)) for _ in range(1 + recipe.steps * recipe.batch // len(x))])
        for step in range(recipe.steps):
            chosen = picked[step * recipe.batch :][: recipe.batch]
            a, b = x[chosen], y[chosen]
            a[:half], b[:half] = a[:half].flip(-2), b[:half].flip(-2)
            logits, deep = network(a)
            loss = nn.functional.cross_entropy(logits, b, weight)
            loss = loss + nn.functional.cross_entropy(deep, coarse(b), weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def coarse(labels: torch.Tensor) -> torch.Tensor:
    """``[B, 64, 64]`` to ``[B, 8, 8]``: a cell has the class of the body that reaches into it."""
    return nn.functional.max_pool2d(labels.float(), 8).long()


@torch.no_grad()
def logits_of(network: nn.Module, images: np.ndarray) -> np.ndarray:
    """float32 ``[N, 3, 64, 64]``."""
    return torch.cat([network(part) for part in torch.from_numpy(images[:, None]).split(64)]).numpy()


def dice(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """``[N]``: Dice of every case's own class (never empty); a body called by the other class's name scores 0."""
    own = labels.max(axis=(1, 2), keepdims=True)
    found, truth = predicted == own, labels > 0
    both = np.count_nonzero(found & truth, axis=(1, 2))
    return 2 * both / (np.count_nonzero(found, axis=(1, 2)) + np.count_nonzero(truth, axis=(1, 2)))


def told_apart(logits: np.ndarray, labels: np.ndarray) -> float:
    """How well the two classes can be told apart where the bodies are: AUROC of the class margin, chance 0.5.

    The margin of a case is the mean over its body of the logit of class 1 minus that of class 2; the value is the share
    of pairs (a case of class 1, one of class 2) in which the first has the larger margin, ties half.
    """
    margin = ((logits[:, 1] - logits[:, 2]) * (labels > 0)).sum(axis=(1, 2)) / (labels > 0).sum(axis=(1, 2))
    first = labels.max(axis=(1, 2)) == 1
    difference = margin[first][:, None] - margin[~first]
    return float((difference > 0).mean() + (difference == 0).mean() / 2)
