"""The one question every contestant is asked: the same network, weights, image, pixel set M and class.

The case is written once to a file and loaded by every process, so that nothing depends on a contestant's random state.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

CLASS_INDEX = 1
CLASSES = ("background", "lesion", "look-alike")
SHARE_OF_M = 0.12
DECODER = ("upsamples.0", "upsamples.1", "upsamples.2", "upsamples.3")
ENCODER = ("input_block", "downsamples.0", "downsamples.1", "downsamples.2")
BOTTLENECK = "bottleneck"
LATE = "upsamples.3"
BEFORE_IN_PLACE = "bottleneck.norm2"  # its output is overwritten by an in-place LeakyReLU


@dataclass(frozen=True)
class Case:
    """network in evaluation mode; image ``[1, 1, n, n, n]``; mask ``[n, n, n]``, 0 or 1."""

    network: torch.nn.Module
    image: torch.Tensor
    mask: torch.Tensor
    class_index: int = CLASS_INDEX

    def score(self, logits: torch.Tensor) -> torch.Tensor:
        """S, the sum over M of the class logit."""
        return (logits[0, self.class_index] * self.mask).sum()


def build_network(in_place: bool = True) -> torch.nn.Module:
    """MONAI DynUNet, 5.65 M parameters, instance norm, in-place LeakyReLU as its default is."""
    from monai.networks.nets import DynUNet

    return DynUNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=len(CLASSES),
        kernel_size=[3] * 5,
        strides=[1, 2, 2, 2, 2],
        upsample_kernel_size=[2] * 4,
        filters=[16, 32, 64, 128, 256],
        act_name=("leakyrelu", {"inplace": in_place, "negative_slope": 0.01}),
    ).eval()


def write(path: Path, size: int) -> None:
    """Seeded weights, a smooth random image with noise, and a ball of 12 % of the voxels off the centre as M."""
    torch.manual_seed(0)
    network = build_network()
    smooth = torch.nn.functional.interpolate(torch.randn(1, 1, 8, 8, 8), size=(size,) * 3, mode="trilinear")
    image = smooth + 0.3 * torch.randn(1, 1, size, size, size)
    axes = torch.meshgrid(*[torch.arange(size) - f * size for f in (0.45, 0.5, 0.55)], indexing="ij")
    distance = sum(a**2 for a in axes)
    radius = distance.flatten().sort().values[int(SHARE_OF_M * distance.numel())]
    mask = (distance < radius).float()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"weights": network.state_dict(), "image": image, "mask": mask}, path)


def load(path: Path, in_place: bool = True, dtype: torch.dtype = torch.float32) -> Case:
    """The case as :func:`write` left it."""
    stored = torch.load(path, weights_only=True)
    network = build_network(in_place)
    network.load_state_dict(stored["weights"])
    return Case(network.to(dtype), stored["image"].to(dtype), stored["mask"].to(dtype))


class MaskedScores(torch.nn.Module):
    """``[1, classes]``: the sum over M of every class logit, for peers that expect a classifier."""

    def __init__(self, case: Case):
        super().__init__()
        self.network = case.network
        self.register_buffer("mask", case.mask, persistent=False)

    def forward(self, image):
        return (self.network(image) * self.mask).sum(dim=(2, 3, 4))
