"""Small networks with known behaviour, in 2D and 3D, float64."""

from __future__ import annotations

import torch
from torch import nn


def conv(dims, *args, **kwargs):
    return (nn.Conv2d if dims == 2 else nn.Conv3d)(*args, **kwargs)


def transposed(dims, *args, **kwargs):
    return (nn.ConvTranspose2d if dims == 2 else nn.ConvTranspose3d)(*args, **kwargs)


def norm(dims, kind, channels):
    if kind == "none":
        return nn.Identity()
    if kind == "instance":
        return (nn.InstanceNorm2d if dims == 2 else nn.InstanceNorm3d)(channels, affine=True)
    return (nn.BatchNorm2d if dims == 2 else nn.BatchNorm3d)(channels)


class Block(nn.Module):
    def __init__(self, dims, inputs, outputs, stride=1, kind="batch", inplace=True):
        super().__init__()
        self.conv = conv(dims, inputs, outputs, 3, stride=stride, padding=1)
        self.norm = norm(dims, kind, outputs)
        self.act = nn.LeakyReLU(0.1, inplace=inplace)

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class ToyUNet(nn.Module):
    """Three levels (strides 1, 2, 4): encoder.0-2, up.0-1, decoder.0-1, head.  pool: max-pooling instead of strides."""

    def __init__(self, dims=3, kind="batch", inplace=True, classes=3, channels=1, pool=False):
        super().__init__()
        self.pool = (nn.MaxPool2d if dims == 2 else nn.MaxPool3d)(2) if pool else None
        step = 1 if pool else 2
        widths = (4, 6, 8)
        self.encoder = nn.ModuleList(
            Block(dims, i, o, s, kind, inplace)
            for i, o, s in zip((channels, *widths), widths, (1, step, step), strict=False)
        )
        self.up = nn.ModuleList([transposed(dims, 8, 6, 2, 2), transposed(dims, 6, 4, 2, 2)])
        self.decoder = nn.ModuleList([Block(dims, 12, 6, 1, kind, inplace), Block(dims, 8, 4, 1, kind, inplace)])
        self.head = conv(dims, 4, classes, 1)

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.encoder):
            if level and self.pool is not None:
                x = self.pool(x)
            x = block(x)
            skips.append(x)
        x = self.decoder[0](torch.cat([self.up[0](x), skips[1]], dim=1))
        x = self.decoder[1](torch.cat([self.up[1](x), skips[0]], dim=1))
        return self.head(x)


def make(seed=0, **settings) -> ToyUNet:
    """A ToyUNet in float64, eval mode, random weights and (for batch norm) random statistics."""
    torch.manual_seed(seed)
    network = ToyUNet(**settings).double()
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
    return network.eval()


def image(dims=3, size=8, channels=1, seed=1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((1, channels, *[size] * dims), dtype=torch.float64, generator=generator)


def mask(dims=3, size=8, seed=2, share=0.3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand([size] * dims, generator=generator) < share).double()


def slow_truth(network_out_of_place, tensor, layer, score):
    """(A, dS/dA) by plain autograd through an out-of-place copy of the network: nothing of ours takes part."""
    kept = {}

    def hook(module, inputs, output):
        output.retain_grad()
        kept["a"] = output

    module = dict(network_out_of_place.named_modules())[layer]
    handle = module.register_forward_hook(hook)
    try:
        score(network_out_of_place(tensor.clone().requires_grad_())).backward()
    finally:
        handle.remove()
    return kept["a"].detach()[0], kept["a"].grad[0]


def even(network):
    """All convolutions with equal weights: then the arithmetic of kernel, stride and padding is all there is."""
    for module in network.modules():
        if hasattr(module, "kernel_size") and hasattr(module, "weight"):
            nn.init.constant_(module.weight, -0.1)
    return network
