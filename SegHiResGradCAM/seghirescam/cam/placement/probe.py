"""Where a feature cell sits: the voxel around which it *reads* and the voxel around which it *writes*.

A cell u of a layer with stride s reads around ``reads + s u`` (where a cue must lie to be seen by it) and writes around
``writes + s u`` (where it changes the output).  The two differ by up to s/2: strided 3^3 convolutions read at u s, and
2^3 transposed convolutions write at u s + (s-1)/2.

Both are measured on the network's own wiring, one dimension at a time, through :mod:`positive_means`: what is left of
the network there is linear and positive, so a ramp of coordinates divided by a constant image gives each cell's centre
of reading, and the gradient of the output's first moment divided by that of its sum gives its centre of writing (both
are centres of mass).  Weights are never touched, channels never computed.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
import torch

from ..isolation.hooks import CallHooks
from ..isolation.remembered import remembered
from ..isolation.undisturbed import undisturbed
from ..passes.capture import as_logits
from ..passes.positive_means import PositiveMeans, one_channel
from ..passes.thin_means import ThinMeans
from ..passes.wiring import Wiring
from .along_wiring import line

#: cells of the coarsest layer along the probed axis; the middle half is far from the borders' influence
_CELLS = 16


@dataclass(frozen=True)
class Placement:
    """Per axis, in voxels of the network's input: jump between cells, centre of cell 0 reading and writing."""

    jump: tuple[float, ...]
    reads: tuple[float, ...]
    writes: tuple[float, ...]


def probe(
    network: torch.nn.Module, channels: int, strides: tuple[int, ...], targets: list[str]
) -> dict[str, Placement]:
    """Measure reading and writing centres of the target layers.

    channels: of the input.  strides: the network's largest stride per spatial axis.  targets: layer names as in
    :func:`capture.forward` (always with ``#n``).  Layers whose centre cannot be measured (attention over the whole
    image, a forward with data-dependent shapes) are missing from the answer.  Raises whatever the network's forward
    raises on the probe image.
    """
    dims = len(strides)
    found = {name: ([], [], []) for name in targets}
    for axis in range(dims):
        for name, values in _probe_along(network, channels, strides, axis, targets).items():
            for store, value in zip(found[name], values, strict=True):
                store.append(value)
    complete = {name: lists for name, lists in found.items() if all(len(values) == dims for values in lists)}
    return {name: Placement(*(tuple(values) for values in lists)) for name, lists in complete.items()}


def _probe_along(network, channels, strides, axis, targets):
    """name -> (jump, reads, writes) along one axis: on a line of voxels where that shows it, else on a bar.

    A bar is one cell across, two where the network refuses one.
    """
    line = [_CELLS * s if a == axis else 1 for a, s in enumerate(strides)]
    try:
        found = _measured(network, channels, line, axis, targets, ThinMeans(axis, len(strides)))
    except Exception:  # not understood there, or a forward that refuses the line: that may raise anything
        found = {}
    if len(found) < len(targets):
        found = _on_a_bar(network, channels, strides, axis, targets) | found
    return found


def _on_a_bar(network, channels, strides, axis, targets):
    for across in (1, 2):
        shape = [_CELLS * s if a == axis else across * s for a, s in enumerate(strides)]
        try:
            return _measured(network, channels, shape, axis, targets, PositiveMeans())
        except Exception:
            if across == 2:
                raise


def _measured(network, channels, shape, axis, targets, means):
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    dtype = torch.float32 if device.type == "mps" else torch.float64
    ramp = torch.arange(1, shape[axis] + 1, dtype=dtype, device=device).view(
        [-1 if a == axis else 1 for a in range(len(shape))]
    )
    with torch.inference_mode(False), torch.enable_grad(), undisturbed(network):
        plane = torch.ones(shape, dtype=dtype, device=device)
        image = torch.stack([plane, plane * ramp])[:, None].expand(-1, channels, *shape)
        image = image.clone().requires_grad_()
        recorder = _Probe(targets)
        with recorder.on(network), means:
            output = as_logits(network(image))
        means.refuse()
        if output.shape[2:] != image.shape[2:] or not output.requires_grad:
            return {}
        return _centres(one_channel(output)[:, 0], recorder.tensors, ramp, axis)


