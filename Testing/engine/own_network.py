"""What a new user has: a small 2D U-Net of her own in a Python file, and a plain file with its weights; and the map of
a network, without any of ours."""

from __future__ import annotations

import os

import torch

#: what a user has: her own network, with whatever else her file does
NET = """
from pathlib import Path
import torch
from torch import nn
Path({canary!r}).write_text("ran")

class Block(nn.Sequential):
    def __init__(self, a, b):
        super().__init__(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.Conv2d(b, b, 3, padding=1), nn.ReLU())

class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, width=4):
        super().__init__()
        self.inc = Block(in_channels, width)
        self.down = Block(width, 2 * width)
        self.up = Block(3 * width, width)
        self.outc = nn.Conv2d(width, out_channels, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        a = self.inc(x)
        b = self.down(self.pool(a))
        b = nn.functional.interpolate(b, scale_factor=2)
        return self.outc(self.up(torch.cat([a, b], 1)))
"""


def her_network(folder):
    """Her net.py and unet.pth; the network itself; the canary that running her file leaves."""
    canary = folder / "canary"
    code = NET.format(canary=str(canary))
    (folder / "net.py").write_text(code, encoding="utf-8")
    space = {}
    exec(code, space)
    canary.unlink()
    torch.manual_seed(0)
    network = space["UNet"](1, 1).eval()
    torch.save(network.state_dict(), folder / "unet.pth")
    return network, canary


class Payload:
    """Unpickled freely, it leaves a canary."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def by_autograd(network, layer, x, weights, channel):
    """The map of the paper, written the slow way: sum over channels of dS/dA * A, S = sum over M of the logit."""
    kept = []
    handle = network.get_submodule(layer).register_forward_hook(lambda m, i, o: kept.append(o))
    logits = network(x)
    handle.remove()
    (gradient,) = torch.autograd.grad((logits[0, channel] * weights).sum(), kept[0])
    return (gradient * kept[0])[0].sum(dim=0).detach().numpy()
