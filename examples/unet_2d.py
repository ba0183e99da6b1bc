"""A vanilla 2D U-Net (max pooling) and its training on slices of the demo's brains, for ``paper_2d.py``.

Two 3x3 convolutions with ReLU a level, 2x2 max pooling down, 2x2 transposed convolutions up, skips concatenated.  One
change to the U-Net of 2015: batch normalisation, without which two minutes are too few.  The task is the demo's honest
one: a body with a bright ring is a lesion, one without is a look-alike.
"""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from demo_training.synthesis import EXPLORE_SEEDS, TRAIN_SEEDS, make_case
from seghirescam.models.demo_networks.preprocessing import CLASSES, LESION, LOOK_ALIKE, normalised

WIDTHS = (8, 16, 32, 64, 96)
#: the network halves each axis four times
DIVISOR = 16
#: by which synthesis calls a body a lesion
RULE = "honest"
BATCH, LEARNING_RATE = 8, 3e-3


class UNet2D(nn.Module):
    """``[B, 1, J, I]`` (multiples of 16) to logits ``[B, 3, J, I]``; encoder.0..4 and decoder.0..3 are the levels."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleList(_two(a, b) for a, b in pairwise((1, *WIDTHS)))
        self.pool = nn.MaxPool2d(2)
        pairs = list(pairwise(WIDTHS[::-1]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(deep, width, 2, stride=2) for deep, width in pairs)
        self.decoder = nn.ModuleList(_two(2 * width, width) for _, width in pairs)
        self.head = nn.Conv2d(WIDTHS[0], len(CLASSES), 1)

    def forward(self, x):
        skips = []
        for n, level in enumerate(self.encoder):
            x = level(self.pool(x) if n else x)
            skips.append(x)
        for up, level, skip in zip(self.up, self.decoder, skips[-2::-1], strict=True):
            x = level(torch.cat([up(x), skip], dim=1))
        return self.head(x)


def _two(before, width):
    layers = []
    for channels in (before, width):
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def slices_of(seeds, per_case=4, seed=0):
    """(inputs ``[N, 1, J, I]``, labels ``[N, J, I]``): slices through each case's body, and one anywhere."""
    rng = np.random.default_rng(seed)
    inputs, labels = [], []
    for one in seeds:
        case = make_case(one, marker=False)
        truth = case.labels(RULE)
        through = np.flatnonzero(truth.any(axis=(1, 2)))
        # not its caps, where there is hardly a body to see
        middle = through[len(through) // 6 : len(through) - len(through) // 6]
        brain = np.flatnonzero(case.image.array[0].any(axis=(1, 2)))
        for k in [*rng.choice(middle, per_case, replace=False), rng.choice(brain)]:
            inputs.append(normalised(case.image.array[:, k : k + 1])[:, 0])
            labels.append(truth[k])
    return torch.from_numpy(np.stack(inputs)), torch.from_numpy(np.stack(labels)).long()


def train(cases: int, steps: int, seed: int = 0) -> tuple[UNet2D, dict]:
    """The network in eval mode, and how well it does on cases it has not seen. The same numbers for the same seeds."""
    torch.manual_seed(seed)
    started = time.monotonic()
    inputs, labels = slices_of(TRAIN_SEEDS[:cases])
    print(f"{len(inputs)} slices of {cases} brains made in {time.monotonic() - started:.0f} s", flush=True)
    # half the CPU time of the default layout
    network = UNet2D().train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    order, losses = np.random.default_rng(seed), []
    for step in range(steps):
        picked = torch.from_numpy(order.choice(len(inputs), BATCH, replace=False))
        x, y = inputs[picked], labels[picked]
        if order.random() < 0.5:  # the brain is nearly symmetric, left to right
            x, y = x.flip(-1), y.flip(-1)
        loss = _loss(network(x.contiguous(memory_format=torch.channels_last)), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if (step + 1) % 50 == 0:
            took = time.monotonic() - started
            print(f"step {step + 1}/{steps}: loss {np.mean(losses[-50:]):.3f}, {took:.0f} s", flush=True)
    network.to(memory_format=torch.contiguous_format).eval()
    return network, {"cases": cases, "steps": steps, "dice": dice(network, *slices_of(EXPLORE_SEEDS[:8]))}


def _loss(logits, labels):
    """Cross-entropy and soft Dice over the two bodies."""
    truth = functional.one_hot(labels, len(CLASSES)).movedim(-1, 1).float()
    chance = logits.softmax(dim=1)
    both = (chance * truth).sum(dim=(0, 2, 3))[1:]
    whole = (chance + truth).sum(dim=(0, 2, 3))[1:]
    return functional.cross_entropy(logits, labels) + 1 - ((2 * both + 1) / (whole + 1)).mean()


@torch.no_grad()
def dice(network, inputs, labels) -> dict[str, float]:
    found = network(inputs).argmax(dim=1)
    scores = {}
    for index in (LESION, LOOK_ALIKE):
        a, b = found == index, labels == index
        scores[CLASSES[index]] = round(float(2 * (a & b).sum() / max(1, int(a.sum() + b.sum()))), 3)
    return scores
