"""Record less for the backward pass: only what the gradient of *activations* needs, never that of weights.

autograd.grad(S, A) computes no weight gradient, yet torch's convolution keeps its input for one.  Inside
:class:`LeanTail` convolutions keep only their weights, evaluation-mode batch norms only their scales, and in
``conv(cat(up, skip))`` the half that needs no gradient (the skip, when it was computed before the target layer) is not
differentiated.  Instance norms return a tensor that is no view, so that the in-place activation behind them costs no
copies.  The forward computes the same numbers bit for bit; what is not recognised runs as it is.  On a MONAI DynUNet at
96^3 this saves about a third of the extra memory and a tenth of the time (Testing/benchmarks).

The mode works on calls of torch functions: no module, weight or flag of the network is touched.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

_CONVOLUTIONS = {
    torch.conv1d: (1, False),
    torch.conv2d: (2, False),
    torch.conv3d: (3, False),
    torch.conv_transpose1d: (1, True),
    torch.conv_transpose2d: (2, True),
    torch.conv_transpose3d: (3, True),
}


class LeanTail(TorchFunctionMode):
    """Use as ``with LeanTail(): network(x)``; acts only while autograd records."""

    def __init__(self):
        super().__init__()
        self._last_cat = None

    def __exit__(self, *error):
        self._last_cat = None
        return super().__exit__(*error)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        lean = None
        if _someone_saves_tensors_their_way():
            pass
        elif func is F.instance_norm:
            # also before the first target layer: its view must not be changed in place once autograd is on
            lean = _instance_norm(*args, **kwargs)
        elif torch.is_grad_enabled():
            if func in _CONVOLUTIONS:
                lean = self._convolution(*_CONVOLUTIONS[func], *args, **kwargs)
            elif func is torch.cat:
                lean = self._cat(*args, **kwargs)
            elif func is F.batch_norm:
                lean = _batch_norm(*args, **kwargs)
        if lean is not None:
            return lean
        return func(*args, **kwargs)

    def _cat(self, tensors, dim=0, *, axis=None, out=None):
        """Remember a concatenation of which exactly one part needs a gradient."""
        if out is not None:
            return None
        dim = dim if axis is None else axis
        whole = torch.cat(tensors, dim)
        live = [i for i, part in enumerate(tensors) if part.requires_grad]
        if dim in (1, 1 - whole.ndim) and len(tensors) > 1 and len(live) == 1:
            part = tensors[live[0]]
            first = sum(t.shape[1] for t in tensors[: live[0]])
            self._last_cat = whole, whole._version, part, part._version, first
        return whole

    def _convolution(self, dims, transposed, input, weight, bias=None, stride=1, padding=0, *rest, **named):
        if not input.requires_grad or isinstance(padding, str) or not _are_parameters(weight, bias):
            return None
        if input.ndim != dims + 2:  # an image without its batch axis
            return None
        order = ("output_padding", "groups", "dilation") if transposed else ("dilation", "groups")
        options = {"output_padding": 0, "groups": 1, "dilation": 1} | dict(zip(order, rest, strict=False)) | named
        live, first = input, 0
        if self._last_cat is not None and self._last_cat[0] is input and options["groups"] == 1 and not transposed:
            _, version, part, part_version, part_first = self._last_cat
            if version == input._version and part_version == part._version:
                live, first = part, part_first
            self._last_cat = None
        weight, bias = weight.detach(), None if bias is None else bias.detach()
        if torch.is_autocast_enabled(input.device.type):
            dtype = torch.get_autocast_dtype(input.device.type)
            same = live is input
            input, weight = input.to(dtype), weight.to(dtype)
            live = input if same else live.to(dtype)
            bias = None if bias is None else bias.to(dtype)
        sizes = [
            [value] * dims if isinstance(value, int) else list(value)
            for value in (stride, padding, options["dilation"], options["output_padding"])
        ]
        return _LeanConvolution.apply(live, input, weight, bias, *sizes, transposed, options["groups"], first)


def _are_parameters(*tensors):
    """True unless a weight was itself computed: then its gradient leads on to activations and must not be cut."""
    return all(t is None or t.grad_fn is None for t in tensors)


def _someone_saves_tensors_their_way():
    """True inside checkpointing and the like, which compare what is saved with a second run outside this mode."""
    return torch._C._autograd._top_saved_tensors_default_hooks(True) is not None


class _LeanConvolution(torch.autograd.Function):
    """Convolution that keeps its weight only; ``live`` is the input, or its channels from ``first`` on."""

    @staticmethod
    def forward(ctx, live, input, weight, bias, stride, padding, dilation, output_padding, transposed, groups, first):
        ctx.options = stride, padding, dilation, transposed, output_padding, groups
        ctx.live_shape = live.shape
        if live.shape[1] != input.shape[1]:
            weight_kept = weight[:, first : first + live.shape[1]]
        else:
            weight_kept = weight
        ctx.save_for_backward(weight_kept)
        return torch.convolution(
            input.detach(), weight, bias, stride, padding, dilation, transposed, output_padding, groups
        )

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (weight,) = ctx.saved_tensors
        if _is_pointwise(weight, *ctx.options):
            # a matrix product: 2.5 times as fast as torch's convolution backward for a segmentation head on the CPU
            found = weight.flatten(1).T @ gradient.flatten(2)
            return found.reshape(ctx.live_shape), *[None] * 10
        # the input's values are needed for the weight gradient only: any tensor of its shape will do
        shape_only = gradient.new_empty(1).expand(ctx.live_shape)
        wanted = [True, False, False]
        (found, _, _) = torch.ops.aten.convolution_backward(gradient, shape_only, weight, None, *ctx.options, wanted)
        return found, *[None] * 10


def _is_pointwise(weight, stride, padding, dilation, transposed, output_padding, groups):
    one = all(size == 1 for size in weight.shape[2:])
    return one and groups == 1 and not transposed and set(stride) == {1} and set(padding) == {0}


def _instance_norm(
    input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5
):
    plain = use_input_stats and running_mean is None and not torch.is_autocast_enabled(input.device.type)
    if not (plain and _are_parameters(weight, bias)):
        return None
    weight, bias = (None if t is None else t.detach() for t in (weight, bias))
    return _LeanInstanceNorm.apply(input, weight, bias, eps)


class _LeanInstanceNorm(torch.autograd.Function):
    """Instance norm as torch computes it (a batch norm over B x C channels), without returning a view."""

    @staticmethod
    def forward(ctx, input, weight, bias, eps):
        batch, channels, *cells = input.shape
        flat = input.detach().contiguous().reshape(1, batch * channels, *cells)
        weight, bias = (None if t is None else t.repeat(batch) for t in (weight, bias))
        out, mean, inverse = torch.native_batch_norm(flat, weight, bias, None, None, True, 0.0, eps)
        ctx.save_for_backward(flat, weight, mean, inverse)
        ctx.eps = eps
        return torch.ops.aten._unsafe_view(out, input.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        flat, weight, mean, inverse = ctx.saved_tensors
        flat_gradient = gradient.contiguous().reshape(flat.shape)
        found, _, _ = torch.ops.aten.native_batch_norm_backward(
            flat_gradient, flat, weight, None, None, mean, inverse, True, ctx.eps, [True, False, False]
        )
        return found.reshape(gradient.shape), None, None, None


def _batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    computed = not _are_parameters(weight, bias, running_mean, running_var)
    if training or computed or not input.requires_grad or torch.is_autocast_enabled(input.device.type):
        return None
    return _LeanBatchNorm.apply(input, running_mean, running_var, weight, bias, momentum, eps)


class _LeanBatchNorm(torch.autograd.Function):
    """Evaluation-mode batch norm: one scale a channel is all the backward pass needs."""

    @staticmethod
    def forward(ctx, input, running_mean, running_var, weight, bias, momentum, eps):
        scale = torch.rsqrt(running_var.detach() + eps)
        ctx.save_for_backward(scale if weight is None else scale * weight.detach())
        arguments = (None if t is None else t.detach() for t in (running_mean, running_var, weight, bias))
        return F.batch_norm(input.detach(), *arguments, False, momentum, eps)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (scale,) = ctx.saved_tensors
        return gradient * scale.view(1, -1, *[1] * (gradient.ndim - 2)), *[None] * 6
