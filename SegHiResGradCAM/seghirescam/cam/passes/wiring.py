"""What a network does to where its values lie, written down in one walk: convolutions, pools, sums, and what is joined.

From these steps :mod:`along_wiring` computes where the layers look without running the network again.  An operation
that is not known to move values along each axis by itself is no step: then nothing follows from the wiring, and
``unknown`` says what it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from .positive_means import GATES, IDENTITY, PARAMETER_NEUTRAL
from .uniform_means import POOL_WORDS, UniformMeans, per_axis, resized

#: calls that read numbers out of a tensor: what a forward does then may depend on them
_READ = frozenset("item tolist numpy __bool__ __float__ __int__ __index__ __array__ __complex__".split())
_COPIES = frozenset("clone contiguous float double half bfloat16 to type type_as view_as requires_grad_".split())
_RESHAPES = frozenset(("reshape", "view", "_unsafe_view"))
_ADDS = frozenset("add add_ sub sub_ __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__".split())
_PRODUCTS = frozenset("mul mul_ __mul__ __rmul__ __imul__".split())
_QUOTIENTS = frozenset(("div", "true_divide", "__truediv__"))
_SPLITS = frozenset(("chunk", "split"))


@dataclass(frozen=True)
class Step:
    """kind: see :mod:`along_wiring`.  inputs: places of the values it takes; its own value has the next free place.

    options: of every axis.  weights: of a convolution, one tensor an input.
    """

    kind: str
    inputs: tuple[int, ...]
    options: tuple = ()
    weights: tuple[torch.Tensor, ...] = ()


@dataclass
class Wiring:
    """steps: in order; value 0 is the image, value n the result of step n - 1.  output: place of the logits."""

    dims: int
    steps: list[Step] = field(default_factory=list)
    output: int | None = None
    unknown: str = ""


class WiredMeans(UniformMeans):
    """:class:`UniformMeans` that writes the wiring down."""

    def __init__(self, image: torch.Tensor):
        super().__init__()
        self.wiring = Wiring(image.ndim - 2)
        self._places, self._held = {id(image): 0}, [image]

    def place(self, tensor) -> int | None:
        """Of a tensor's value; None for one that the steps do not lead to."""
        return self._places.get(id(tensor))

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        # before the call: in place, what it takes may be what it returns
        joined = self._last_cat
        out = super().__torch_function__(func, types, args, kwargs)
        if not self.wiring.unknown:
            self._note(name, args, kwargs, out, joined)
        return out

    def _note(self, name, args, kwargs, out, joined):
        given = [*_tensors(args), *_tensors(kwargs.values())]
        taken = [t for t in given if id(t) in self._places]
        if not taken:
            return
        made = _tensors([out])
        if not made:
            if name in _READ:
                self._lost(name)
            return
        if name in IDENTITY and made[0] is taken[0]:
            return
        steps = self._steps(name, args, kwargs, out, joined, given, taken)
        if steps is None or len(made) != len(steps):
            self._lost(name)
            return
        for tensor, step in zip(made, steps, strict=True):
            self.wiring.steps.append(step)
            self._places[id(tensor)] = len(self.wiring.steps)
            self._held.append(tensor)

    def _lost(self, name):
        self.wiring.unknown = name or "an operation without a name"

    def _steps(self, name, args, kwargs, out, joined, given, taken):
        """One step a tensor that was made, or None where nothing is known."""
        place, dims = self._places[id(taken[0])], self.wiring.dims
        first = args[0] if args else kwargs.get("input")
        if name in _ADDS or name in _PRODUCTS or name in _QUOTIENTS:
            return self._element_wise(name, args) if len(args) == 2 and not kwargs else None
        if name in ("cat", "concat", "concatenate"):
            return self._joined_step(out, given)
        if first is not taken[0] or taken[0].ndim != dims + 2:
            return None
        if name in IDENTITY or name in _COPIES or name in ("neg", "__neg__"):
            return [Step("same", (place,))]
        if name in GATES:
            return [Step("ones", (place,))]
        if name.startswith("conv"):
            return self._convolution_step(name, args, kwargs, joined)
        if name.lstrip("_").startswith(("max_pool", "avg_pool")) and isinstance(out, torch.Tensor):
            return self._pool_step(name, place, *args[1:], **{k: v for k, v in kwargs.items() if k != "input"})
        if name in ("interpolate", "upsample"):
            return _resize_step(place, first, *args[1:], **{k: v for k, v in kwargs.items() if k != "input"})
        moves = name in _RESHAPES or name in _SPLITS or (name == "__getitem__" and _takes_channels(args[1]))
        same_cells = all(t.ndim == first.ndim and t.shape[2:] == first.shape[2:] for t in _tensors([out]))
        if (moves or (name == "pad" and out.shape == first.shape)) and same_cells:
            return [Step("same", (place,)) for _ in _tensors([out])]
        return None

    def _element_wise(self, name, args):
        """Sums and products of two values; a product with a number; parameters count as in :class:`PositiveMeans`."""
        values = [a for a in args if id(a) in self._places]
        places = tuple(self._places[id(a)] for a in values)
        if len(values) == 2:
            if values[0].ndim != values[1].ndim or values[0].shape[2:] != values[1].shape[2:] or name in _QUOTIENTS:
                return None
            return [Step("sum" if name in _ADDS else "product", places)]
        other = args[1] if values[0] is args[0] else args[0]
        if isinstance(other, torch.nn.Parameter) and name in PARAMETER_NEUTRAL:
            return [Step("same", places)]
        if name not in _ADDS and isinstance(other, (int, float)) and other > 0:
            return [Step("scaled", places, (1 / other if name in _QUOTIENTS else other,))]
        return None

    def _joined_step(self, out, given):
        if self._last_cat is None or self._last_cat[0] is not out or any(id(t) not in self._places for t in given):
            return None
        if out.ndim != self.wiring.dims + 2:
            return None
        share = tuple(t.shape[1] / out.shape[1] for t in given)
        return [Step("joined", tuple(self._places[id(t)] for t in given), share)]

    def _convolution_step(self, name, args, kwargs, joined):
        transposed, dims = name.startswith("conv_transpose"), self.wiring.dims
        if name != f"conv{'_transpose' if transposed else ''}{dims}d":
            return None
        order = ("input", "weight", "bias", "stride", "padding")
        order += ("output_padding", "groups", "dilation") if transposed else ("dilation", "groups")
        more = dict(zip(order, args, strict=False)) | kwargs
        input, weight = more["input"], more["weight"].detach()
        if isinstance(more.get("padding", 0), str) or weight.ndim != input.ndim:
            return None
        options = [per_axis(more.get("stride", 1), dims), per_axis(more.get("padding", 0), dims)]
        if transposed:
            options.append(per_axis(more.get("output_padding", 0), dims))
        options = (*options, per_axis(more.get("dilation", 1), dims))
        parts, weights = [input], (weight,)
        if not transposed and joined is not None and joined[0] is input and more.get("groups", 1) == 1:
            parts = joined[1]
            weights = weight.split([part.shape[1] for part in parts], dim=1)
        places = tuple(self._places[id(part)] for part in parts)
        return [Step("transposed" if transposed else "convolution", places, options, tuple(weights))]

    def _pool_step(self, name, place, kernel_size, stride=None, padding=0, *rest, **more):
        """Without dilation, indices, a divisor or cells beyond the border; a mean over what lies inside."""
        more = dict(zip(POOL_WORDS["max" in name], rest, strict=False)) | more
        dilation = set(per_axis(more.pop("dilation", 1), self.wiring.dims))
        more.pop("count_include_pad", None)
        if dilation != {1} or any(value not in (None, False) for value in more.values()):
            return None
        stride = kernel_size if stride is None or stride == [] else stride
        return [Step("pool", (place,), tuple(per_axis(v, self.wiring.dims) for v in (kernel_size, stride, padding)))]


def _resize_step(place, input, size=None, scale_factor=None, mode="nearest", align_corners=None, *rest, **more):
    """By whole factors, also where the size was given."""
    if rest or more.pop("recompute_scale_factor", None) or more.pop("antialias", False) or more:
        return None
    before, after = input.shape[2:], resized(input.shape[2:], size, scale_factor)
    if any(b % a for a, b in zip(before, after, strict=True)):
        return None
    return [Step("resize", (place,), (tuple(b // a for a, b in zip(before, after, strict=True)), mode, align_corners))]


def _takes_channels(index):
    index = index if isinstance(index, tuple) else (index,)
    return len(index) <= 2 and all(isinstance(one, slice) for one in index)


def _tensors(values) -> list[torch.Tensor]:
    """Tensors among values, and in lists and tuples of them."""
    found = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += [one for one in value if isinstance(one, torch.Tensor)]
    return found
