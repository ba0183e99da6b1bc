"""What a network applies last: a sigmoid or softmax at its very end is seen as it runs, and left out.

A network that ends in its own activation returns probabilities; what is explained are logits.  While :func:`reading` is
open, the calls of torch functions are watched; where the tensor that the network returns is that of a sigmoid or of a
softmax over the channels (also behind steps that only move or copy values), the tensor in front of it is returned in
its place: the logit, exactly, with its graph.  Modules, functions, methods and the graphs of saved programs are seen
alike.  Nothing of the network is changed; the hooks go when the block ends.
"""

from __future__ import annotations

import dataclasses
import weakref
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from ...protocol.errors import ModelError
from ..passes.positive_means import PositiveMeans
from .heads import NO_ACTIVATION, SIGMOID, SOFTMAX

_KINDS = {
    **dict.fromkeys(("sigmoid", "sigmoid_", "special_expit", "expit", "logsigmoid", "log_sigmoid"), SIGMOID),
    **dict.fromkeys(("softmax", "log_softmax", "special_softmax", "special_log_softmax"), SOFTMAX),
}
_ACTIVATIONS = (SIGMOID, SOFTMAX)
#: with a weight of the network's own: what a fixed kernel gives may be a smoothed probability
_PRODUCTS = {
    *("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    *("linear", "convolution"),
}
#: how far beyond 0 and 1 a probability may lie by rounding and interpolation
_TOLERANCE = 1e-3
#: steps that move or copy values, and change none
_MOVES = {
    *("clone", "contiguous", "float", "double", "half", "bfloat16", "to", "type", "type_as", "detach", "alias"),
    *("view", "view_as", "reshape", "squeeze", "unsqueeze", "flatten", "unflatten", "permute", "transpose"),
    *("movedim", "moveaxis", "__getitem__", "narrow", "select", "flip", "dropout", "positive"),
}
#: of these, what may take the channels to another place: a softmax is not followed through them
_TURNS = {"permute", "transpose", "movedim", "moveaxis", "narrow", "select"}


@dataclass(eq=False)
class Seen:
    """What is known of a network's outputs, from every pass so far.

    kind: "sigmoid", "softmax", "none" (a convolution or matrix product: logits for certain), "" if nothing tells.
    channels: of the output.  outside: values that no probability has were returned.  suspected: in some pass all values
    could have been probabilities.
    """

    kind: str = ""
    channels: int = 0
    outside: bool = False
    suspected: bool = False


_SEEN: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_OPEN: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def seen(network: torch.nn.Module, output=None) -> Seen:
    """The (one, lasting) record of a network, for the output that the word ``output`` names."""
    return _SEEN.setdefault(network, {}).setdefault(output, Seen())


@contextmanager
def reading(network: torch.nn.Module, stated: str | None = None, probabilities: bool = False):
    """Inside, the network returns logits; re-entrant.

    stated: the activation its author stated ("none": nothing is left out), or None.  A stated activation that cannot
    be left out is undone by its logarithm: the log-odds of a sigmoid's probability, log p of a softmax's; with
    ``probabilities=True`` the output is then left as it is.  Raises ModelError, from the forward, where the network
    ends in another activation than the stated one.
    """
    if network in _OPEN:
        yield
        return
    watch = _Watch()

    def before(module, inputs):
        watch.begin()

    def after(module, inputs, output):
        watch.end()
        return None if output is None else _read(output, watch, stated, probabilities)

    handles = [
        network.register_forward_pre_hook(before),
        network.register_forward_hook(after, always_call=True),
    ]
    _OPEN[network] = watch
    try:
        yield
    finally:
        del _OPEN[network]
        for handle in handles:
            handle.remove()
        watch.end()  # a cancel is no Exception: torch then calls no hook behind the forward
        watch.forget()


def behind_the_logits(network: torch.nn.Module) -> set[int]:
    """ids of the tensors that the last pass left out behind its logits; empty without an open :func:`reading`."""
    watch = _OPEN.get(network)
    return set() if watch is None else {id(tensor) for tensor in watch.left_out}


def log_of(probabilities: torch.Tensor, kind: str) -> torch.Tensor:
    """log(p / (1 - p)) of a sigmoid's probabilities, log p of a softmax's; at least float32.

    Probabilities that float32 cannot tell from 0 or 1 are taken as the nearest that it can; their gradient is zero.
    """
    p = probabilities.float() if probabilities.dtype.itemsize < 4 else probabilities
    least = torch.finfo(p.dtype).tiny
    if kind == SOFTMAX:
        return p.clamp_min(least).log()
    p = p.clamp(least, 1 - torch.finfo(p.dtype).eps / 2)
    return p.log() - (-p).log1p()


def saturated(values: torch.Tensor, kind: str) -> torch.Tensor:
    """Where :func:`log_of` had to take a bound: bool, of the shape of ``values`` (its result)."""
    bounds = torch.tensor([0.0, 1.0], dtype=values.dtype, device=values.device)
    low, high = log_of(bounds, kind)
    return (values <= low) | (values >= high) if kind == SIGMOID else values <= low


def _read(output, watch, stated, probabilities):
    """The forward's output with logits in the place of probabilities, whatever container they come in."""
    if isinstance(output, torch.Tensor):
        return _logits(output, watch, stated, probabilities)
    if isinstance(output, dict):
        found = {key: _read(value, watch, stated, probabilities) for key, value in output.items()}
        try:
            return type(output)(found)
        except TypeError:
            return found
    if isinstance(output, (list, tuple)):
        found = [_read(value, watch, stated, probabilities) for value in output]
        return type(output)(*found) if hasattr(output, "_fields") else type(output)(found)
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        values = {f.name: getattr(output, f.name) for f in dataclasses.fields(output) if f.init}
        read = {name: _read(value, watch, stated, probabilities) for name, value in values.items()}
        return dataclasses.replace(output, **read)
    return output


def _logits(output, watch, stated, probabilities):
    if output.ndim < 3 or not output.is_floating_point():
        return output
    front, kind = watch.found(output)
    watch.kinds[output] = kind
    if stated == NO_ACTIVATION:
        return output
    if stated and kind and kind != stated:
        raise ModelError(
            f"The description states the activation '{stated}', the network ends in "
            f"{'a convolution' if kind == NO_ACTIVATION else 'a ' + kind}.",
            f'Write "activation": "{kind}", or leave the word out.',
        )
    if kind in _ACTIVATIONS:
        watch.left_out.append(output)
        watch.kinds[front] = kind
        return front
    wiring = any(isinstance(mode, PositiveMeans) for mode in torch.overrides._get_current_function_mode_stack())
    if not stated or wiring:
        return output
    _refuse_no_probabilities(output.detach(), stated)
    if probabilities:
        return output
    logits = log_of(output, stated)
    watch.kinds[logits] = kind
    return logits


def _refuse_no_probabilities(output, stated):
    """What was stated is believed, but not against the values: the logarithm would take bounds for them in silence."""
    if bool(((output < -_TOLERANCE) | (output > 1 + _TOLERANCE)).any()):
        raise ModelError(
            f"The description states the activation '{stated}', and the network returns values from "
            f"{float(output.min()):.3g} to {float(output.max()):.3g}: no probabilities.",
            'Write "activation": "none" if these are logits.',
        )


def note_taken(network: torch.nn.Module, logits: torch.Tensor, output=None) -> None:
    """This output was taken, by the word ``output``: what is known of the network is what is known of it."""
    watch = _OPEN.get(network)
    if watch is not None and logits in watch.kinds:
        state = seen(network, output)
        state.kind, state.channels = watch.kinds[logits], logits.shape[1]


class _Watch(TorchFunctionMode):
    """Remembers what stood in front of each activation, as long as the activation's tensor lives."""

    def __init__(self):
        super().__init__()
        self.forget()
        self._depth = 0

    def forget(self):
        self.before = WeakTensorKeyDictionary()  # tensor -> (what stood in front, kind)
        self.logarithms = WeakTensorKeyDictionary()
        self.products = WeakTensorKeyDictionary()
        self.kinds = WeakTensorKeyDictionary()  # outputs -> how they were made
        self.left_out = []

    def begin(self):
        """Entered last, so that it sees the calls first: another mode may put something else in their place."""
        self.forget()
        self.__enter__()
        self._depth += 1

    def end(self):
        while self._depth:
            self._depth -= 1
            self.__exit__(None, None, None)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        tensor = args[0] if args else kwargs.get("input")
        if not isinstance(tensor, torch.Tensor):
            return func(*args, **kwargs)
        kind = _KINDS.get(name, "")
        if kind == SOFTMAX and not _over_channels(tensor, args, kwargs):
            kind = ""
        # in place: what stood there is gone afterwards
        in_place = bool(kind) and (name.endswith("_") or kwargs.get("inplace", False))
        front = tensor.clone() if in_place else tensor
        out = func(*args, **kwargs)
        if not isinstance(out, torch.Tensor):
            return out
        if kind and tensor.ndim >= 3:
            self._note(out, front, kind)
            if "log" in name:
                self.logarithms[out] = True
        elif name in _PRODUCTS:
            weight = kwargs.get("weight", args[1] if len(args) > 1 else None)
            if isinstance(weight, torch.nn.Parameter):
                self.products[out] = _version(out)
        elif name == "exp" and tensor in self.logarithms and self.found(tensor)[1]:
            self._note(out, *self.found(tensor))
        elif name in _MOVES and not (name == "dropout" and _trains(args, kwargs)):
            self._moved(func, name, tensor, out, args, kwargs)
        return out

    def found(self, tensor):
        """(what stands in front, kind) of a tensor that nobody has written to since; (None, "") for any other."""
        front, kind, *versions = self.before.get(tensor, (None, ""))
        if kind and versions == [_version(tensor), _version(front)]:
            return front, kind
        certain = not kind and tensor in self.products and self.products[tensor] == _version(tensor)
        return None, NO_ACTIVATION if certain else ""

    def _note(self, out, front, kind):
        self.before[out] = front, kind, _version(out), _version(front)

    def _moved(self, func, name, tensor, out, args, kwargs):
        front, kind = self.found(tensor)
        if out is tensor or not kind:
            return
        if kind == NO_ACTIVATION:
            self.products[out] = _version(out)
        elif kind == SIGMOID or (name not in _TURNS and _has_all_channels(out, tensor)):
            self._note(out, func(front, *args[1:], **kwargs), kind)


def _has_all_channels(one, other):
    """Whether none was left out or put elsewhere: a softmax with some of its channels is no softmax any more."""
    return one.shape[:2] == other.shape[:2] and one.numel() == other.numel()


def _trains(args, kwargs):
    return bool(kwargs.get("training", kwargs.get("train", args[2] if len(args) > 2 else True)))


def _version(tensor):
    return 0 if tensor.is_inference() else tensor._version


def _over_channels(tensor, args, kwargs):
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    dim = 1 if dim is None else dim
    return isinstance(dim, int) and tensor.ndim >= 3 and dim % tensor.ndim == 1
