"""The networks and questions of the GPU's benchmark: torch alone, so that a bare machine can run it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from torch import nn

CLASSES = ("background", "lesion", "look-alike")
CLASS_INDEX = 1
#: share of the voxels in the ball that is asked about
SHARE = 0.12


@dataclass(frozen=True)
class Scale:
    """tiny: sizes at which everything runs on a CPU within a minute."""

    tiny: bool

    @property
    def cases(self) -> list[tuple[str, tuple[int, ...], int]]:
        """(name, channels of the levels, edge of the image)"""
        if self.tiny:
            return [("tiny", (4, 8), 16)]
        return [("small 96", (16, 32, 64, 128, 256), 96), ("large 128", (32, 64, 128, 256, 320, 320), 128)]

    @property
    def times(self) -> int:
        return 2 if self.tiny else 5


def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Two convolutions with instance norm and leaky ReLU, as nnU-Net's plain encoder has them."""
    layers: list[nn.Module] = []
    for channels, step in ((inputs, stride), (outputs, 1)):
        layers += [nn.Conv3d(channels, outputs, 3, step, 1), nn.InstanceNorm3d(outputs, affine=True)]
        layers.append(nn.LeakyReLU(0.01, inplace=True))
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """encoder.0 (stride 1) to encoder.n (the bottleneck), decoder.0 to decoder.n-1 (the finest), head."""

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        pairs = zip((1, *widths), widths, strict=False)
        self.encoder = nn.ModuleList(block(i, o, 1 if n == 0 else 2) for n, (i, o) in enumerate(pairs))
        downwards = widths[::-1]
        steps = list(itertools.pairwise(downwards))
        self.up = nn.ModuleList(nn.ConvTranspose3d(i, o, 2, 2) for i, o in steps)
        self.decoder = nn.ModuleList(block(2 * o, o, 1) for _, o in steps)
        self.head = nn.Conv3d(widths[0], len(CLASSES), 1)

    def forward(self, x):
        skips = []
        for level in self.encoder:
            x = level(x)
            skips.append(x)
        for up, level, skip in zip(self.up, self.decoder, skips[-2::-1], strict=True):
            x = level(torch.cat([up(x), skip], dim=1))
        return self.head(x)

    @property
    def bottleneck(self) -> str:
        return f"encoder.{len(self.encoder) - 1}"

    @property
    def late(self) -> str:
        return f"decoder.{len(self.decoder) - 1}"


@dataclass(frozen=True)
class Case:
    """One question. network: in evaluation mode, made on the CPU.  image ``[1, 1, n, n, n]``, mask: the ball."""

    network: UNet
    image: torch.Tensor
    mask: torch.Tensor

    @staticmethod
    def of(widths: tuple[int, ...], edge: int) -> Case:
        """Seeded weights, a smooth random image with noise, and a ball off the centre."""
        torch.manual_seed(0)
        network = UNet(widths).eval()
        smooth = torch.nn.functional.interpolate(torch.randn(1, 1, 8, 8, 8), size=(edge,) * 3, mode="trilinear")
        image = smooth + 0.3 * torch.randn(1, 1, edge, edge, edge)
        axes = torch.meshgrid(*[torch.arange(edge) - f * edge for f in (0.45, 0.5, 0.55)], indexing="ij")
        distance = sum(axis**2 for axis in axes)
        radius = distance.flatten().sort().values[int(SHARE * distance.numel())]
        return Case(network, image, (distance < radius).float())

    @property
    def model(self) -> PlainModel:
        return PlainModel(self.network, list(CLASSES))

    @property
    def grid(self) -> Grid:
        return Grid.from_spacing(tuple(self.mask.shape))

    @property
    def picture(self) -> Image:
        return Image(self.image[0].numpy(), self.grid)

    @property
    def pixels(self) -> PixelSet:
        return PixelSet(self.mask.numpy().astype(np.uint8), self.grid, "ball")
