"""The truth the maps are compared with: float64, out-of-place network, plain ``autograd.grad``, nothing clever.

python reference.py CASE OUT: writes ``HiRes/<layer>`` and ``Grad-CAM/<layer>`` for every benchmark layer to OUT (.npz).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

import case as case_file


def reference_maps(case: case_file.Case) -> dict[str, np.ndarray]:
    """sum_k g_k A_k, and sum_k mean(g_k) A_k, at every benchmark layer."""
    layers = (*case_file.ENCODER, case_file.BOTTLENECK, case_file.BEFORE_IN_PLACE, *case_file.DECODER)
    activations = {}
    modules = dict(case.network.named_modules())
    for name in layers:
        modules[name].register_forward_hook(lambda _m, _i, out, name=name: activations.update({name: out}))
    score = case.score(case.network(case.image))
    gradients = torch.autograd.grad(score, [activations[name] for name in layers])
    maps = {}
    for name, gradient in zip(layers, gradients, strict=True):
        activation = activations[name].detach()
        weights = gradient.mean(dim=(2, 3, 4), keepdim=True)
        maps[f"HiRes/{name}"] = (gradient * activation).sum(dim=1)[0].numpy()
        maps[f"Grad-CAM/{name}"] = (weights * activation).sum(dim=1)[0].numpy()
    return maps


if __name__ == "__main__":
    torch.set_num_threads(1)
    loaded = case_file.load(Path(sys.argv[1]), in_place=False, dtype=torch.float64)
    np.savez(sys.argv[2], **reference_maps(loaded))
