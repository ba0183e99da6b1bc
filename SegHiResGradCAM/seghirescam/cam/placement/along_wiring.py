"""Where layers read and write, computed from a network's :class:`wiring.Wiring`: the network is not run again.

The steps are taken on a line of voxels, as :class:`thin_means.ThinMeans` takes a network through them: kernels are
summed over the other axes, and every other axis has one voxel.  On the CPU in double precision, whatever device and
type the network has.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..passes.positive_means import mean_kernel
from ..passes.wiring import Wiring


def line(wiring: Wiring, axis: int, size: int, kernels: dict) -> tuple[list[torch.Tensor], torch.Tensor]:
    """All values of the wiring ``[2, 1, *line]`` for a constant image and a ramp of ``size`` voxels along ``axis``.

    kernels: what was summed so far, by step and part; handed from axis to axis.  Returns them and the ramp.
    """
    dims = wiring.dims
    ramp = torch.arange(1, size + 1, dtype=torch.float64).view([-1 if a == axis else 1 for a in range(dims)])
    values = [torch.stack([torch.ones_like(ramp), ramp])[:, None].requires_grad_()]
    for number, step in enumerate(wiring.steps):
        inputs = [values[place] for place in step.inputs]
        if step.kind in ("convolution", "transposed"):
            ready = []
            for part, weight in enumerate(step.weights):
                if (number, part) not in kernels:
                    kernels[(number, part)] = mean_kernel(weight, values[0])
                across = [2 + a for a in range(dims) if a != axis]
                kernel = kernels[(number, part)]
                ready.append(kernel.sum(dim=across, keepdim=True) if across else kernel)
            values.append(_convolved(step, inputs, ready, axis, dims))
        else:
            values.append(_STEPS[step.kind](step, inputs, axis, dims))
    return values, ramp


def _convolved(step, inputs, kernels, axis, dims):
    """The weighted mean over the taps inside the image."""
    neutral = (1, 0, 0, 1) if step.kind == "transposed" else (1, 0, 1)
    options = [_along(value, axis, none) for value, none in zip(step.options, neutral, strict=True)]
    if step.kind == "transposed":
        stride, padding, output_padding, dilation = options
        options = [stride, padding, output_padding, 1, dilation]
    function = getattr(F, f"conv{'_transpose' if step.kind == 'transposed' else ''}{dims}d")
    ones = torch.ones_like(inputs[0][:1]).detach()
    total = sum(function(part, kernel, None, *options) for part, kernel in zip(inputs, kernels, strict=True))
    return total / sum(function(ones, kernel, None, *options) for kernel in kernels)


def _along(values, axis, neutral):
    return [value if a == axis else neutral for a, value in enumerate(values)]


def _pooled(step, inputs, axis, dims):
    options = [_along(value, axis, neutral) for value, neutral in zip(step.options, (1, 1, 0), strict=True)]
    return getattr(F, f"avg_pool{dims}d")(inputs[0], *options, count_include_pad=False)


def _resized(step, inputs, axis, dims):
    scale, mode, corners = step.options
    scale = tuple(float(v) for v in _along(scale, axis, 1))
    return F.interpolate(inputs[0], scale_factor=scale, mode=mode, align_corners=corners)


_STEPS = {
    "same": lambda step, inputs, axis, dims: inputs[0].view_as(inputs[0]),
    "ones": lambda step, inputs, axis, dims: torch.ones_like(inputs[0]).detach(),
    "sum": lambda step, inputs, axis, dims: inputs[0] + inputs[1],
    "product": lambda step, inputs, axis, dims: inputs[0] * inputs[1],
    "scaled": lambda step, inputs, axis, dims: inputs[0] * step.options[0],
    "joined": lambda step, inputs, axis, dims: sum(t * s for t, s in zip(inputs, step.options, strict=True)),
    "pool": _pooled,
    "resize": _resized,
}
