"""Which of a network's outputs holds the logits, at which size they come, and which layers lead to them.

A network may return a list (deep supervision), a dict, a named tuple, or logits at a half, a quarter or an eighth of
the image's size.  A :class:`Reading` hangs one hook on the network, for a with block, that hands on one tensor of
logits at the image's size; all passes in the block see the same.

The choice, where none is stated: outputs with as many channels as the model needs before others, then the largest; of
equal ones the one called "logits" or the like; of those the one on whose way the most of the network's weights lie (the
last of UNet++'s supervised outputs, the deepest exit), and of equal ones there the one from which the other is computed
(logits before their softmax).  What is then still equal is refused.  Every choice is told.
"""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ..errors import GradientError, ModelError
from . import final_activation

#: keys by which libraries call the logits, the surest first
_NAMES = ("logits", "out", "pred", "preds", "prediction", "seg", "segmentation", "output", "main")
#: how many times logits may be smaller than the image, the same along every axis
_FACTORS = {2: "half", 4: "a quarter of", 8: "an eighth of"}
_MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}

INFERENCE = "The network's forward enters torch.inference_mode, so no gradient can be taken."

_IN_FORCE: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_TOLD: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_SURVEYS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Taken:
    """What was made of an output. label: its place or key.  of: grids to choose from (1: no choice was made).

    why: in words, "" where the choice was stated.  stated: by the word ``output``.  factor: enlarged so many times.
    """

    label: str = ""
    of: int = 1
    why: str = ""
    stated: bool = False
    factor: int = 1
    dims: int = 3
    #: whether it was made inside torch.inference_mode: a prediction, and nothing an explanation could be made of
    inference: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        found = []
        if self.of > 1 and not self.stated:
            found.append(
                f"The network returns {self.of} outputs; output {self.label} was taken: {self.why}. "
                'Write the word "output" to choose another.'
            )
        elif self.of > 1:
            found.append(f"The network returns {self.of} outputs; output {self.label} was taken, as stated.")
        if self.factor > 1:
            found.append(
                f"The network returns logits at {_FACTORS[self.factor]} the image's size; they were enlarged "
                f"{self.factor} times ({_MODES[self.dims]}, corners not aligned) before anything was decided."
            )
        if self.inference:
            found.append(f"{INFERENCE} The network can predict, and cannot be explained.")
        return tuple(found)

    @property
    def facts(self) -> dict:
        """For the provenance; {} where the network returns its logits and nothing else."""
        chosen = {"output": self.label, "outputs": self.of, "output_stated": self.stated} if self.of > 1 else {}
        return chosen | ({"logits_enlarged": self.factor} if self.factor > 1 else {})


