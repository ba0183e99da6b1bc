"""Ours: the public ``explain``, on the image a user would pass."""

from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain

from agreement import SIGNED
from case import CLASSES
from rows import HIRES

from . import Prepared


def prepare(case, row, layers):
    grid = Grid.from_spacing(tuple(case.mask.shape))
    image = Image(case.image[0].numpy(), grid)
    pixel_set = PixelSet(case.mask.numpy(), grid, "ball")
    model = PlainModel(case.network, classes=CLASSES)
    method = "seg_hires_grad_cam" if row.method == HIRES else "seg_grad_cam"

    def call():
        return explain(
            model,
            image,
            [pixel_set],
            class_index=case.class_index,
            methods=(method,),
            layers=layers,
            score="logit",
            device="cpu",
            precision=row.precision,
        )

    return Prepared(call, lambda found: {name: e.map for name, e in zip(layers, found, strict=True)}, SIGNED)
