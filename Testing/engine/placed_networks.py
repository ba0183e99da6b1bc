"""Networks whose layers are placed: the architectures people bring, and what a line of voxels does not show."""

import pytest
import torch
from torch import nn

from engine import toys


def monai(name, *words, **more):
    nets = pytest.importorskip("monai.networks.nets")
    return getattr(nets, name)(*words, **more)


def plain_conv_unet():
    unet = pytest.importorskip("dynamic_network_architectures.architectures.unet")
    return unet.PlainConvUNet(
        1, 4, [4, 6, 8, 10], conv_op=nn.Conv3d, kernel_sizes=[3] * 4, strides=[1, 2, 2, 2],
        n_conv_per_stage=[2] * 4, num_classes=3, n_conv_per_stage_decoder=[2] * 3, conv_bias=True,
        norm_op=nn.InstanceNorm3d, norm_op_kwargs={}, nonlin=nn.LeakyReLU, nonlin_kwargs={"inplace": True},
    )  # fmt: skip


NETWORKS = {
    "nnU-Net, plain": (plain_conv_unet, (32, 32, 32)),
    "DynUNet": (
        lambda: monai("DynUNet", 3, 1, 3, [3] * 4, [1, 2, 2, 2], [2] * 3, filters=[4, 6, 8, 10]),
        (32, 32, 32),
    ),
    "UNet": (lambda: monai("UNet", 3, 1, 3, (4, 8, 12), (2, 2), num_res_units=2), (32, 32, 32)),
    "UNet 2D": (lambda: monai("UNet", 2, 1, 3, (4, 8, 12), (2, 2), num_res_units=2), (32, 32)),
    "BasicUNet": (lambda: monai("BasicUNet", 2, 1, 3, (4, 4, 6, 8, 10, 4)), (32, 32)),
    "SegResNet": (lambda: monai("SegResNet", 3, 8, 1, 3), (32, 32, 32)),
    "AttentionUnet": (lambda: monai("AttentionUnet", 3, 1, 3, (4, 8, 12), (2, 2)), (32, 32, 32)),
    "our toy": (toys.make, (16, 16, 16)),
}


class Odd(nn.Module):
    """A strided encoder, something in the middle that a line does not show, and a decoder."""

    def __init__(self, middle):
        super().__init__()
        self.down = nn.Conv3d(1, 4, 3, stride=2, padding=1)
        self.middle, self.up, self.head = middle, nn.ConvTranspose3d(4, 4, 2, stride=2), nn.Conv3d(4, 2, 1)

    def forward(self, x):
        return self.head(self.up(self.middle(self.down(x))))


class Rolled(nn.Module):
    def forward(self, x):
        return torch.roll(x, 1, dims=3)