class Reading:
    """How the logits of one model are read. output: the place or key that was stated, or None.  channels: they need."""

    def __init__(self, output: int | str | None = None, channels: int | None = None):
        self.output, self.channels = output, channels
        #: id of the tensor the logits of the last pass were made of
        self.raw_id = 0

    @property
    def key(self) -> tuple:
        """What answers that depend on the reading are remembered by."""
        return self.output, self.channels

    @contextmanager
    def on(self, network: torch.nn.Module):
        """Inside, the network returns one tensor of logits ``[B, C, *spatial]`` at the size of its image.

        Raises ModelError for a network that takes several inputs; its passes raise ModelError or GradientError for
        outputs that are no logits.
        """
        refuse_several_inputs(network)
        outer = _IN_FORCE.get(network)
        # one hook, of the outermost block: inside a further block it reads as that one says
        handle = None if outer else network.register_forward_hook(_read_in_force)
        _IN_FORCE[network] = self
        try:
            yield
        finally:
            if outer:
                _IN_FORCE[network] = outer
            else:
                del _IN_FORCE[network]
                handle.remove()

    def taken(self, network: torch.nn.Module) -> Taken:
        """What the passes so far have made of the network's output."""
        return _TOLD.get(network, {}).get(self.key, Taken())

    def _read(self, network, inputs, output):
        image = next((value for value in inputs if isinstance(value, torch.Tensor)), None)
        if image is None or image.ndim < 3:
            return output
        label, logits, of, why = self._chosen(network, output, image)
        self.raw_id = id(logits)
        final_activation.note_taken(network, logits)
        _refuse_no_logits(logits, image)
        factor = _factor(tuple(image.shape[2:]), tuple(logits.shape[2:]))
        told = Taken(label, of, why, self.output is not None, factor, image.ndim - 2, logits.is_inference())
        _TOLD.setdefault(network, {})[self.key] = told
        return logits if factor == 1 else enlarged(logits, tuple(image.shape[2:]))

    def _chosen(self, network, output, image):
        """(label, tensor, number of grids, why)"""
        if isinstance(output, torch.Tensor):
            names = [tuple(name) for name in getattr(network, "output_names", None) or ((0,),)]
            if self.output is not None and not (len(names) == 1 and _meant(self.output, names[0], names)):
                raise ModelError(
                    f"The network returns one tensor and no output {self.output!r}.", 'Leave the word "output" out.'
                )
            return "0", output, 1, ""
        found = labelled(output, getattr(network, "output_names", None))
        grids = [(path, t) for path, t in found if t.ndim == image.ndim and t.is_floating_point()]
        if self.output is not None:
            path, tensor = _stated(self.output, found, grids, self.channels)
            return named(path), tensor, len(grids), ""
        if not grids:
            refuse_labels((t for _, t in found), image.ndim)
            raise no_logits(output)
        path, tensor, why = self._obvious(network, grids, image)
        return named(path), tensor, len(grids), why

    def _obvious(self, network, grids, image):
        best = max(_rank(t, self.channels) for _, t in grids)
        equal = [(path, t) for path, t in grids if _rank(t, self.channels) == best]
        if len(equal) == 1:
            (path, tensor) = equal[0]
            fitting = sum(t.shape[1] == self.channels for _, t in grids)
            if fitting == 1:
                return path, tensor, f"the only one with {tensor.shape[1]} channel(s)"
            return path, tensor, "the largest" + (f" with {self.channels} channel(s)" if fitting else "")
        for name in _NAMES:
            called = [(path, t) for path, t in equal if str(path[-1]).lower() == name or str(path[0]).lower() == name]
            if len(called) == 1:
                return *called[0], f"{len(equal)} are equal in size, and this one is called '{name}'"
        return self._deepest(network, equal, image)

    def _deepest(self, network, equal, image):
        found = survey(network, tuple(image.shape), image.dtype, image.device)
        ways = {path: found[path] for path, _ in equal if path in found}
        if len(ways) == len(equal):
            most = max(len(way.weights) for way in ways.values())
            deepest = [path for path, way in ways.items() if len(way.weights) == most]
            # of logits and what is computed from them without any weight, the logits
            first = [p for p in deepest if all(q == p or p in ways[q].made_of for q in deepest)]
            if first:
                tensor = next(t for path, t in equal if path == first[0])
                if len(deepest) == 1:
                    return first[0], tensor, f"{len(equal)} are equal in size, and most of the network lies behind it"
                return first[0], tensor, f"{len(equal)} are equal in size, and the others are computed from it"
        names = ", ".join(named(path) for path, _ in equal)
        raise ModelError(
            f"The network returns {len(equal)} outputs of equal size ({names}), and nothing tells which holds the "
            "logits.",
            'Write the word "output" in its description (or PlainModel(output=...)): its place, 0 for the first, or '
            "its key.",
        )


@dataclass(frozen=True)
class Way:
    """What leads to one output. layers: names with ``#n``.  weights: names.  made_of: other outputs it is made of."""

    layers: frozenset[str]
    weights: frozenset[str]
    made_of: frozenset[tuple]


def _read_in_force(network, inputs, output):
    return _IN_FORCE[network]._read(network, inputs, output)


def in_force(network: torch.nn.Module) -> Reading | None:
    """The reading whose block is open, if any."""
    return _IN_FORCE.get(network)


def ways_of(network: torch.nn.Module, shape, dtype, device) -> Way | None:
    """What leads to the output that was taken; None where there was no choice or it cannot be followed."""
    reading = in_force(network)
    taken = reading.taken(network) if reading else Taken()
    if taken.of < 2:
        return None
    found = survey(network, tuple(shape), dtype, device)
    return next((way for path, way in found.items() if named(path) == taken.label), None)


def survey(network: torch.nn.Module, shape, dtype, device) -> dict[tuple, Way]:
    """Path of every tensor the network returns -> what leads to it; {} where that cannot be followed without numbers.

    One pass of a copy whose weights hold no numbers, remembered as long as the network stays as it is.
    """
    from .placement import remembered

    def compute():
        try:
            return _surveyed(network, shape, dtype, device)
        except Exception:  # a forward that needs its numbers may raise anything
            return {}

    return remembered(_SURVEYS, network, "ways", compute)


