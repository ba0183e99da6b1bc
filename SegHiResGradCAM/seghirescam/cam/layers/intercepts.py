"""What every operation of a network adds by itself: the part of the score that no input carries.

At its working point an operation is out = J in + i with the Jacobian J there; i is its generalised intercept (a bias;
beta - mu gamma / sigma for a batch norm; the whole output of an instance norm, which is homogeneous of degree 0; zero
for ReLU, cat, pooling, interpolation; -a b for a product).  By the chain rule

    S = <x, dS/dx> + sum over operations of <dS/d out, i>

holds for every network, exactly.  FullGrad (Srinivas & Fleuret, NeurIPS 2019, Eq. 4 and its section on non-linear
operations) with biases only is the special case of nets of convolutions, batch norms and ReLUs.

Operations are seen as calls of torch functions (functional ones too); J in is a forward-mode derivative.  What is
hidden from that (TorchScript, custom autograd functions) leaves a gap between the two sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.autograd.forward_ad as forward_mode
from torch.overrides import TorchFunctionMode, get_default_nowrap_functions
from torch.utils._pytree import tree_flatten, tree_unflatten
from torch.utils.weak import WeakTensorKeyDictionary

#: out = J in for these, whatever the input
_HOMOGENEOUS = {
    *("relu", "relu_", "leaky_relu", "leaky_relu_", "prelu", "abs", "max_pool1d", "max_pool2d", "max_pool3d"),
    *("_max_pool1d", "_max_pool2d", "_max_pool3d", "max_pool1d_with_indices", "max_pool2d_with_indices"),
    *("max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d"),
    *("adaptive_avg_pool2d", "adaptive_avg_pool3d", "interpolate", "upsample", "cat", "concat", "stack", "view"),
    *("reshape", "permute", "transpose", "flatten", "unflatten", "squeeze", "unsqueeze", "contiguous", "expand"),
    *("expand_as", "clone", "flip", "roll", "chunk", "split", "unbind", "narrow", "movedim", "sum", "mean", "neg"),
    *("__getitem__", "__neg__", "pixel_shuffle", "to", "float", "type", "dropout", "dropout2d", "dropout3d"),
    *("feature_dropout", "alpha_dropout", "view_as", "repeat", "select", "swapaxes", "T"),
}
#: function -> place of the bias among its arguments; linear in the input but for it
_BIASED = {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"}


@dataclass(eq=False)
class Intercept:
    """One operation's own part. edge: of its output in the graph.  value: i, in a shape that spreads to ``shape``."""

    name: str
    edge: object
    value: torch.Tensor
    shape: tuple[int, ...]


class Intercepts(TorchFunctionMode):
    """Collects them inside ``with Intercepts(x) as found:``; x: a leaf that requires a gradient."""

    def __init__(self, x: torch.Tensor):
        super().__init__()
        self.records: list[Intercept] = []
        self._ignored = get_default_nowrap_functions()
        self._live = WeakTensorKeyDictionary()
        self._live[x] = True

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in self._ignored or not torch.is_grad_enabled():
            return func(*args, **kwargs)
        leaves, form = tree_flatten((args, kwargs))
        live = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor) and leaf in self._live]
        if not live:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        # before the call: it may work in place
        values = self._values(func, name, leaves, form, live)
        out = func(*args, **kwargs)
        found, shape_of_out = tree_flatten(out)
        if name == "__setitem__":
            found = [leaves[0]]
        for place, tensor in enumerate(found):
            if not isinstance(tensor, torch.Tensor) or not tensor.requires_grad:
                continue
            value = values[place] if place < len(values) else None
            if value is not None and bool((value != 0).any()):
                if tensor._is_view() and not any(tensor is leaf for leaf in leaves):
                    # instance norm returns a view; an in-place activation behind it would cut its node out of the graph
                    found[place] = tensor = tensor.clone()
                edge = torch.autograd.graph.get_gradient_edge(tensor)
                self.records.append(Intercept(name, edge, value, tuple(tensor.shape)))
            self._live[tensor] = True
        return out if name == "__setitem__" else tree_unflatten(found, shape_of_out)

    def _values(self, func, name, leaves, form, live):
        """The intercept of every output, None for zero."""
        if name in _HOMOGENEOUS:
            return []
        args, kwargs = tree_unflatten(leaves, form)
        if name in _BIASED and live == [0]:
            bias = kwargs.get("bias", args[2] if len(args) > 2 else None)
            if bias is None:
                return []
            bias = bias.detach()
            return [bias if name == "linear" else bias.view(-1, *[1] * int(name[-2]))]
        return _minus_derivative(func, name, leaves, form, live)


def _minus_derivative(func, name, leaves, form, live):
    """out - J in for every output."""

    def called(tensors):
        own = [leaf.detach().clone() if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        for i, tensor in zip(live, tensors, strict=True):
            own[i] = tensor
        args, kwargs = tree_unflatten(own, form)
        out = func(*args, **kwargs)
        return tree_flatten(args[0] if name == "__setitem__" else out)[0]

    inputs = [leaves[i].detach().clone() for i in live]
    try:
        with torch.no_grad(), forward_mode.dual_level():
            duals = [forward_mode.make_dual(t.clone(), t) for t in inputs]
            pairs = [
                forward_mode.unpack_dual(out) if isinstance(out, torch.Tensor) else (out, None) for out in called(duals)
            ]
            found = []
            for out, tangent in pairs:
                real = isinstance(out, torch.Tensor) and out.is_floating_point()
                found.append(None if not real else out.clone() if tangent is None else out - tangent)
            return found
    except (NotImplementedError, RuntimeError):
        return _by_two_backwards(called, inputs)


def _by_two_backwards(called, inputs):
    """J in = d/dv <J^T v, in>: for functions without a forward-mode formula."""
    with torch.enable_grad():
        leaves = [t.clone().requires_grad_() for t in inputs]
        outs = called([t.clone() for t in leaves])
        found = []
        for out in outs:
            if not isinstance(out, torch.Tensor) or not out.requires_grad:
                found.append(None)
                continue
            dummy = torch.zeros_like(out, requires_grad=True)
            back = torch.autograd.grad(out, leaves, dummy, create_graph=True, allow_unused=True)
            total = sum((b * t).sum() for b, t in zip(back, inputs, strict=True) if b is not None)
            (tangent,) = torch.autograd.grad(total, dummy, retain_graph=True, allow_unused=True)
            found.append(out.detach() if tangent is None else (out - tangent).detach())
        return found


def parts(x: torch.Tensor, run):
    """(S, x o dS/dx, [(name, i o dS/d out in the output's shape)]) for a scalar ``S = run(x)``; detached.

    x: ``[1, C, *spatial]``.  The second and third part add up to S, up to what cannot be seen.
    """
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        with Intercepts(x) as found:
            # not the leaf itself: a network may work in place on its input
            score = run(x.clone())
        edges = [record.edge for record in found.records]
        gradients = torch.autograd.grad(score, [x, *edges], allow_unused=True)
    own = torch.zeros_like(x) if gradients[0] is None else gradients[0] * x
    pieces = [
        (record.name, (gradient * record.value).detach())
        for record, gradient in zip(found.records, gradients[1:], strict=True)
        if gradient is not None
    ]
    return score.detach(), own.detach(), pieces
