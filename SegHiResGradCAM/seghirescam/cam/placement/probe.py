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

import torch

from ..isolation.hooks import CallHooks
from ..isolation.remembered import remembered
from ..isolation.undisturbed import undisturbed
from ..passes.capture import as_logits
from ..passes.positive_means import PositiveMeans, one_channel
from ..passes.thin_means import ThinMeans

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
    size = shape[axis]
    ramp = torch.arange(1, size + 1, dtype=dtype, device=device).view(
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
        seen = one_channel(output)[:, 0]
        tensors = list(recorder.tensors.values())
        # the two images do not mix: the first one's gradients are those of the mass, the second one's of the moment
        gradients = torch.autograd.grad(
            seen[0].sum() + (seen[1] * ramp).sum(), tensors, allow_unused=True, materialize_grads=True
        )
    answer = {}
    for (name, tensor), gradient in zip(recorder.tensors.items(), gradients, strict=True):
        if tensor.ndim != 2 + len(shape):
            continue
        reads = _profile(tensor[1].detach(), axis) / _profile(tensor[0].detach(), axis) - 1
        total = _profile(gradient[0], axis)
        if not (total > 0).all():  # this layer does not reach the output
            continue
        writes = _profile(gradient[1], axis) / total - 1
        fit = _fit(reads, writes, size)
        if fit is not None:
            answer[name] = fit
    return answer


def _profile(tensor, axis):
    """Sum over all other axes (all channels are equal): ``[K, *cells] -> [cells along axis]``."""
    return tensor[0].movedim(axis, 0).flatten(1).sum(dim=1)


def _fit(reads, writes, size):
    n = reads.numel()
    ratio = size / n
    cells = torch.arange(n, dtype=reads.dtype, device=reads.device)
    middle = (cells >= n // 4) & (cells < n - n // 4)
    if not torch.isfinite(reads[middle]).all() or not torch.isfinite(writes[middle]).all():
        return None
    # whole strides, or whole subdivisions for super-resolved layers
    jump = float(round(ratio)) if ratio >= 1 else 1.0 / round(1 / ratio)
    read = (reads - jump * cells)[middle]
    write = (writes - jump * cells)[middle]
    if read.std() > jump / 2 + 0.5:  # it reads the whole image: no place of its own
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