def labelled(output, names=None, path=()) -> list[tuple[tuple, torch.Tensor]]:
    """[(path, tensor)] in order. names: paths of a flat tuple, for programs that have lost their containers."""
    if names is not None and isinstance(output, (list, tuple)) and len(names) == len(output):
        return [(tuple(name), t) for name, t in zip(names, output, strict=True) if isinstance(t, torch.Tensor)]
    if isinstance(output, torch.Tensor):
        return [(path or (0,), output)]
    if isinstance(output, Mapping):
        parts = output.items()
    elif isinstance(output, tuple) and hasattr(output, "_fields"):
        parts = zip(output._fields, output, strict=True)
    elif isinstance(output, (list, tuple)):
        parts = enumerate(output)
    elif dataclasses.is_dataclass(output) and not isinstance(output, type):
        parts = [(f.name, getattr(output, f.name)) for f in dataclasses.fields(output)]
    else:
        return []
    return [leaf for key, part in parts for leaf in labelled(part, None, (*path, key))]


def best_of(output, channels: int | None = None) -> torch.Tensor | None:
    """The first of the largest grids ``[B, C, *spatial]``, those with ``channels`` channels before others; or None."""
    grids = [t for _, t in labelled(output) if t.ndim >= 4 and t.is_floating_point()]
    return max(grids, key=lambda t: _rank(t, channels)) if grids else None


def channels_of(grids, output, channels: int | None) -> int:
    """Channels of the logits among ``[(path, tensor)]``, as :class:`Reading` chooses; the tensors need no numbers.

    Raises ModelError where the word ``output`` fits none.
    """
    if output is not None:
        return int(_stated(output, grids, grids, channels)[1].shape[1])
    return int(max((t for _, t in grids), key=lambda t: _rank(t, channels)).shape[1])


