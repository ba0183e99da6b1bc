"""Activations with their channels last are no layers, also where their sizes are those of a grid."""

import torch

from seghirescam.cam.layers.listing import trace


class Block(torch.nn.Module):
    """As ConvNeXt's: sixteen channels on sixteen by sixteen cells, the channels last in between."""

    def __init__(self):
        super().__init__()
        self.depthwise = torch.nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.norm = torch.nn.LayerNorm(16)
        self.wide = torch.nn.Linear(16, 16)
        self.act = torch.nn.GELU()
        self.narrow = torch.nn.Linear(16, 16)

    def forward(self, x):
        y = self.depthwise(x).permute(0, 2, 3, 1)
        y = self.narrow(self.act(self.wide(self.norm(y))))
        return x + y.permute(0, 3, 1, 2)


def test_what_a_block_computes_with_its_channels_last_is_not_listed():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 4, stride=4), Block(), torch.nn.GELU(), torch.nn.ConvTranspose2d(16, 2, 4, stride=4)
    )
    names = [layer.name for layer in trace(network.eval(), (1, 1, 64, 64))]
    assert names[:4] == ["0", "1.depthwise", "1", "2"]
    assert not any(part in name for name in names for part in ("norm", "wide", "act", "narrow"))
