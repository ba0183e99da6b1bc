"""A toy network, an image on an oblique grid and a pixel set."""

import numpy as np

from engine import toys
from engine.grids import oblique
from seghirescam import Image, PixelSet, PlainModel

CLASSES = ["background", "lesion", "look-alike"]


def case(shape=(8, 12, 16), dims=3, **settings):
    settings.setdefault("spatial_dims", dims)
    network = toys.make(dims=dims)
    grid = oblique(shape, (3.0, 0.8, 1.1))
    rng = np.random.default_rng(0)
    image = Image(rng.normal(size=shape), grid)
    pixels = PixelSet(rng.random(shape) < 0.3, grid, "segment 'tumour'")
    return PlainModel(network, CLASSES, **settings), image, pixels
