"""Tier 0: networks whose reason is known because their weights were written by hand; 2D and 3D, no normalisation.

"Segment p because of a cue at p + delta."  The image shows an organ, the cue (the organ's shape, displaced by delta),
and a decoy: a second cue, which makes a second segment elsewhere.  Asked is why the organ was segmented.  The cause K
is the displaced cue alone; the organ's own voxels play no part, although a channel of the layer shows them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from torch import nn

LAYER = "features"
CUE, ORGAN = 3.0, -2.0


@dataclass(frozen=True)
class Setting:
    """offset: delta in voxels (K, J, I); shape, spacing (mm) in the same order; K has one voxel in 2D."""

    name: str
    dims: int
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    offset: tuple[int, int, int]


SETTINGS = (
    Setting("2D", 2, (1, 20, 24), (1.0, 1.0, 1.0), (0, 5, -6)),
    Setting("2D, anisotropic", 2, (1, 20, 24), (1.0, 2.0, 0.7), (0, -6, 5)),
    Setting("3D", 3, (9, 12, 18), (1.0, 1.0, 1.0), (1, -3, 4)),
    Setting("3D, anisotropic", 3, (9, 12, 18), (4.0, 1.2, 0.8), (-2, 3, 4)),
)


class Displaced(nn.Module):
    """``features`` [B, 3, *spatial]: cue, organ, tissue (each a ReLU of the image).  Then a shift, a ReLU, a 1x1 head.

    logit of class 1 at p: cue channel at p + delta, minus 0.5; of class 0: zero.
    """

    def __init__(self, dims: int, offset):
        super().__init__()
        conv = nn.Conv2d if dims == 2 else nn.Conv3d
        offset = tuple(offset)[3 - dims :]
        self.features = nn.Sequential(conv(1, 3, 1), nn.ReLU())
        self.shift = conv(3, 1, tuple(2 * abs(d) + 1 for d in offset), padding=tuple(map(abs, offset)), bias=False)
        self.act, self.head = nn.ReLU(), conv(1, 2, 1)
        with torch.no_grad():
            for module in (self.features[0], self.shift, self.head):
                module.weight.zero_()
            self.features[0].weight.view(3)[:] = torch.tensor([1.0, -1.0, 1.0])
            self.features[0].bias[:] = torch.tensor([-1.0, 0.0, 1.0])
            # a convolution's kernel reads at p + (index - middle)
            self.shift.weight[(0, 0, *(abs(d) + d for d in offset))] = 1.0
            self.head.weight.view(2)[1] = 1.0
            self.head.bias[:] = torch.tensor([0.0, -0.5])
        self.eval()

    def forward(self, x):
        return self.head(self.act(self.shift(self.features(x))))


@dataclass(frozen=True, eq=False)
class Known:
    """organ: M.  cause: K, where the cue for M stands.  decoy: the other cue.  All bool ``[K, J, I]``."""

    model: PlainModel
    image: Image
    pixels: PixelSet
    organ: np.ndarray
    cause: np.ndarray
    decoy: np.ndarray


def known(setting: Setting, seed: int = 0) -> Known:
    """One network and image; float64, values of cue and organ vary from voxel to voxel."""
    rng = np.random.default_rng(seed)
    grid = Grid.from_spacing(setting.shape, setting.spacing)
    # room for what is displaced on either side: the organ towards one end, its cue towards the other
    organ = np.zeros(setting.shape, dtype=bool)
    starts, sizes = [], []
    for n, d in zip(setting.shape, setting.offset, strict=True):
        size = 1 if n == 1 else n // 6
        sizes.append(size)
        starts.append(0 if n == 1 else 1 if d >= 0 else n - 1 - size)
    organ[tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))] = True
    cause = _moved(organ, setting.offset)
    # a third of the image away from the cue, along I, towards the middle
    third, length = setting.shape[2] // 3, setting.shape[2]
    decoy = _moved(cause, (0, 0, third if starts[2] + setting.offset[2] < length // 2 else -third))
    if (organ & (cause | decoy)).any() or (cause & decoy).any():
        raise ValueError("Organ, cue and decoy must lie apart.")
    array = rng.normal(0, 0.05, setting.shape)
    array[organ] = ORGAN * rng.uniform(0.8, 1.2, organ.sum())
    for mask in (cause, decoy):
        array[mask] = CUE * rng.uniform(0.8, 1.2, mask.sum())
    network = Displaced(setting.dims, setting.offset).double()
    model = PlainModel(network, ("background", "organ"), spatial_dims=setting.dims, name=setting.name)
    return Known(model, Image(array, grid), PixelSet(organ, grid, "the organ"), organ, cause, decoy)


def _moved(mask, offset):
    """The mask displaced by whole voxels; ValueError where it would leave the volume."""
    moved = np.zeros_like(mask)
    where = tuple(axis + d for axis, d in zip(np.nonzero(mask), offset, strict=True))
    if any((w < 0).any() or (w >= n).any() for w, n in zip(where, mask.shape, strict=True)):
        raise ValueError("The displaced mask leaves the volume.")
    moved[where] = True
    return moved
