"""How far a cell of each layer reads, and how far it acts on the output: the extents of receptive fields.

Where all layers have one resolution (dilated convolutions, no strides) the cells' size tells nothing; the receptive
field does.  Measured on the network's own wiring, one dimension at a time, with the positive linear counterpart of
:mod:`positive_means`: what one cell in the middle reads is where its gradient on the image is not zero, and what acts
on one voxel of the output is where that voxel's gradient on the layer is not zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..isolation.hooks import CallHooks
from ..isolation.undisturbed import undisturbed
from ..passes.capture import as_logits
from ..passes.positive_means import PositiveMeans, one_channel

#: voxels of the bar along the probed axis, made longer until the receptive field ends inside it
_FIRST, _LONGEST = 128, 1024


@dataclass(frozen=True)
class Reach:
    """Per axis, in voxels of the network's input. reads: what one cell sees.  acts: how much of the output it moves."""

    reads: tuple[int, ...]
    acts: tuple[int, ...]


def reaches(network: torch.nn.Module, channels: int, stride: tuple[int, ...], targets) -> dict[str, Reach]:
    """Of the layers in ``targets`` (names with ``#n``), all of this stride; {} where it cannot be measured.

    Layers that read the whole image, or that do not lead to the output, are missing.
    """
    found: dict[str, list] = {name: [] for name in targets}
    try:
        for axis in range(len(stride)):
            for name, pair in _along(network, channels, stride, axis, tuple(targets)).items():
                found[name].append(pair)
    except Exception:  # a forward that refuses the bar may raise anything
        return {}
    whole = {name: pairs for name, pairs in found.items() if len(pairs) == len(stride)}
    return {name: Reach(*map(tuple, zip(*pairs, strict=True))) for name, pairs in whole.items()}


def _along(network, channels, stride, axis, targets):
    """name -> (reads, acts) along one axis"""
    length = _FIRST
    while True:
        shape = [length * s if a == axis else s for a, s in enumerate(stride)]
        found, inside = _measured(network, channels, shape, stride[axis], axis, targets)
        if inside:
            return found
        length *= 2
        if length > _LONGEST:
            return {}


def _measured(network, channels, shape, step, axis, targets):
    """({name: (reads, acts)}, whether everything ended inside the bar)"""
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    dtype = torch.float32 if device.type == "mps" else torch.float64
    kept = {}

    def record(name, call, output):
        if f"{name}#{call}" in targets and isinstance(output, torch.Tensor) and output.requires_grad:
            kept[f"{name}#{call}"] = output

    names = {target.split("#")[0] for target in targets}
    with torch.inference_mode(False), torch.enable_grad(), undisturbed(network):
        image = torch.ones((1, channels, *shape), dtype=dtype, device=device, requires_grad=True)
        with CallHooks(network, names, record), PositiveMeans():
            output = as_logits(network(image))
        middle = [n // 2 for n in output.shape[2:]]
        voxel = one_channel(output)[(0, 0, *middle)]
        tensors = list(kept.values())
        acting = torch.autograd.grad(voxel, tensors, retain_graph=True, allow_unused=True)
        found, inside = {}, True
        for (name, tensor), gradient in zip(kept.items(), acting, strict=True):
            if gradient is None or tensor.ndim != image.ndim:
                continue
            cell = tensor[(0, slice(None), *(n // 2 for n in tensor.shape[2:]))].sum()
            (seen,) = torch.autograd.grad(cell, image, retain_graph=True)
            reads, a = _support(seen, axis)
            acts, b = _support(gradient, axis)
            found[name], inside = (reads, acts * step), inside and a and b
    return found, inside


def _support(gradient, axis):
    """(cells from the first to the last that is not zero, whether both lie inside)"""
    profile = gradient[0].movedim(axis + 1, 0).flatten(1).abs().sum(dim=1)
    there = torch.nonzero(profile > 0).flatten().tolist()
    if not there:
        return 0, True
    return there[-1] - there[0] + 1, there[0] > 0 and there[-1] < profile.numel() - 1
