"""Where a feature cell sits: the voxel around which it *reads* and the voxel around which it *writes*.

A cell u of a layer with stride s reads around ``reads + s u`` (where a cue must lie to be seen by it) and writes around
``writes + s u`` (where it changes the output).  The two differ by up to s/2: strided 3^3 convolutions read at u s, and
2^3 transposed convolutions write at u s + (s-1)/2.

Both are measured on the network's own wiring, one dimension at a time: every convolution is replaced by the plain
mean over its kernel, normalisations and activations by the identity, gates by one, max-pooling by mean-pooling.  What is
left is linear and positive, so a ramp of coordinates divided by a constant image gives each cell's centre of reading,
and the gradient of the output's first moment divided by that of its sum gives its centre of writing (both are centres
of mass).  Concatenations average their branches by channel count, as a convolution with equal weights would.  The
interception happens at the level of torch functions: weights are never touched, channels never computed.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from .capture import as_logits
from .undisturbed import undisturbed

#: cells of the coarsest layer along the probed axis; the middle half is far from the borders' influence
_CELLS = 16

_IDENTITY = {
    *("batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm", "local_response_norm", "normalize"),
    *("relu", "relu_", "leaky_relu", "leaky_relu_", "elu", "elu_", "celu", "celu_", "selu", "selu_", "rrelu", "rrelu_"),
    *("prelu", "gelu", "silu", "mish", "hardswish", "relu6", "hardtanh", "hardtanh_", "softplus", "threshold"),
    *("threshold_", "dropout", "dropout_", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_dropout"),
    *("clamp", "clamp_", "clamp_min", "clamp_min_", "hardshrink", "softshrink", "softsign"),
}
_ONES = {"sigmoid", "sigmoid_", "tanh", "tanh_", "softmax", "hardsigmoid", "log_softmax", "logsigmoid"}
_CONVOLUTIONS = {"conv1d", "conv2d", "conv3d"}
_TRANSPOSED = {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
_PARAMETER_NEUTRAL = {
    "mul",
    "mul_",
    "add",
    "add_",
    "__mul__",
    "__rmul__",
    "__add__",
    "__radd__",
    "__imul__",
    "__iadd__",
}


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
        for name, values in _probe_long(network, channels, strides, axis, targets).items():
            for store, value in zip(found[name], values, strict=True):
                store.append(value)
    complete = {name: lists for name, lists in found.items() if all(len(values) == dims for values in lists)}
    return {name: Placement(*(tuple(values) for values in lists)) for name, lists in complete.items()}


def _probe_long(network, channels, strides, axis, targets):
    """A bar: long along the axis, one cell (two where the network refuses one) across."""
    for across in (1, 2):
        shape = [_CELLS * s if a == axis else across * s for a, s in enumerate(strides)]
        try:
            return _probe_axis(network, channels, shape, axis, targets)
        except Exception:
            if across == 2:
                raise


def _probe_axis(network, channels, shape, axis, targets):
    """name -> (jump, reads, writes) along one axis."""
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    dtype = torch.float32 if device.type == "mps" else torch.float64
    size = shape[axis]
    ramp = torch.arange(size, dtype=dtype, device=device).view([-1 if a == axis else 1 for a in range(len(shape))])
    with torch.inference_mode(False), torch.enable_grad(), undisturbed(network):
        plane = torch.ones(shape, dtype=dtype, device=device)
        image = torch.stack([plane, plane * (ramp + 1)])[:, None].expand(-1, channels, *shape)
        image = image.clone().requires_grad_()
        recorder = _Probe(targets)
        with recorder.on(network), _PositiveMeans():
            output = as_logits(network(image))
        if output.shape[2:] != image.shape[2:] or not output.requires_grad:
            return {}
        means = _one_channel(output)[0, 0]
        moments = means.sum(), (means * (ramp + 1)).sum()
        tensors = list(recorder.tensors.values())
        mass, moment = (
            torch.autograd.grad(m, tensors, retain_graph=True, allow_unused=True, materialize_grads=True)
            for m in moments
        )
    answer = {}
    for (name, tensor), g0, g1 in zip(recorder.tensors.items(), mass, moment, strict=True):
        if tensor.ndim != 2 + len(shape):
            continue
        reads = _profile(tensor[1].detach(), axis) / _profile(tensor[0].detach(), axis) - 1
        total = _profile(g0[0], axis)
        if not (total > 0).all():  # this layer does not reach the output
            continue
        writes = _profile(g1[0], axis) / total - 1
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
        return _Hooks(network, self.names, self._record)

    def _record(self, name, call, output):
        key = f"{name}#{call}"
        if key in self.targets and isinstance(output, torch.Tensor):
            self.tensors[key] = output


class _Hooks:
    """Forward hooks that number the calls of each module; ``record(name, call, output)``."""

    def __init__(self, network, names, record):
        self.network, self.names, self.record = network, names, record
        self.handles, self.calls = [], {}

    def __enter__(self):
        for name, module in self.network.named_modules():
            if self.names is None or name in self.names:
                self.handles.append(module.register_forward_hook(self._hook(name)))
        return self

    def _hook(self, name):
        def hook(module, inputs, output):
            self.calls[name] = self.calls.get(name, 0) + 1
            self.record(name, self.calls[name], output)

        return hook

    def __exit__(self, *error):
        for handle in self.handles:
            handle.remove()


class _PositiveMeans(TorchFunctionMode):
    """Replace every operation by its positive linear counterpart; all channels of a tensor are equal."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _CONVOLUTIONS:
            return _mean_convolution(func, *args, **kwargs)
        if name in _TRANSPOSED:
            return _mean_transposed(func, *args, **kwargs)
        if name in _IDENTITY:
            return args[0] if args else kwargs["input"]
        if name in _ONES:
            return torch.ones_like(args[0] if args else kwargs["input"])
        if name.lstrip("_").startswith("max_pool"):
            return _mean_pool(*args, **kwargs)
        if name.lstrip("_").startswith("adaptive_max_pool"):
            dims = args[0].ndim - 2
            return getattr(F, f"adaptive_avg_pool{dims}d")(args[0], args[1] if len(args) > 1 else kwargs["output_size"])
        if name in ("cat", "concat", "concatenate"):
            return _mean_cat(*args, **kwargs)
        if name == "linear":
            weight = args[1] if len(args) > 1 else kwargs["weight"]
            return args[0].mean(dim=-1, keepdim=True).expand(*args[0].shape[:-1], weight.shape[0])
        if name in _PARAMETER_NEUTRAL and len(args) == 2:
            if isinstance(args[1], torch.nn.Parameter):
                return args[0]
            if isinstance(args[0], torch.nn.Parameter):
                return args[1]
            if name in ("add_", "__iadd__"):
                return args[0] + args[1]
            if name in ("mul_", "__imul__"):
                return args[0] * args[1]
        if name in ("neg", "neg_", "__neg__"):
            return args[0]
        if name in ("sub", "sub_", "__sub__", "__isub__") and isinstance(args[1], torch.Tensor):
            return args[0] + args[1]
        return func(*args, **kwargs)


