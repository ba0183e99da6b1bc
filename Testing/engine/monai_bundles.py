"""Tiny real MONAI bundles on disk, and what MONAI itself makes of them (the reference the tests compare with)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from engine import grids
from seghirescam import Image

UNET = {
    "_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": "@classes", "channels": [4, 8, 16],
    "strides": [2, 2], "num_res_units": 1, "norm": "batch",
}  # fmt: skip
LOADED = [
    {"_target_": "LoadImaged", "keys": "@image_key"},
    {"_target_": "EnsureChannelFirstd", "keys": "@image_key"},
]
CT = [
    *LOADED,
    {"_target_": "Orientationd", "keys": "@image_key", "axcodes": "RAS"},
    {"_target_": "Spacingd", "keys": "@image_key", "pixdim": [1.5, 1.5, 2.0], "mode": "bilinear"},
    {"_target_": "ScaleIntensityRanged", "keys": "@image_key", "a_min": -57, "a_max": 164, "b_min": 0, "b_max": 1,
     "clip": True},
    {"_target_": "CropForegroundd", "keys": "@image_key", "source_key": "@image_key", "margin": 2},
    {"_target_": "EnsureTyped", "keys": "@image_key", "device": "@device"},
]  # fmt: skip
SOFTMAX = [
    {"_target_": "Activationsd", "keys": "pred", "softmax": True},
    {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "@image_key",
     "nearest_interp": False, "to_tensor": True},
    {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
    {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir"},
]  # fmt: skip
SIGMOID = [
    {"_target_": "Activationsd", "keys": "pred", "sigmoid": True},
    {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.5},
]


def sliding(size=(16, 16, 16), overlap=0.25, mode="constant", **more):
    return {"_target_": "SlidingWindowInferer", "roi_size": list(size), "sw_batch_size": 2, "overlap": overlap,
            "mode": mode, **more}  # fmt: skip


def config(network=UNET, preprocessing=CT, inferer=None, postprocessing=SOFTMAX, classes=3, **more):
    """An inference.json as the model zoo writes them, with the expressions that never run in data-only mode."""
    return {
        "imports": ["$import glob", "$import os"],
        "bundle_root": ".", "image_key": "image", "classes": classes, "output_dir": "$@bundle_root + '/eval'",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "datalist": "$list(sorted(glob.glob('/nowhere/*.nii.gz')))",
        "network_def": network, "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": preprocessing},
        "inferer": sliding() if inferer is None else inferer,
        "postprocessing": {"_target_": "Compose", "transforms": postprocessing},
        "checkpointloader": {"_target_": "CheckpointLoader", "load_path": "$@bundle_root + '/models/model.pt'",
                             "load_dict": {"model": "@network"}},
        "initialize": ["$monai.utils.set_determinism(seed=123)"], "run": ["$@evaluator.run()"],
        **more,
    }  # fmt: skip


def metadata(classes=("background", "liver", "tumour"), channels=("CT",)):
    def part(names):
        return {"num_channels": len(names), "channel_def": {str(i): n for i, n in enumerate(names)}}

    return {
        "name": "tiny", "monai_version": "1.6.1",
        "network_data_format": {"inputs": {"image": part(channels)}, "outputs": {"pred": part(classes)}},
    }  # fmt: skip


def write_bundle(folder, about=None, meta=None, state=None):
    """A bundle's folder; the weights fit the network of the configuration unless given."""
    folder = Path(folder)
    for name in ("configs", "models"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    about = config() if about is None else about
    (folder / "configs" / "inference.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "configs" / "metadata.json").write_text(
        json.dumps(metadata() if meta is None else meta), encoding="utf-8"
    )
    if state is None:
        torch.manual_seed(7)
        state = parsed(folder).get_parsed_content("network_def").state_dict()
    torch.save(state, folder / "models" / "model.pt")
    return folder


def parsed(folder):
    """MONAI's own ConfigParser on this bundle."""
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(str(Path(folder) / "configs" / "inference.json"))
    parser["bundle_root"] = str(folder)
    parser.parse(True)
    return parser


def oblique(shape=(14, 30, 26)):
    """A grid whose slices run down and whose columns run to the left."""
    return grids.oblique(shape, (3.0, 1.2, 0.9), (14.0, 7.0, 3.0), flips=(-1, 1, -1), origin=(-20.0, 35.0, 60.0))


def ct_like(grid, channels=1, seed=0):
    """Noise around soft tissue in a body of air, so that cropping the foreground crops something."""
    random = np.random.default_rng(seed)
    array = np.full((channels, *grid.shape), -1000.0, dtype=np.float32)
    inner = (slice(None), slice(2, -1), slice(4, -3), slice(3, -5))
    array[inner] = random.normal(50, 60, size=array[inner].shape)
    return Image(array, grid)


def write_nifti(path, image):
    """The image as a NIfTI file: (i, j, k) order and the RAS matrix; channels last if there are several."""
    import nibabel

    array = image.array.transpose(3, 2, 1, 0)
    nibabel.save(nibabel.Nifti1Image(array[..., 0] if array.shape[3] == 1 else array, image.grid.ijk_to_ras), path)
    return str(path)


def monai_tensor(folder, path):
    """The bundle's own preprocessing, run by MONAI from the file: MetaTensor [C, x, y, z]."""
    return parsed(folder).get_parsed_content("preprocessing")({"image": path})["image"]


def monai_logits(folder, tensor):
    """The bundle's own network, weights and inferer on [C, x, y, z]: [classes, x, y, z]."""
    parser = parsed(folder)
    network = parser.get_parsed_content("network_def")
    network.load_state_dict(torch.load(Path(folder) / "models" / "model.pt", weights_only=True))
    with torch.no_grad():
        return parser.get_parsed_content("inferer")(tensor[None], network.eval())[0]


def slow_fusion(model, prepared):
    """y = sum_p w_p y_p / W over all windows, one after the other: [classes, *spatial] of the model grid."""
    (network,) = model.networks
    volume, windows = prepared.tensor, model.windows
    with torch.no_grad():
        if windows is None:
            return network(volume)[0].numpy()
        shape = volume.shape[2:]
        rest = [max(0, size - n) for size, n in zip(windows.size, shape, strict=True)]
        pads = [(r // 2, r - r // 2) for r in rest]
        volume = torch.nn.functional.pad(volume, [p for pair in reversed(pads) for p in pair], value=windows.pad_value)
        weight = torch.from_numpy(windows.importance)
        total, sums = torch.zeros(volume.shape[2:]), None
        for start in windows.offsets(tuple(volume.shape[2:])):
            box = tuple(slice(o, o + n) for o, n in zip(start, windows.size, strict=True))
            patch = volume[(slice(None), slice(None), *box)]
            out = network(patch)[0] if model.spatial_dims == 3 else network(patch[:, :, 0])[0][:, None]
            sums = torch.zeros((out.shape[0], *volume.shape[2:])) if sums is None else sums
            sums[(slice(None), *box)] += out * weight
            total[box] += weight
        inner = tuple(slice(before, before + n) for (before, _), n in zip(pads, shape, strict=True))
        return (sums / total)[(slice(None), *inner)].numpy()
