"""An nnU-Net's sliding windows: our row and nnunetv2-cam's, for windows.py.

A small 3d_fullres folder is planned, trained for some steps and saved by nnU-Net's own classes (patch 64^3); the image
has 128 x 160 x 160 voxels on the model grid, the class is a ball of about 20 voxels' radius, M is what the model
predicts.  Both are given the preprocessed image, so reading and preprocessing count for nobody; neither mirrors.
nnunetv2-cam takes no M: it asks each window about the class predicted there, sums the logits of all classes over it,
scales every window's map to 0..1 and averages.  Its maps are therefore compared by correlation only.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: packages for this row only, in front of those of the running environment, which holds nnU-Net
PEER = ROOT / ".bench" / "nnunetv2-cam"
PACKAGES = ("nnunetv2-cam==0.1.6.1", "grad-cam==1.5.7", "ttach==0.0.3", "opencv-python-headless==5.0.0.93")
WORK = ROOT / ".bench" / "windows-nnunet"
SHAPE, PATCH, CLASS, STEPS = (128, 160, 160), 64, "core", 50


def installed() -> str:
    """The peer's folder, filled once; without their dependencies, which would bring torchvision and another torch."""
    if not (PEER / "nnunetv2_cam").is_dir():
        words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(PEER)]
        subprocess.run([sys.executable, *words, *PACKAGES], check=True)
    return str(PEER)


def made() -> Path:
    """The trained-model folder; made by the first row."""
    from engine import nnunet_maker

    ready = sorted(WORK.glob("results/*/*/fold_0/checkpoint_final.pth"))
    if not ready:
        WORK.mkdir(parents=True, exist_ok=True)
        plans, dataset = nnunet_maker.planned(WORK)
        settings = plans["configurations"]["3d_fullres"]
        settings["patch_size"] = [PATCH] * 3
        words = settings["architecture"]["arch_kwargs"]
        words["features_per_stage"] = [min(128, 8 * 2**n) for n in range(words["n_stages"])]
        grid = grid_of(plans, settings)
        return nnunet_maker.trained(WORK, plans, dataset, mirror=None, steps=STEPS, grid=grid)
    return ready[0].parents[1]


def grid_of(plans, settings):
    """Of an image that has SHAPE voxels on the model grid."""
    from seghirescam import Grid

    axes = plans["transpose_backward"]
    return Grid.from_spacing(tuple(SHAPE[a] for a in axes), tuple(settings["spacing"][a] for a in axes))


def case():
    """(model, image)"""
    import torch
    from engine.nnunet_maker import scene
    from seghirescam import open_model

    torch.set_num_threads(1)
    folder = made()
    plans = json.loads((folder / "plans.json").read_text())
    image, _ = scene(grid_of(plans, plans["configurations"]["3d_fullres"]), margin=(0, 0, 0))
    return open_model(folder), image


def ours() -> dict:
    import numpy as np
    from seghirescam.session.opening import open_session

    from windows import _cpu

    model, image = case()
    session = open_session(model, image, memory_budget_bytes=0)
    layer = next(info.name for info in session.layers() if info.main and info.part == "bottleneck")
    predicting, _ = _cpu(session.logits)
    asking, (found,) = _cpu(lambda: session.ask(class_index=CLASS, layers=[layer]))
    windows = found.provenance["windows"]
    np.save(WORK / "ours.npy", found.resampled_to(model.prepare(image).grid).array)
    facts = {"voxels": found.provenance["pixel_set_voxels"], "layer": layer}
    return {"cpu_s": predicting + asking, "predicting_s": predicting, **windows, **facts}


def nnunetv2_cam(layer: str) -> dict:
    import numpy as np
    import torch

    from peers.pytorch_grad_cam import _stub_torchvision
    from windows import _cpu

    _stub_torchvision()
    from nnunetv2_cam.cam_core import compute_cam_with_sliding_window

    model, image = case()
    data = model.prepare(image).tensor[0]
    (network,) = model.networks

    def call():
        return compute_cam_with_sliding_window(
            network, data, layer, model.class_index(CLASS), "hirescam", torch.device("cpu"), model._configuration,
            model._labels, [network.state_dict()], 0.5, False, None, cam_type="3d",
        )  # fmt: skip

    seconds, found = _cpu(call)
    own = np.maximum(np.load(WORK / "ours.npy"), 0).astype(np.float64).ravel()
    theirs = found[0].float().numpy().astype(np.float64).ravel()
    windows = len(model.windows.offsets(tuple(data.shape[1:])))
    return {"cpu_s": seconds, "run": windows, "of": windows, "correlation": float(np.corrcoef(own, theirs)[0, 1])}
