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

import weakref
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ...protocol.errors import ModelError
from ..isolation.one_at_a_time import alone
from ..passes.containers import is_meant, labelled, named, rank, stated
from ..passes.refusals import INFERENCE, no_logits, refuse_labels, refuse_several_inputs, whole_numbers
from . import final_activation
from .ways import Way, survey

#: keys by which libraries call the logits, the surest first
_NAMES = ("logits", "out", "pred", "preds", "prediction", "seg", "segmentation", "output", "main")
#: how many times logits may be smaller than the image, the same along every axis
_FACTORS = {2: "half", 4: "a quarter of", 8: "an eighth of"}
_MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}

_IN_FORCE: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_TOLD: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


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
        with alone():  # another thread's block must not end inside this one
            yield from self._on(network)

    def _on(self, network):
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
        final_activation.note_taken(network, logits, self.output)
        _refuse_no_logits(logits, image)
        factor = _factor(tuple(image.shape[2:]), tuple(logits.shape[2:]))
        told = Taken(label, of, why, self.output is not None, factor, image.ndim - 2, logits.is_inference())
        _TOLD.setdefault(network, {})[self.key] = told
        return logits if factor == 1 else enlarged(logits, tuple(image.shape[2:]))

    def _chosen(self, network, output, image):
        """(label, tensor, number of grids, why)"""
        if isinstance(output, torch.Tensor):
            names = [tuple(name) for name in getattr(network, "output_names", None) or ((0,),)]
            if self.output is not None and not (len(names) == 1 and is_meant(self.output, names[0], names)):
                raise ModelError(
                    f"The network returns one tensor and no output {self.output!r}.", 'Leave the word "output" out.'
                )
            return "0", output, 1, ""
        found = labelled(output, getattr(network, "output_names", None))
        grids = [(path, t) for path, t in found if t.ndim == image.ndim and t.is_floating_point()]
        if self.output is not None:
            path, tensor = stated(self.output, found, grids, self.channels)
            return named(path), tensor, len(grids), ""
        if not grids:
            refuse_labels((t for _, t in found), image.ndim)
            raise no_logits(output)
        path, tensor, why = self._obvious(network, grids, image)
        return named(path), tensor, len(grids), why

    def _obvious(self, network, grids, image):
        best = max(rank(t, self.channels) for _, t in grids)
        equal = [(path, t) for path, t in grids if rank(t, self.channels) == best]
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


def enlarged(logits: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """As SegFormer's authors do: (bi-, tri-)linear, corners not aligned."""
    mode = _MODES[len(size)]
    return torch.nn.functional.interpolate(logits, size=size, mode=mode, align_corners=False)


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
