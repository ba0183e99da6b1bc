"""Tiny datasets that can be read, in the layouts they are published in, and networks that torch runs alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from safetensors.torch import save_file

from seghirescam.cohort.layouts import cityscapes, kits23

SHAPE, SPACING = (6, 8, 10), (2.0, 1.5, 1.0)
PICTURE = (12, 16)

_CODE = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv{d}d({inputs}, 4, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose{d}d(4, 6, 2, stride=2)
        self.head = nn.Conv{d}d(6, {outputs}, 1)
    def forward(self, x):
        return self.head(torch.relu(self.up(torch.relu(self.down(x)))))
def build():
    return Net()
"""


@dataclass(frozen=True)
class Net:
    """path: of its description.  module: the same network, without the engine."""

    path: Path
    module: torch.nn.Module
    classes: tuple[str, ...]

    def logits(self, channels: np.ndarray) -> np.ndarray:
        """channels: [C, *spatial] as they lie in the files."""
        with torch.no_grad():
            return self.module(torch.from_numpy(channels)[None])[0].numpy()

    def totals(self, channels: np.ndarray, index: int, mask: np.ndarray) -> dict[tuple[str, str], float]:
        """{(layer, method): sum of the map} by autograd and the papers' formulas."""
        found = {}
        kept: dict[str, torch.Tensor] = {}
        handles = [
            part.register_forward_hook(lambda m, i, o, name=name: kept.__setitem__(name, o) or o.retain_grad())
            for name, part in self.module.named_children()
        ]
        logits = self.module(torch.from_numpy(channels)[None].requires_grad_())
        for handle in handles:
            handle.remove()
        logits[0, index][torch.from_numpy(mask)].sum().backward()
        for name, a in kept.items():
            g, a = a.grad[0].double(), a[0].detach().double()
            weights = g.flatten(1).mean(1).reshape(-1, *[1] * (a.ndim - 1))
            found[name, "seg_hires_grad_cam"] = float((g * a).sum())
            found[name, "seg_grad_cam"] = float((weights * a).sum())
        self.module.zero_grad()
        return found


def net(folder: Path, classes, channels, dims: int) -> Net:
    """A network of random weights in ``folder``."""
    torch.manual_seed(len(classes))
    code = _CODE.format(d=dims, inputs=len(channels), outputs=len(classes))
    space: dict = {}
    exec(code, space)
    module = space["build"]().eval()
    (folder / "net.py").write_text(code, encoding="utf-8")
    save_file(module.state_dict(), folder / "net.safetensors")
    about = {
        "factory": "net.py", "weights": "net.safetensors", "classes": list(classes), "channels": list(channels),
        "spatial_dims": dims, "divisor": 2,
    }  # fmt: skip
    (folder / "net.model.json").write_text(json.dumps(about), encoding="utf-8")
    return Net(folder / "net.model.json", module, tuple(classes))


def volume(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING[::-1])
    sitk.WriteImage(image, str(path))


def picture(path: Path, array: np.ndarray) -> None:
    """array: [rows, columns] or [rows, columns, 3]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=array.ndim == 3), str(path))


def read(path: Path) -> np.ndarray:
    """[C, *spatial] as it lies in the file: of a picture red, green, blue."""
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(np.float32)
    return np.moveaxis(array, -1, 0) if array.ndim == 3 and array.shape[-1] == 3 else array[None]


def boxes(shape, values, seed: int) -> np.ndarray:
    """A label map: random blocks of the values, each with some voxel."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint8)
    labels[..., : shape[-1] - 2] = rng.choice([0, *values], size=(*shape[:-1], shape[-1] - 2))
    labels[..., -1, : len(values)] = values
    return labels


def kits(folder: Path) -> Path:
    """Two cases; the second has no cyst."""
    rng = np.random.default_rng(0)
    for number, values in ((0, (1, 2, 3)), (7, (1, 2))):
        case = folder / "dataset" / f"case_{number:05d}"
        volume(case / kits23.IMAGE, rng.normal(size=SHAPE).astype(np.float32))
        volume(case / kits23.SEGMENTATION, boxes(SHAPE, values, number))
    return folder / "dataset"


def streets(folder: Path) -> Path:
    """Three pictures: two towns of the split val with masks of label ids, one of test without."""
    rng = np.random.default_rng(1)
    for split, city in (("val", "frankfurt"), ("val", "munster"), ("test", "berlin")):
        stem = f"{city}_000000_000019"
        pixels = rng.integers(0, 255, (*PICTURE, 3)).astype(np.uint8)
        picture(folder / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png", pixels)
        if split == "val":
            ids = tuple(cityscapes.IDS.values())[: 19 if city == "munster" else 14]
            mask = boxes(PICTURE, [], 0)
            mask.reshape(-1)[: 4 * len(ids)] = np.repeat(ids, 4)
            picture(folder / "gtFine" / split / city / f"{stem}_gtFine_labelIds.png", mask)
    return folder


def teeth(folder: Path) -> Path:
    """A panoramic picture with grey values 0 to 31: the tooth 32 is not in it."""
    pixels = np.random.default_rng(2).integers(0, 255, (*PICTURE, 3)).astype(np.uint8)
    mask = np.zeros(PICTURE, np.uint8)
    mask.reshape(-1)[: 31 * 5] = np.repeat(np.arange(1, 32), 5)
    picture(folder / "test" / "images" / "image_1.jpg", pixels)
    picture(folder / "test" / "masks" / "mask_1.png", mask)
    return folder


def brains(folder: Path) -> Path:
    """Two subjects with two channels each, and a pipeline's segmentation in the image's own space."""
    rng = np.random.default_rng(3)
    for number, subject in enumerate(("sub-01", "sub-02")):
        for kind in ("T1w", "FLAIR"):
            volume(folder / subject / "anat" / f"{subject}_{kind}.nii.gz", rng.normal(size=SHAPE).astype(np.float32))
        drawn = folder / "derivatives" / "fast" / subject / "anat" / f"{subject}_dseg.nii.gz"
        volume(drawn, boxes(SHAPE, (1, 4), 10 + number))
    (folder / "dataset_description.json").write_text('{"Name": "tiny", "BIDSVersion": "1.9.0"}', encoding="utf-8")
    table = "index\tname\n0\tbackground\n1\tgrey matter\n4\tlesion\n"
    (folder / "derivatives" / "fast" / "dseg.tsv").write_text(table, encoding="utf-8")
    return folder
