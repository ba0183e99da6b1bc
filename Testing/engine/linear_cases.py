"""Linear networks whose maps are known in closed form, and one explained case of them."""

import numpy as np
import torch
from torch import nn

from seghirescam.evaluation.trust.explained_case import Case
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

GRID = Grid.from_spacing((8, 8, 8), (2.0, 1.0, 1.5))


def picture(seed=0):
    return Image(np.random.default_rng(seed).normal(size=GRID.shape), GRID)


def box():
    mask = np.zeros(GRID.shape)
    mask[2:6, 1:7, 2:7] = 1
    return PixelSet(mask, GRID, "box")


def case_of(model, layer, method="seg_hires_grad_cam", keep=False, **words):
    asked = {"class_index": 1, "methods": [method], "layers": [layer], **words}
    session = open_session(model, picture(), keep=keep)
    (found,) = session.ask(box(), **asked)
    return Case(model, picture(), box(), asked, found.map, found.grid, session if keep else None), session


class Pointwise(nn.Module):
    """y_c = w_c a x without biases: every map on the layer is a multiple of x on M."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Conv3d(1, 1, 1, bias=False), nn.Conv3d(1, 2, 1, bias=False)
        with torch.no_grad():
            self.first.weight[:], self.head.weight[:] = 2.0, torch.tensor([-1.0, 1.0]).reshape(2, 1, 1, 1, 1)

    def forward(self, x):
        return self.head(self.first(x))


def pointwise():
    return PlainModel(Pointwise().double(), ["rest", "object"])


class Stop(Exception):
    pass
