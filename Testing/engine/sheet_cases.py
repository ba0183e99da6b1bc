"""A small comparison for contact sheets: a network of two levels on noise, methods at layers about a box."""

from __future__ import annotations

import numpy as np

from engine import toys
from seghirescam.comparison.compare import compare
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet

SHAPE = (8, 12, 16)


def compared(methods, layers):
    """(image, its Comparison)."""
    grid, mask = Grid.from_spacing(SHAPE, (3.0, 1.0, 1.5)), np.zeros(SHAPE)
    mask[2:5, 4:8, 5:11] = 1
    image = Image(np.random.default_rng(3).normal(size=(1, *SHAPE)).astype(np.float32), grid)
    model = PlainModel(toys.make().float(), ("background", "lesion", "other"), divisor=4)
    pixels = PixelSet(mask, grid, "segment 'lesion'")
    return image, compare(model, image, pixels, class_index=1, methods=list(methods), layers=list(layers))
