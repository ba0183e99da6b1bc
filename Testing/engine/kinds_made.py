"""A tiny real model of every kind, as its own library or author writes it: what the table of kinds is tested with.

A new kind is a function here, named after it; ``test_every_kind`` fails for a kind that has none.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from engine import auto3dseg, cli_cases, hugging_faces, monai_bundles, nnunet_maker, programs
from seghirescam import Grid, Image
from seghirescam.demo.case import load_case

#: libraries without which a kind cannot be opened
NNUNET, MONAI, FACES, SAFETENSORS = "nnunetv2", "monai", "transformers", "safetensors"


@dataclass(frozen=True)
class Made:
    """source: what a user points at.  image: one that goes in as one window.  weights: the file that is cut.
    network: of the author, where it is known; else the one that was opened.  needs: a library, "" for none beside
    torch.  environment: variables of the process.  layer: of the network, "" for the deepest."""

    source: str
    image: Image
    weights: Path
    network: nn.Module | None = None
    needs: str = ""
    environment: dict = field(default_factory=dict)
    layer: str = ""


def noise(shape, spacing=(1.0, 1.0, 1.0), seed=0) -> Image:
    """Nowhere zero, so that nothing is cropped."""
    values = np.random.default_rng(seed).gamma(3, 30, (1, *shape)).astype(np.float32) + 1
    return Image(values, Grid.from_spacing(shape, spacing))


def demo(folder: Path) -> Made:
    from seghirescam.models.demo_networks.demo_model import FOLDER

    weights = folder / "mine.safetensors"
    shutil.copy(FOLDER / "honest.safetensors", weights)
    return Made(str(weights), load_case()[0], weights, needs=SAFETENSORS)


def _nnunet_folder(folder: Path) -> tuple[Path, Image]:
    plans, dataset = nnunet_maker.planned(folder / "made")
    settings = plans["configurations"]["3d_fullres"]
    plans.update(transpose_forward=[0, 1, 2], transpose_backward=[0, 1, 2])
    settings["spacing"] = [2.0] * 3
    model = nnunet_maker.trained(folder / "made", plans, dataset, mirror=(), steps=3)
    return model, noise(settings["patch_size"], (2.0, 2.0, 2.0))


def nnunet(folder: Path) -> Made:
    model, image = _nnunet_folder(folder)
    return Made(str(model), image, model / "fold_0" / "checkpoint_final.pth", needs=NNUNET)


def nnunet_zip(folder: Path) -> Made:
    model, image = _nnunet_folder(folder)
    with zipfile.ZipFile(folder / "release.zip", "w") as archive:
        for name in ("plans.json", "dataset.json", "fold_0/checkpoint_final.pth"):
            archive.write(model / name, f"Dataset777_Toy/{model.name}/{name}")
    cache = {"SEGHIRESCAM_CACHE": str(folder / "cache")}
    return Made(str(folder / "release.zip"), image, folder / "release.zip", needs=NNUNET, environment=cache)


def totalsegmentator(folder: Path) -> Made:
    model, image = _nnunet_folder(folder)
    home = folder / "weights"
    place = (
        home / "Dataset297_TotalSegmentator_total_3mm_1559subj" / "nnUNetTrainerNoMirroring__nnUNetPlans__3d_fullres"
    )
    shutil.copytree(model, place)
    weights = place / "fold_0" / "checkpoint_final.pth"
    where = {"TOTALSEG_WEIGHTS_PATH": str(home)}
    return Made("totalsegmentator:total_fast", image, weights, needs=NNUNET, environment=where)


def hugging_face(folder: Path) -> Made:
    hugging_faces.folder("segformer", folder / "faces", 64)
    image = hugging_faces.photo((64, 64))
    layer = "model.segformer.stages.1.blocks.0.mlp.dwconv.dwconv"
    return Made(str(folder / "faces"), image, folder / "faces" / "model.safetensors", needs=FACES, layer=layer)


def monai_bundle(folder: Path) -> Made:
    plain = monai_bundles.config(preprocessing=monai_bundles.LOADED)
    path = monai_bundles.write_bundle(folder / "bundle", plain)
    return Made(str(path), noise((16, 16, 16)), path / "models" / "model.pt", needs=MONAI)


def monai_network(folder: Path) -> Made:
    import json

    from monai.networks.nets import UNet

    words = {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4, 8, 16], "strides": [2, 2]}
    torch.manual_seed(3)
    network = UNet(**words).eval()
    torch.save(network.state_dict(), folder / "w.pt")
    about = {"monai": "UNet", "arguments": words, "weights": "w.pt", "classes": ["air", "liver", "bone"]}
    (folder / "unet.model.json").write_text(json.dumps(about), encoding="utf-8")
    return Made(str(folder / "unet.model.json"), noise((8, 12, 16)), folder / "w.pt", network, MONAI)


def auto3dseg_file(folder: Path) -> Made:
    path = auto3dseg.write(folder / "model.pt")
    # x, y, z of the roi are 16, 24, 16, and the training's voxels 1.5 x 1.5 x 2 mm
    return Made(str(path), noise((16, 24, 16), (2.0, 1.5, 1.5)), path, auto3dseg.network_of(auto3dseg.CONFIG), MONAI)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv3d(1, 6, 3, stride=2, padding=1)
        self.middle = nn.Conv3d(6, 6, 3, padding=1)
        self.up = nn.ConvTranspose3d(6, 3, 2, stride=2)

    def forward(self, x):
        return self.up(torch.relu(self.middle(torch.relu(self.down(x)))))


def _program(folder: Path, save: Callable, name: str) -> Made:
    torch.manual_seed(4)
    network, image = Net().eval(), noise((8, 12, 16))
    path = save(folder / name, network, torch.zeros(1, 1, 8, 12, 16))
    programs.describe(path, classes=["air", "liver", "bone"], channels=["CT"], axes="zyx")
    return Made(str(path), image, path, network, layer="middle")


def exported(folder: Path) -> Made:
    return _program(folder, programs.save_exported, "net.pt2")


def torchscript(folder: Path) -> Made:
    return _program(folder, lambda path, network, tensor: programs.save_script(path, network), "net.ts")


def factory(folder: Path) -> Made:
    path = cli_cases.factory(folder / "m")
    return Made(str(path), noise((8, 12, 16)), path.parent / "weights.safetensors", needs=SAFETENSORS, layer="down")


#: the table: the kind's own name -> what makes one
MADE: dict[str, Callable[[Path], Made]] = {
    "demo": demo, "totalsegmentator": totalsegmentator, "nnunet_zip": nnunet_zip, "nnunet": nnunet,
    "hugging_face": hugging_face, "monai_bundle": monai_bundle, "monai_network": monai_network,
    "auto3dseg": auto3dseg_file, "exported": exported, "torchscript": torchscript, "factory": factory,
}  # fmt: skip
