"""The wiring of a network, walked with tensors that hold one number: what a layer list needs, and no arithmetic.

The positive means of a constant image are constant, so every tensor is one number shown in its shape: a convolution's
result is its input's number in another shape.  Who returns which tensor, of which shape and after which in-place
operation, is what it is under :class:`positive_means.PositiveMeans`; an operation that is not known here is computed as
there.  What a tensor holds means nothing.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from .positive_means import GATES, PositiveMeans

_BINARY = frozenset(
    "add sub mul div true_divide add_ sub_ mul_ __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ __mul__ __rmul__ "
    "__imul__ __truediv__".split()
)
_CONVOLUTIONS = {f"conv{d}d": d for d in (1, 2, 3)}
_TRANSPOSED = {f"conv_transpose{d}d": d for d in (1, 2, 3)}
_POOLS = {f"{name}{d}d": d for name in ("max_pool", "_max_pool", "avg_pool") for d in (1, 2, 3)}
#: what may follow kernel, stride and padding: of a mean, and of a max-pooling
POOL_WORDS = ("ceil_mode", "count_include_pad", "divisor_override"), ("dilation", "ceil_mode", "return_indices")
#: what leaves the shape, and makes a tensor of its own
_COPIES = frozenset(("clone", "contiguous", "roll", "flip"))


class UniformMeans(PositiveMeans):
    """:class:`PositiveMeans` of a constant image; begin with ``uniform_like(tensor, shape)``."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        if name == "__get__":
            return func(*args, **kwargs)
        found = self._uniform(func, types, name, args, kwargs)
        return super().__torch_function__(func, types, args, kwargs) if found is None else found

    def _uniform(self, func, types, name, args, kwargs):
        """The result, or None where it must be computed."""
        if name in _BINARY and len(args) == 2 and not kwargs:
            return self._binary(func, types, args)
        if name in ("cat", "concat", "concatenate"):
            return self._joined(*args, **kwargs)
        if name in ("matmul", "bmm", "__matmul__") and len(args) == 2:
            return _product(*args)
        input, rest = (args[0], args[1:]) if args else (kwargs.get("input"), ())
        if not is_uniform(input):
            return None
        more = {key: value for key, value in kwargs.items() if key != "input"}
        if name in _CONVOLUTIONS:
            return _convolved(_CONVOLUTIONS[name], input, *rest, **more)
        if name in _TRANSPOSED:
            return _transposed(_TRANSPOSED[name], input, *rest, **more)
        if name in GATES:
            return uniform_like(torch.ones_like(_first(input)), input.shape)
        if name in _POOLS:
            return _pooled(name, _POOLS[name], input, *rest, **more)
        if name in ("interpolate", "upsample"):
            return uniform_like(input, (*input.shape[:2], *resized(input.shape[2:], *rest, **more)))
        if name == "linear":
            weight = rest[0] if rest else more["weight"]
            return uniform_like(input, (*input.shape[:-1], weight.shape[0]))
        if name == "pad":
            return _padded(input, *rest, **more)
        return uniform_like(input, input.shape) if name in _COPIES else None

    def _binary(self, func, types, args):
        """Element by element: the first elements' result, in the common shape."""
        if not any(is_uniform(one) for one in args) or any(isinstance(one, torch.nn.Parameter) for one in args):
            return None
        small = [_first(one) if isinstance(one, torch.Tensor) and one.ndim else one for one in args]
        shape = np.broadcast_shapes(*(one.shape for one in args if isinstance(one, torch.Tensor)))
        return PositiveMeans.__torch_function__(self, func, types, small).expand(shape)

    def _joined(self, tensors, dim=0, *, out=None, axis=None):
        """The parts are remembered for a convolution behind it."""
        dim, tensors = axis if axis is not None else dim, list(tensors)
        if out is not None or not tensors or not all(is_uniform(t) for t in tensors):
            return None
        shape = list(tensors[0].shape)
        if any(_without(t.shape, dim) != _without(shape, dim) for t in tensors):
            return None
        shape[dim] = sum(t.shape[dim] for t in tensors)
        whole = uniform_like(tensors[0], shape)
        if dim in (1, 1 - whole.ndim):
            self._last_cat = whole, tensors
        return whole


