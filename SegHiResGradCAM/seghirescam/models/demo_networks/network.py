"""The demo's network: a small 3D U-Net of nnU-Net's shape (strided convolutions down, transposed up). torch only."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

WIDTHS = (8, 16, 32, 48, 64)


class SmallUNet(nn.Module):
    """``[B, 1, K, J, I]`` (multiples of 16) to logits ``[B, 3, K, J, I]``; 0.69 M parameters.

    norm: "batch" or "instance".  ``encoder.0..4`` (strides 1 to 16) and ``decoder.0..3`` (strides 8 to 1) are the
    levels; each module's output is the level's activation.  deep_supervision: adds heads at decoder.0..2, used in
    training mode only, where the output is a list, finest first.  Without them the deep levels receive no usable
    gradient at this size.
    """

    def __init__(self, norm: str = "batch", classes: int = 3, deep_supervision: bool = False):
        super().__init__()
        self.encoder = nn.ModuleList(
            _block(before, width, norm, stride=1 if before == 1 else 2) for before, width in pairwise((1, *WIDTHS))
        )
        pairs = list(pairwise(WIDTHS[::-1]))
        self.up = nn.ModuleList(nn.ConvTranspose3d(deep, width, 2, stride=2) for deep, width in pairs)
        self.decoder = nn.ModuleList(_block(2 * width, width, norm) for _, width in pairs)
        self.head = _head(WIDTHS[0], classes)
        self.aux = nn.ModuleList(_head(width, classes) for _, width in pairs[:-1]) if deep_supervision else None

    def forward(self, x):
        skips = []
        for level in self.encoder:
            x = level(x)
            skips.append(x)
        deep = []
        for up, level, skip in zip(self.up, self.decoder, skips[-2::-1], strict=True):
            x = level(torch.cat([up(x), skip], dim=1))
            deep.append(x)
        logits = self.head(x)
        if self.training and self.aux is not None:
            return [logits, *(head(a) for head, a in zip(self.aux[::-1], deep[-2::-1], strict=True))]
        return logits


def _block(before, width, norm, stride=1):
    normalise = {"batch": nn.BatchNorm3d, "instance": lambda n: nn.InstanceNorm3d(n, affine=True)}[norm]
    layers = []
    for channels, step in ((before, stride), (width, 1)):
        layers += [
            nn.Conv3d(channels, width, 3, stride=step, padding=1, bias=False),
            normalise(width),
            nn.LeakyReLU(0.01, inplace=True),
        ]
    return nn.Sequential(*layers)


def _head(width, classes):
    head = nn.Conv3d(width, classes, 1)
    with torch.no_grad():
        # most voxels are background: start there, and the first hundred steps are not spent on learning it
        head.bias.copy_(torch.tensor([2.0] + [-2.0] * (classes - 1)))
    return head
