"""Five networks that others trained, each with one question about a copy of a head.

The four MeshNets (neuroneural/brainchop, MIT) see a block of 64^3 voxels of 1 mm around the place that is asked
about: one pass on 256^3 costs 64 times as much.  deepbet's second network (MIT, from its package) sees what its own
code gives it: the box around the brain at 256^3 voxels.  The numbers of the preprocessing (percentiles, mean) are those
of the image without any planted cause, so that a cause changes the input where it stands and nowhere else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from seghirescam.evaluation.painting.rerun import Rerun
from seghirescam.models.plain import PlainModel
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet

from .deepbet_box import fed, opened
from .heads import Head, copy_of

DEEPBET = "deepbet"
#: percentiles of the whole head that become 0 and 1, by the words of the networks' files
PERCENTILES = {"min-max to 0..1": (0, 100), "5th and 95th percentile to 0..1": (5, 95)}


@dataclass(frozen=True)
class Asked:
    """What one network is asked. class_name: as its file says it.  offset: from the left thalamus, in voxels (x, y, z).
    radius_mm: M is the class within so far of that place.  layers: by the tables' names.  block: voxels a side."""

    class_name: str
    offset: tuple[int, int, int]
    radius_mm: float
    layers: dict[str, str]
    block: int = 64


#: early: the first activation; middle: the last that has read no more than it acts on, the default layer's rule for
#: networks without strides; late: far behind it; last: in front of the head, where a cell acts on itself alone
_LAYERS = {"early": "1", "middle": "7", "late": "13", "last": "17"}
ASKED = {
    "meshnet_gwm": Asked("white matter", (4, -25, 0), 6.0, {"early": "1", "middle": "5", "late": "11", "last": "15"}),
    "meshnet_gwm20": Asked("White Matter", (4, -25, 0), 6.0, _LAYERS),
    "meshnet_18": Asked("Thalamus", (0, 0, 0), 6.0, _LAYERS),
    "meshnet_104": Asked("Left-Thalamus-Proper*", (0, 0, 0), 6.0, _LAYERS | {"middle": "11", "last": "15"}),
    DEEPBET: Asked(
        "brain", (0, 0, 0), 8.0, {"early": "init#1", "middle": "down1#3", "late": "up1#3", "last": "conv"}, 256
    ),
}


@dataclass(frozen=True, eq=False)
class Case:
    """One question. pixels: M, frozen.  zero, one: what the darkest and the brightest value of the head became.
    right: bool ``[K, J, I]``, the right half of the block, 2 mm and more from the midline."""

    network: str
    head: str
    copy: int
    model: object
    image: Image
    pixels: PixelSet
    class_index: int
    right: np.ndarray
    zero: float
    one: float
    layers: dict[str, str]

    def with_image(self, array: np.ndarray) -> Case:
        """The same question of another array ``[K, J, I]``."""
        return replace(self, image=Image(array[None].astype(np.float32), self.image.grid))


def case(network: str, own: Head, number: int, data: Path, folder: Path, block: int | None = None) -> Case:
    """The question of one network about one copy; folder: where deepbet's program may be copied to.

    block: another number of voxels an axis, for the MeshNets."""
    asked = ASKED[network]
    block = block or asked.block
    if network == DEEPBET:
        import nibabel

        bet, model = opened(folder)
        image, _ = fed(bet, nibabel.Nifti1Image(copy_of(own, number), own.affine))
        centre = (own.affine @ [*own.thalamus, 1])[:3]
    else:
        model, percentiles = meshnet(network, data)
        centre = np.add(own.thalamus, asked.offset)
        start = centre - block // 2
        values = copy_of(own, number, start, (block,) * 3)
        low, high = np.percentile(own.array, percentiles)
        scaled = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
        move = np.eye(4)
        move[:3, 3] = start
        grid = Grid(scaled.T.shape, own.affine @ move)
        image, centre = Image(np.ascontiguousarray(scaled.T)[None], grid), (own.affine @ [*centre, 1])[:3]
    index = model.class_index(asked.class_name)
    right_mm = image.grid.ras(np.argwhere(np.ones(image.grid.shape, dtype=bool)))[:, 0].reshape(image.grid.shape)
    right_mm = right_mm - (own.affine @ [own.midline, 0, 0, 1])[0]
    drawn = Rerun(model).see(image).predicted(index)
    if network == DEEPBET:
        centre = _leftmost(drawn, image.grid, centre)
    chosen = drawn & (right_mm < 0) & ball(image.grid, centre, asked.radius_mm)
    pixels = PixelSet(chosen, image.grid, asked.class_name)
    low, high = (float(image.array.min()), float(image.array.max())) if network == DEEPBET else (0.0, 1.0)
    return Case(network, own.name, number, model, image, pixels, index, right_mm > 2, low, high, asked.layers)


def ball(grid: Grid, centre_ras, radius_mm: float) -> np.ndarray:
    """Bool ``[K, J, I]``: voxel centres within the radius (mm)."""
    lines = [np.arange(n, dtype=float) for n in grid.shape]
    square = np.zeros(grid.shape)
    for axis in range(3):
        # R, A or S of every voxel as a sum of three lines: the matrix is applied without one point array of the volume
        parts = [lines[a] * grid.kji_to_ras[axis, a] for a in range(3)]
        square += (np.add.outer(np.add.outer(*parts[:2]), parts[2]) + grid.kji_to_ras[axis, 3] - centre_ras[axis]) ** 2
    return square <= radius_mm**2


@cache
def meshnet(name: str, data: Path) -> tuple[PlainModel, tuple[int, int]]:
    """(model fed x, y, z; percentiles of its preprocessing) from the file's list of layers."""
    from safetensors.torch import load_file
    from torch import nn

    about = json.loads((data / "networks" / f"{name}.json").read_text(encoding="utf-8"))
    words = {"in": "in_channels", "out": "out_channels", "kernel": "kernel_size"}
    network = nn.Sequential()
    for layer in about["layers"]:
        kind = layer["kind"]
        facts = {words.get(k, k): v for k, v in layer.items() if k != "kind"}
        network.append(nn.Conv3d(**facts) if kind == "conv3d" else {"relu": nn.ReLU, "elu": nn.ELU}[kind]())
    network.load_state_dict(load_file(data / "networks" / f"{name}.safetensors"))
    model = PlainModel(network.eval(), about["classes"], axes="xyz", name=name)
    return model, PERCENTILES[about["input"]["intensity"]]


def _leftmost(drawn: np.ndarray, grid: Grid, start_ras) -> np.ndarray:
    """The brain's surface (RAS mm) straight to the left of a place in it."""
    k, j, _ = np.round(grid.kji(start_ras)).astype(int)
    (line,) = np.nonzero(drawn[k, j])
    ras = grid.ras(np.stack([np.full(len(line), k), np.full(len(line), j), line], axis=1))
    return ras[ras[:, 0].argmin()]