def uniform_like(tensor: torch.Tensor, shape) -> torch.Tensor:
    """The tensor's first element, shown in this shape; a tensor (and a version counter) of its own."""
    return _first(tensor).flatten().clone().reshape((1,) * len(shape)).expand(tuple(shape))


def is_uniform(tensor) -> bool:
    """Whether this is a tensor of real numbers that holds one, shown as many."""
    return (
        isinstance(tensor, torch.Tensor)
        and tensor.layout == torch.strided
        and tensor.is_floating_point()
        and 0 < tensor.ndim
        and tensor.numel() > 0
        and all(step == 0 or n == 1 for step, n in zip(tensor.stride(), tensor.shape, strict=True))
    )


def per_axis(value, dims: int) -> tuple:
    """An option of a convolution or pool, one value an axis."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return values if len(values) == dims else values * dims


def resized(cells, size=None, scale_factor=None, *rest, **more) -> tuple[int, ...]:
    """Spatial size behind ``interpolate`` with these words."""
    if size is not None:
        return tuple(int(n) for n in per_axis(size, len(cells)))
    return tuple(math.floor(n * s) for n, s in zip(cells, per_axis(scale_factor, len(cells)), strict=True))


def _first(tensor):
    """The first element, with as many axes."""
    return tensor[(slice(0, 1),) * tensor.ndim]


def _without(shape, dim):
    return [n for axis, n in enumerate(shape) if axis != dim % len(shape)]


def _in_shape(input, channels, cells):
    if min(cells) < 1:
        raise RuntimeError(f"Calculated output size {tuple(cells)} is too small.")
    return uniform_like(input, (len(input), channels, *cells))


def _convolved(dims, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if input.ndim != dims + 2:
        return None
    if padding == "same":
        return _in_shape(input, len(weight), input.shape[2:])
    options = (per_axis(v, dims) for v in (stride, 0 if padding == "valid" else padding, dilation))
    sizes = zip(input.shape[2:], weight.shape[2:], *options, strict=True)
    return _in_shape(input, len(weight), [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sizes])


def _transposed(dims, input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    if input.ndim != dims + 2:
        return None
    options = (per_axis(v, dims) for v in (stride, padding, output_padding, dilation))
    sizes = zip(input.shape[2:], weight.shape[2:], *options, strict=True)
    cells = [(n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, o, d in sizes]
    return _in_shape(input, weight.shape[1] * groups, cells)


def _pooled(name, dims, input, kernel_size, stride=None, padding=0, *rest, **more):
    """None for what is rarely used: dilation, indices."""
    is_max = "max" in name
    order = (
        ("dilation", "ceil_mode", "return_indices")
        if is_max
        else ("ceil_mode", "count_include_pad", "divisor_override")
    )
    more = dict(zip(order, rest, strict=False)) | more
    if input.ndim != dims + 2 or more.get("return_indices") or set(per_axis(more.get("dilation", 1), dims)) != {1}:
        return None
    stride = kernel_size if stride is None or stride == [] else stride
    options = (per_axis(v, dims) for v in (kernel_size, stride, padding))
    cells = [
        pooled_size(n, k, s, p, more.get("ceil_mode", False))
        for n, k, s, p in zip(input.shape[2:], *options, strict=True)
    ]
    return _in_shape(input, input.shape[1], cells)


def pooled_size(n: int, kernel: int, stride: int, padding: int, ceil: bool) -> int:
    """Cells of a pool; the last window must begin inside the image or the padding before it."""
    cells = -((n + 2 * padding - kernel) // -stride) + 1 if ceil else (n + 2 * padding - kernel) // stride + 1
    return cells - 1 if ceil and (cells - 1) * stride >= n + padding else cells


def _padded(input, pad, *rest, **more):
    shape = list(input.shape)
    for n in range(len(pad) // 2):
        shape[-1 - n] += pad[2 * n] + pad[2 * n + 1]
    return uniform_like(input, shape) if min(shape) > 0 else None


def _product(one, other):
    if not (is_uniform(one) or is_uniform(other)) or min(one.ndim, other.ndim) < 2 or one.shape[-1] != other.shape[-2]:
        return None
    batch = np.broadcast_shapes(one.shape[:-2], other.shape[:-2])
    return uniform_like(one if is_uniform(one) else other, (*batch, one.shape[-2], other.shape[-1]))