def enlarged(logits: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """As SegFormer's authors do: (bi-, tri-)linear, corners not aligned."""
    mode = _MODES[len(size)]
    return torch.nn.functional.interpolate(logits, size=size, mode=mode, align_corners=False)


def named(path: tuple) -> str:
    return ".".join(str(part) for part in path)


def refuse_several_inputs(network: torch.nn.Module) -> None:
    """Raises ModelError for a forward that cannot be called with one image."""
    import inspect

    try:
        words = [p for p in inspect.signature(network.forward).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):  # a forward written in C
        return
    needed = [p.name for p in words if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if len(needed) > 1:
        raise several_inputs("network's forward", needed)


def several_inputs(who: str, names) -> ModelError:
    """The sentence for networks of several inputs, with the wrapper that makes one of them."""
    first, second = (*names, "second")[:2]
    return ModelError(
        f"The {who} takes {len(names)} inputs ({', '.join(names)}), not one image.",
        "Give it one tensor with all channels by a small wrapper, in the factory's build() or before saving it: "
        f"class One(torch.nn.Module) with self.net = net and forward(self, x): return self.net({first}=x[:, :1], "
        f"{second}=x[:, 1:]); inputs that are no image (prompts) are fixed there.",
    )


def refuse_constant(network: torch.nn.Module, logits: torch.Tensor, channels: int) -> None:
    """Raises ModelError where further inputs were left empty (prompts) and the image has no influence at all.

    Looked at only for a forward with inputs that are None by default, and logits that are one number: then another
    image is shown to the network.  channels: of its images.
    """
    import inspect

    try:
        parameters = list(inspect.signature(network.forward).parameters.values())[1:]
    except (TypeError, ValueError):
        return
    empty = [p.name for p in parameters if p.default is None]
    if not empty or logits.numel() < 2 or not bool((logits == logits.flatten()[0]).all()):
        return
    shape = (1, channels, *logits.shape[2:])
    other = torch.linspace(-1, 2, math.prod(shape))
    with torch.no_grad():
        try:
            again = network(other.reshape(shape).to(logits.device, logits.dtype))
        except Exception:  # it takes another image than this; nothing is known then
            return
    if isinstance(again, torch.Tensor) and bool((again == logits.flatten()[0]).all()):
        some = ", ".join(empty[:6])
        raise ModelError(
            f"The network returns the same number everywhere; inputs of its forward were left empty ({some}).",
            "A network that is asked by prompts needs them: wrap it, in the factory's build(), in a module whose "
            f"forward(self, x) returns self.net(x, {empty[0]}=...) with the prompt fixed, as [1, classes, *spatial].",
        )


def no_logits(output) -> GradientError:
    return GradientError(
        f"The network returned a {type(output).__name__}, not a tensor of logits.",
        "Wrap it so that forward returns logits [B, C, ...].",
    )


def refuse_labels(tensors, ndim: int) -> None:
    """Raises ModelError where the outputs are whole numbers: labels ``[B, *spatial]`` or ``[B, 1, *spatial]``."""
    for tensor in tensors:
        if isinstance(tensor, torch.Tensor) and tensor.ndim >= ndim - 1 and not tensor.is_floating_point():
            raise whole_numbers(tensor)


def whole_numbers(tensor):
    return ModelError(
        f"The network returns whole numbers ({str(tensor.dtype).removeprefix('torch.')}), labels and not logits.",
        "Remove the argmax (or threshold) at its end: an explanation needs the logits [B, classes, ...] before it.",
    )


def _refuse_no_logits(logits, image):
    if not logits.is_floating_point():
        raise whole_numbers(logits)
    if logits.ndim == image.ndim and logits.shape[0] != image.shape[0]:
        raise ModelError(
            f"The network made {logits.shape[0]} results of a batch of {image.shape[0]} image(s).",
            "It must return logits [B, classes, ...]; where it answers one result a prompt, wrap it so that they "
            "become channels (for example result.transpose(0, 1)).",
        )


def _factor(image, logits):
    """1, or how many times the logits are to be enlarged. Raises ModelError for other sizes."""
    if logits == image:
        return 1
    if len(logits) == len(image):
        for factor in _FACTORS:
            if all(n == factor * m or m == -(-n // factor) for n, m in zip(image, logits, strict=True)):
                return factor
    raise ModelError(
        f"The network turned an image of {image} voxels into logits of {logits}.",
        "Give an image size the network returns unchanged (for PlainModel set divisor); logits at a half, a quarter "
        "or an eighth of it, the same along every axis, are enlarged.",
    )


def _rank(tensor, channels):
    return tensor.shape[1] == channels, tensor[0, 0].numel()


def _stated(word, found, grids, channels):
    paths = [path for path, _ in found]
    meant = [path for path in paths if _meant(word, path, paths)]
    if not meant:
        listed = ", ".join(f"{named(path)} [{' x '.join(map(str, t.shape[1:]))}]" for path, t in found)
        raise ModelError(f"The network returns no output {word!r}.", f"It returns: {listed}.")
    fitting = [(path, t) for path, t in grids if path in meant]
    if not fitting:
        tensor = next(t for path, t in found if path == meant[0])
        if not tensor.is_floating_point():
            raise whole_numbers(tensor)
        raise ModelError(
            f"The network's output {word!r} has the shape {list(tensor.shape)}: no grid of logits.",
            "Name another one.",
        )
    return max(fitting, key=lambda pair: _rank(pair[1], channels))


def _meant(word, path, paths):
    """Whether a place (of the outermost container) or a key (dots between nested ones) means this path."""
    if isinstance(word, int):
        outer = list(dict.fromkeys(p[0] for p in paths))
        return word < len(outer) and path[0] == outer[word]
    return named(path) == word or named(path).startswith(f"{word}.") or str(path[-1]) == word


def _surveyed(network, shape, dtype, device):
    import copy

    from torch._subclasses.fake_tensor import FakeTensorMode

    # not inside a torch-function mode that a caller has opened (positive_means)
    with torch._C.DisableTorchFunction(), torch.inference_mode(False), torch.enable_grad():
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        empty, names = {}, {}
        for name, weight in network.named_parameters():
            kept = torch.nn.Parameter(mode.from_tensor(weight.detach()), weight.is_floating_point())
            empty[id(weight)], names[id(kept)] = kept, name
        for buffer in network.buffers():
            empty[id(buffer)] = mode.from_tensor(buffer.detach())
        # a copy, so that nothing without numbers can stay behind in the network
        twin = copy.deepcopy(network, dict(empty)).eval()
        nodes, calls = {}, {}

        def note(name):
            def hook(module, inputs, output):
                calls[name] = calls.get(name, 0) + 1
                nodes[f"{name}#{calls[name]}"] = getattr(output, "grad_fn", None)

            return hook

        for name, module in twin.named_modules():
            module._forward_hooks.clear()
            if name:
                module.register_forward_hook(note(name))
        with mode:
            image = torch.zeros(shape, dtype=dtype, device=device).requires_grad_()
            found = labelled(twin(image), getattr(twin, "output_names", None))
    ends = {path: t.grad_fn for path, t in found}
    ways = {}
    for path, end in ends.items():
        seen = _behind(end)
        weights = {names[id(n.variable)] for n in seen if id(getattr(n, "variable", None)) in names}
        layers = {name for name, node in nodes.items() if node is not None and node in seen}
        made_of = {other for other, node in ends.items() if other != path and node in seen}
        ways[path] = Way(frozenset(layers), frozenset(weights), frozenset(made_of))
    return ways


def _behind(node):
    """All autograd nodes that lead to this one, itself included."""
    todo, seen = [node], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        todo += [function for function, _ in node.next_functions]
    return seen