class _OneChannel(torch.autograd.Function):
    """The mean over channels that are known to be equal, without reading them all."""

    @staticmethod
    def forward(ctx, tensor):
        ctx.shape = tensor.shape
        return tensor[:, :1].clone()

    @staticmethod
    def backward(ctx, gradient):
        return (gradient / ctx.shape[1]).expand(ctx.shape)


class _Repeat(torch.autograd.Function):
    """One channel shown as many, without storing them."""

    @staticmethod
    def forward(ctx, tensor, channels):
        return tensor.expand(-1, channels, *tensor.shape[2:])

    @staticmethod
    def backward(ctx, gradient):
        if gradient.stride(1) == 0:
            return gradient[:, :1] * gradient.shape[1], None
        return gradient.sum(dim=1, keepdim=True), None


_one_channel, _repeat = _OneChannel.apply, _Repeat.apply


def _mean_convolution(func, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    # divided by the number of taps inside the image: a bar one cell across must not weaken its deep branches
    ones = torch.ones((1, 1, *weight.shape[2:]), dtype=input.dtype, device=input.device)
    inside = func(torch.ones_like(input[:1, :1]), ones, None, stride, padding, dilation, 1)
    out = func(_one_channel(input), ones, None, stride, padding, dilation, 1) / inside
    return _repeat(out, weight.shape[0])


def _mean_transposed(func, input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    kernel = weight.shape[2:]
    ones = torch.ones((1, 1, *kernel), dtype=input.dtype, device=input.device)
    out = func(_one_channel(input), ones, None, stride, padding, output_padding, 1, dilation)
    return _repeat(out, weight.shape[1] * groups)


def _mean_pool(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    dims = input.ndim - 2
    if dilation not in (1, (1,) * dims, [1] * dims):
        raise NotImplementedError("a dilated max-pooling has no mean-pooling counterpart here")
    pool = getattr(F, f"avg_pool{dims}d")
    stride = kernel_size if stride is None or stride == [] else stride
    out = pool(_one_channel(input), kernel_size, stride, padding, ceil_mode, count_include_pad=False)
    out = _repeat(out, input.shape[1])
    return (out, torch.zeros(out.shape, dtype=torch.int64)) if return_indices else out


def _mean_cat(tensors, dim=0, *, out=None, axis=None):
    dim = axis if axis is not None else dim
    same = {t.shape[:dim] + t.shape[dim + 1 :] for t in tensors}
    if dim not in (1, 1 - tensors[0].ndim) or len(same) != 1:
        return torch.cat(list(tensors), dim=dim)
    total = sum(t.shape[1] for t in tensors)
    mean = sum(_one_channel(t) * (t.shape[1] / total) for t in tensors)
    return _repeat(mean, total)


_CACHE: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def probed(network, channels, strides, targets):
    """:func:`probe`, remembered as long as the network lives; {} where the probe fails, with the reason."""
    key = (channels, tuple(strides), tuple(targets))
    kept = _CACHE.setdefault(network, {})
    if key not in kept:
        try:
            kept[key] = probe(network, channels, strides, targets), ""
        except Exception as error:  # a forward that refuses the probe image may raise anything
            kept[key] = {}, f"{type(error).__name__}: {error}"
    return kept[key]
