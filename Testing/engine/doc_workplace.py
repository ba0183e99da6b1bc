"""What the pages of the documentation take for granted in the folder where their commands are typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from engine.own_network import her_network
from seghirescam import Grid
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import write_volume

#: folders of TotalSegmentator's weights: of total_fast, and the five of total -> two classes each
PARTS = {
    "Dataset297_TotalSegmentator_total_3mm_1559subj": ("spleen", "liver"),
    "Dataset291_TotalSegmentator_part1_organs_1559subj": ("spleen", "liver"),
    "Dataset292_TotalSegmentator_part2_vertebrae_1532subj": ("sacrum", "vertebrae_L5"),
    "Dataset293_TotalSegmentator_part3_cardiac_1559subj": ("heart", "aorta"),
    "Dataset294_TotalSegmentator_part4_muscles_1559subj": ("humerus_left", "spinal_cord"),
    "Dataset295_TotalSegmentator_part5_ribs_1559subj": ("rib_left_1", "sternum"),
}
GRID = Grid((12, 16, 16), np.diag([1.5, 1.5, 3.0, 1.0]))


def own_network(folder: Path) -> None:
    """unet.pth, net.py and slice.png: a small 2D U-Net that draws a third of the picture."""
    network, _ = her_network(folder)
    pixels = np.random.default_rng(2).integers(0, 255, (16, 32), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(folder / "slice.png"))
    with torch.no_grad():
        x = torch.from_numpy(pixels.astype(np.float32))[None, None]
        network.outc.bias -= torch.quantile(network(x), 0.7)
    torch.save(network.state_dict(), folder / "unet.pth")


def volume(folder: Path) -> None:
    """ct.nii.gz, and labels.seg.nrrd with a liver and a tumour."""
    values = np.random.default_rng(3).normal(100, 30, GRID.shape).astype(np.float32)
    write_volume(folder / "ct.nii.gz", values, GRID)
    labels = np.zeros(GRID.shape, np.uint8)
    labels[2:10, 3:13, 3:13], labels[5:8, 6:10, 6:10] = 1, 2
    write_labels(folder / "labels.seg.nrrd", labels, GRID, {1: "liver", 2: "tumour"})


def monai_weights(folder: Path) -> None:
    """liver.pt: weights of a UNet of MONAI."""
    from monai.networks.nets import UNet

    torch.manual_seed(1)
    torch.save(UNet(3, 1, 2, channels=(4, 8, 16), strides=(2, 2)).state_dict(), folder / "liver.pt")


def bundle(folder: Path) -> None:
    """bundle/: of MONAI, read as data."""
    from engine import monai_bundles

    monai_bundles.write_bundle(folder / "bundle", monai_bundles.config(preprocessing=monai_bundles.LOADED))


def nnunet(folder: Path) -> None:
    """Dataset101_Liver/..., its ct.nii.gz and labels.seg.nrrd: a trained-model folder as nnU-Net writes it."""
    from engine import nnunet_maker

    plans, dataset = nnunet_maker.planned(folder / "made")
    model = nnunet_maker.trained(folder / "made", plans, dataset, mirror=(), steps=60)
    place = folder / "Dataset101_Liver" / model.name
    shutil.copytree(model, place)
    labels = {"background": 0, "liver": 1, "tumour": 2}
    (place / "dataset.json").write_text(json.dumps({**dataset, "labels": labels}), encoding="utf-8")
    image, drawn = nnunet_maker.scene(Grid.from_spacing((24, 16, 24), (2.0, 2.6, 2.0)), 5)
    write_volume(folder / "ct.nii.gz", image.array[0], image.grid)
    write_labels(folder / "labels.seg.nrrd", drawn.astype(np.uint8), image.grid, {1: "liver", 2: "tumour"})


def totalsegmentator(folder: Path) -> dict[str, str]:
    """TotalSegmentator's weights folder, emulated; the variables that name it."""
    nnunet(folder)
    (model,) = (folder / "Dataset101_Liver").iterdir()
    home = folder / "weights"
    for name, classes in PARTS.items():
        place = home / name / "nnUNetTrainerNoMirroring__nnUNetPlans__3d_fullres"
        shutil.copytree(model, place)
        about = json.loads((place / "dataset.json").read_text(encoding="utf-8"))
        about["labels"] = {"background": 0, classes[0]: 1, classes[1]: 2}
        (place / "dataset.json").write_text(json.dumps(about), encoding="utf-8")
    return {"TOTALSEG_WEIGHTS_PATH": str(home)}
