"""A network reduced to where its weights look: one channel, positive, linear.

Every convolution becomes one kernel, the sum of the absolute values of its weights over the channels, as a weighted
mean over the taps inside the image; behind a concatenation each branch keeps its own kernel, and so its own weight.
Normalisations and activations become the identity, gates one, max-pooling mean-pooling, differences sums.  All channels
of a tensor are then equal, so one is computed and shown as many.  The interception is on calls of torch functions: no
weight or module is touched.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

IDENTITY = {
    *("batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm", "local_response_norm", "normalize"),
    *("relu", "relu_", "leaky_relu", "leaky_relu_", "elu", "elu_", "celu", "celu_", "selu", "selu_", "rrelu", "rrelu_"),
    *("prelu", "gelu", "silu", "mish", "hardswish", "relu6", "hardtanh", "hardtanh_", "softplus", "threshold"),
    *("threshold_", "dropout", "dropout_", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_dropout"),
    *("clamp", "clamp_", "clamp_min", "clamp_min_", "hardshrink", "softshrink", "softsign"),
}
GATES = {"sigmoid", "sigmoid_", "tanh", "tanh_", "softmax", "hardsigmoid", "log_softmax", "logsigmoid"}
_CONVOLUTIONS = {"conv1d", "conv2d", "conv3d"}
_TRANSPOSED = {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
#: output channels whose weights are summed together
_TOGETHER = 16
PARAMETER_NEUTRAL = {
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


class PositiveMeans(TorchFunctionMode):
    """Replace every operation by its positive linear counterpart; all channels of a tensor are equal."""

    def __init__(self):
        super().__init__()
        self._last_cat = None

    def refuse(self) -> None:
        """Raises what the network may have swallowed: nothing here."""

    def __exit__(self, *error):
        # a forward that was left by a SystemExit or a cancel has not left what its hooks entered: that goes first
        for above in reversed(_get_current_function_mode_stack()):
            if above is self:
                break
            above.end() if hasattr(above, "end") else above.__exit__(*error)
        self._last_cat = None
        return super().__exit__(*error)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "__get__":
            return func(*args, **kwargs)
        if name in _CONVOLUTIONS:
            return self._convolution(func, *args, **kwargs)
        if name in _TRANSPOSED:
            return self._transposed(func, *args, **kwargs)
        if name in IDENTITY:
            return _same(args[0] if args else kwargs["input"], name.endswith("_") or kwargs.get("inplace", False))
        if name in GATES:
            return torch.ones_like(args[0] if args else kwargs["input"])
        if name.lstrip("_").startswith("max_pool"):
            return _mean_pool(*args, **kwargs)
        if name.lstrip("_").startswith("adaptive_max_pool"):
            dims = args[0].ndim - 2
            return getattr(F, f"adaptive_avg_pool{dims}d")(args[0], args[1] if len(args) > 1 else kwargs["output_size"])
        if name in ("cat", "concat", "concatenate"):
            return self._cat(*args, **kwargs)
        if name == "linear":
            weight = args[1] if len(args) > 1 else kwargs["weight"]
            return args[0].mean(dim=-1, keepdim=True).expand(*args[0].shape[:-1], weight.shape[0])
        if name in PARAMETER_NEUTRAL and len(args) == 2:
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

    def _convolution(self, func, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        parts = [input]
        if self._last_cat is not None and self._last_cat[0] is input and groups == 1:
            parts = self._last_cat[1]
        total = inside = 0
        sizes = [part.shape[1] for part in parts] if len(parts) > 1 else weight.shape[1]
        for part, weights in zip(parts, weight.detach().split(sizes, dim=1), strict=True):
            kernel, options = self.kernel(weights, input, (stride, 1), (padding, 0), (dilation, 1))
            total = total + func(one_channel(part), kernel, None, *options, 1)
            # divided by the weight inside the image: a bar one cell across must not weaken its deep branches
            inside = inside + func(torch.ones_like(input[:1, :1]), kernel, None, *options, 1)
        return repeated(total / inside, weight.shape[0])

    def _transposed(self, func, input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
        options = (stride, 1), (padding, 0), (output_padding, 0), (dilation, 1)
        kernel, (stride, padding, output_padding, dilation) = self.kernel(weight.detach(), input, *options)
        options = stride, padding, output_padding, 1, dilation
        inside = func(torch.ones_like(input[:1, :1]), kernel, None, *options)
        return repeated(func(one_channel(input), kernel, None, *options) / inside, weight.shape[1] * groups)

    def kernel(self, weights, like, *options):
        """(``[1, 1, *k]``, the values of the options): a convolution's weights as one kernel.

        options: (value, what changes nothing) of stride, padding, ...; :class:`thin_means.ThinMeans` needs the second.
        """
        return mean_kernel(weights, like), [value for value, _ in options]

    def _cat(self, tensors, dim=0, *, out=None, axis=None):
        dim = axis if axis is not None else dim
        tensors = list(tensors)
        same = {t.shape[:dim] + t.shape[dim + 1 :] for t in tensors}
        if dim not in (1, 1 - tensors[0].ndim) or len(same) != 1:
            return torch.cat(tensors, dim=dim)
        count = sum(t.shape[1] for t in tensors)
        mean = sum(one_channel(t) * (t.shape[1] / count) for t in tensors)
        whole = repeated(mean, count)
        self._last_cat = whole, tensors
        return whole


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


one_channel, repeated = _OneChannel.apply, _Repeat.apply


def _same(tensor, in_place):
    """The tensor itself where the operation works in place, else the same values as another object."""
    if not in_place:
        return tensor.view_as(tensor)
    if not torch.is_grad_enabled():  # the layer list tells a tensor before and after by its version
        torch.autograd.graph.increment_version(tensor)
    return tensor


def mean_kernel(weights, like):
    """``[1, 1, *k]``: where the weights lie, summed over all pairs of channels; even if they are all zero."""
    single = weights.dtype.itemsize < 4
    # some output channels at a time: a copy of all weights would be as large as the layer
    parts = ((part.float() if single else part).abs().sum(dim=0) for part in weights.split(_TOGETHER))
    kernel = sum(part.sum(dim=0, dtype=like.dtype) for part in parts).to(like.device)
    return (kernel if kernel.sum() > 0 else torch.ones_like(kernel))[None, None]


def _mean_pool(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    dims = input.ndim - 2
    if dilation not in (1, (1,) * dims, [1] * dims):
        raise NotImplementedError("a dilated max-pooling has no mean-pooling counterpart here")
    pool = getattr(F, f"avg_pool{dims}d")
    stride = kernel_size if stride is None or stride == [] else stride
    out = pool(one_channel(input), kernel_size, stride, padding, ceil_mode, count_include_pad=False)
    out = repeated(out, input.shape[1])
    return (out, torch.zeros(out.shape, dtype=torch.int64)) if return_indices else out