def from_wiring(wiring: Wiring | None, strides: tuple[int, ...], places: dict[str, int | None]) -> dict | None:
    """:func:`probe` without running the network: name -> Placement, or None where its wiring does not tell.

    places: of the target layers' values, by name with ``#n``.  What is missing in the answer has no place of its own.
    """
    if wiring is None or wiring.unknown or None in (wiring.output, *places.values()):
        return None
    along, kernels = [], {}
    with torch.inference_mode(False), torch.enable_grad():
        for axis, stride in enumerate(strides):
            values, ramp = line(wiring, axis, _CELLS * stride, kernels)
            seen = values[wiring.output]
            if seen.shape != values[0].shape or not seen.requires_grad:
                return None
            tensors = {name: values[place] for name, place in places.items() if values[place].requires_grad}
            along.append(_centres(seen[:, 0], tensors, ramp, axis))
    whole = [name for name in places if all(name in found for found in along)]
    return {name: Placement(*zip(*(found[name] for found in along), strict=True)) for name in whole}


def _centres(seen, recorded, ramp, axis):
    """name -> (jump, reads, writes) of recorded tensors ``[2, K, *cells]``, from the output ``[2, *spatial]``."""
    if not recorded:
        return {}
    size = ramp.numel()
    # the two images do not mix: the first one's gradients are those of the mass, the second one's of the moment
    gradients = torch.autograd.grad(
        seen[0].sum() + (seen[1] * ramp).sum(), list(recorded.values()), allow_unused=True, materialize_grads=True
    )
    answer = {}
    for (name, tensor), gradient in zip(recorded.items(), gradients, strict=True):
        if tensor.ndim != 1 + seen.ndim:
            continue
        mass, moment = _profiles(tensor.detach(), axis)
        total, first = _profiles(gradient, axis)
        if not (total > 0).all():  # this layer does not reach the output
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            fit = _fit(moment / mass - 1, first / total - 1, size)
        if fit is not None:
            answer[name] = fit
    return answer


def _profiles(tensor, axis):
    """Sums over the channels (all are equal) and all other axes: ``[2, K, *cells] -> [2, cells along axis]``."""
    others = [n for n in range(1, tensor.ndim) if n != 2 + axis]
    return (tensor.flatten(1) if tensor[0].numel() == tensor.shape[2 + axis] else tensor.sum(dim=others)).cpu().numpy()


def _fit(reads, writes, size):
    n = len(reads)
    ratio = size / n
    # whole strides, or whole subdivisions for super-resolved layers
    jump = float(round(ratio)) if ratio >= 1 else 1.0 / round(1 / ratio)
    cells = jump * np.arange(n // 4, n - n // 4, dtype=reads.dtype)
    read, write = reads[n // 4 : n - n // 4] - cells, writes[n // 4 : n - n // 4] - cells
    if not (np.isfinite(read).all() and np.isfinite(write).all()):
        return None
    if len(read) > 1 and read.std(ddof=1) > jump / 2 + 0.5:  # it reads the whole image: no place of its own
        return None
    return jump, round(float(read.mean()), 4), round(float(write.mean()), 4)


class _Probe:
    """Keep the outputs of every call of the target modules."""

    def __init__(self, targets):
        self.targets = set(targets)
        self.names = {target.split("#")[0] for target in targets}
        self.tensors = {}

    def on(self, network):
        return CallHooks(network, self.names, self._record)

    def _record(self, name, call, output):
        key = f"{name}#{call}"
        if key in self.targets and isinstance(output, torch.Tensor) and output.requires_grad:
            self.tensors[key] = output


_CACHE: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def probed(network, channels, strides, targets):
    """:func:`probe`, remembered as long as the network lives unchanged; {} where the probe fails, with the reason."""
    from ..logits.outputs import in_force

    reading = in_force(network)
    key = (channels, tuple(strides), tuple(targets), reading and reading.key)

    def found():
        try:
            return probe(network, channels, strides, targets), ""
        except Exception as error:  # a forward that refuses the probe image may raise anything
            return {}, f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"

    return remembered(_CACHE, network, key, found)
