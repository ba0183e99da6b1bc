"""The tensors inside what a forward returns: lists, dicts, named tuples, data classes, and these inside each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch

from ...protocol.errors import ModelError
from .refusals import whole_numbers


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


def named(path: tuple) -> str:
    return ".".join(str(part) for part in path)


def best_of(output, channels: int | None = None) -> torch.Tensor | None:
    """The first of the largest grids ``[B, C, *spatial]``, those with ``channels`` channels before others; or None."""
    grids = [t for _, t in labelled(output) if t.ndim >= 4 and t.is_floating_point()]
    return max(grids, key=lambda t: rank(t, channels)) if grids else None


def channels_of(grids, output, channels: int | None) -> int:
    """Channels of the logits among ``[(path, tensor)]``, as :class:`Reading` chooses; the tensors need no numbers.

    Raises ModelError where the word ``output`` fits none.
    """
    if output is not None:
        return int(stated(output, grids, grids, channels)[1].shape[1])
    return int(max((t for _, t in grids), key=lambda t: rank(t, channels)).shape[1])


def stated(word, found, grids, channels):
    paths = [path for path, _ in found]
    meant = [path for path in paths if is_meant(word, path, paths)]
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
    return max(fitting, key=lambda pair: rank(pair[1], channels))


def is_meant(word, path, paths):
    """Whether a place (of the outermost container) or a key (dots between nested ones) means this path."""
    if isinstance(word, int):
        outer = list(dict.fromkeys(p[0] for p in paths))
        return word < len(outer) and path[0] == outer[word]
    return named(path) == word or named(path).startswith(f"{word}.") or str(path[-1]) == word


def rank(tensor, channels):
    return tensor.shape[1] == channels, tensor[0, 0].numel()
