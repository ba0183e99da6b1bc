"""The positive means of one axis alone: an image one voxel thin across, kernels summed over the other axes.

Where a cell looks along one axis depends on the kernels' weights along it, and these are sums over the other axes; so a
network of convolutions, pools and element-wise operations can be measured on a line of voxels.  Whatever else touches
an image (windows of attention, patches, sizes that are given) is not understood: :class:`NotThinError`, and the caller
measures on a bar.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .positive_means import GATES, IDENTITY, PositiveMeans, mean_kernel, one_channel, repeated

#: calls that move no value from place to place
_IN_PLACE = frozenset(
    "add add_ sub sub_ mul mul_ div div_ true_divide neg neg_ rsub abs clone contiguous detach to float double type "
    "type_as view_as zeros_like ones_like empty_like cat concat concatenate mean sum requires_grad_ expand_as copy_ "
    "repeat maximum minimum stack chunk split unbind is_floating_point is_complex numel size dim element_size stride "
    "is_contiguous "
    "__add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ __mul__ __rmul__ __imul__ __truediv__ __itruediv__ __neg__ "
    "is_inference is_grad_enabled as_tensor numpy item tolist cpu any all isfinite isnan "
    "__get__ __len__ __eq__ __ne__ __hash__ __repr__ get_device register_hook apply_ checkpoint".split()
)
_CONVOLUTIONS = frozenset(f"{name}{d}d" for name in ("conv", "conv_transpose") for d in (1, 2, 3))
_POOLS = frozenset(
    f"{name}{d}d{end}" for name in ("max_pool", "avg_pool") for d in (1, 2, 3) for end in ("", "_with_indices")
)


class NotThinError(Exception):
    """The network does something that a line of voxels does not show."""


class ThinMeans(PositiveMeans):
    """:class:`PositiveMeans` along one spatial axis of ``dims``; every other axis has one voxel and keeps it."""

    def __init__(self, axis: int, dims: int):
        super().__init__()
        self.axis, self.dims, self.refused = axis, dims, ""

    def refuse(self) -> None:
        """Raises NotThinError again where the network has swallowed it."""
        if self.refused:
            raise NotThinError(self.refused)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").partition(".")[0]  # "repeat.default" in an exported program
        name = name.lstrip("_") if "pool" in name else name
        if name in _POOLS:
            return self._pool(name, *args, **kwargs)
        if name == "pad":
            return self._padded(func, *args, **kwargs)
        if name == "__getitem__" and self._takes_channels(*args):
            return func(*args)
        if name == "repeat" and set(args[1] if len(args) == 2 else args[1:]) - {1}:
            return self._repeated(func, *args)
        if name in ("reshape", "view", "_unsafe_view"):
            return self._reshaped(func, *args, **kwargs)
        if name in ("interpolate", "upsample"):
            return self._interpolated(func, *args, **kwargs)
        if name not in _IN_PLACE and name not in IDENTITY and name not in GATES and name not in _CONVOLUTIONS:
            raise self._not_thin(name)
        return super().__torch_function__(func, types, args, kwargs)

    def _not_thin(self, what):
        self.refused = what
        return NotThinError(what)

    def kernel(self, weights, like, *options):
        kernel = mean_kernel(weights, like)
        across = [2 + a for a in range(self.dims) if a != self.axis]
        kernel = kernel.sum(dim=across, keepdim=True) if across else kernel
        return kernel, [self._along(value, neutral) for value, neutral in options]

    def _along(self, value, neutral):
        """An option of the axis, and what changes nothing across."""
        if isinstance(value, str):
            raise self._not_thin(f"padding {value!r}")
        values = list(value) if isinstance(value, (tuple, list)) else [value] * self.dims
        return [values[a if len(values) > 1 else 0] if a == self.axis else neutral for a in range(self.dims)]

    def _pool(
        self, name, input, kernel_size, stride=None, padding=0, *rest, ceil_mode=False, return_indices=False, **more
    ):
        if name.startswith("max") and rest:
            dilation, *rest = rest
            more.setdefault("dilation", dilation)
        if more.pop("dilation", 1) not in (1, (1,) * self.dims, [1] * self.dims):
            raise self._not_thin("a dilated max-pooling")
        more.pop("count_include_pad", None), more.pop("divisor_override", None)
        if more or len(rest) > (2 if name.startswith("max") else 3):
            raise self._not_thin(name)
        ceil_mode = rest[0] if rest else ceil_mode
        return_indices = rest[1] if len(rest) > 1 and name.startswith("max") else return_indices
        stride = kernel_size if stride is None or stride == [] else stride
        options = [self._along(value, neutral) for value, neutral in ((kernel_size, 1), (stride, 1), (padding, 0))]
        pool = getattr(F, f"avg_pool{self.dims}d")
        out = repeated(pool(one_channel(input), *options, ceil_mode, count_include_pad=False), input.shape[1])
        return (out, torch.zeros(out.shape, dtype=torch.int64)) if return_indices else out

    def _padded(self, func, input, pad, mode="constant", value=None):
        """Padding of the axis alone; the last axes come first in ``pad``."""
        axes = [self.dims - 1 - n // 2 for n, amount in enumerate(pad) if amount]
        if any(axis != self.axis for axis in axes):
            raise self._not_thin("pad")
        return func(input, pad, mode, value)

    def _takes_channels(self, tensor, index):
        """Whether an index leaves the spatial axes as they are."""
        index = index if isinstance(index, tuple) else (index,)
        return tensor.ndim != self.dims + 2 or (all(isinstance(one, slice) for one in index[:2]) and len(index) <= 2)

    def _repeated(self, func, input, *sizes):
        sizes = list(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else list(sizes)
        if len(sizes) != self.dims + 2 or any(n != 1 for n in sizes[2:]):
            raise self._not_thin("repeat")
        return func(input, *sizes)

    def _reshaped(self, func, input, *sizes, **more):
        """Batch and channels put together or apart, as instance normalisation does; the voxels stay where they are."""
        out = func(input, *sizes, **more)
        if input.ndim == out.ndim == self.dims + 2 and input.shape[2:] == out.shape[2:]:
            return out
        raise self._not_thin("reshape")

    def _interpolated(self, func, input, size=None, scale_factor=None, mode="nearest", align_corners=None, **more):
        if size is not None or scale_factor is None:
            raise self._not_thin("interpolate(size=)")
        scale = [float(v) for v in self._along(scale_factor, 1)]
        return func(input, scale_factor=tuple(scale), mode=mode, align_corners=align_corners, **more)
