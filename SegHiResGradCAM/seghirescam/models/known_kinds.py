"""Which kinds of model there are: each file of this room that holds ``KIND``, and those of other installed packages.

Another package offers its kind, an object or a class derived from :class:`segmentation_model.ModelKind`, by an entry
point of the group ``seghirescam.model_kinds``.  Such a kind is loaded only when none of ours recognises a source.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import warnings
from importlib import metadata
from pathlib import Path

from .segmentation_model import ModelKind

GROUP = "seghirescam.model_kinds"


@functools.cache
def own_kinds() -> tuple[ModelKind, ...]:
    """In the order in which they are asked.  A file without ``KIND`` is only read: many of them load torch."""
    found = []
    for info in pkgutil.walk_packages([str(Path(__file__).parent)], f"{__package__}."):
        source = info.module_finder.find_spec(info.name, None).loader.get_source(info.name)
        if any(line.startswith("KIND =") for line in source.splitlines()):
            found.append(importlib.import_module(info.name).KIND)
    return tuple(sorted(found, key=lambda kind: kind.order))


@functools.cache
def foreign_kinds() -> tuple[ModelKind, ...]:
    """Those of other packages, in the order in which they are asked; one that cannot be had is a warning."""
    found = []
    for entry in metadata.entry_points(group=GROUP):
        try:
            kind = entry.load()
            kind = kind() if isinstance(kind, type) else kind
        except Exception as error:  # foreign code: its message may name files and people
            _warn(f"The model kind {entry.name!r} of another package cannot be loaded ({type(error).__name__}).")
            continue
        if isinstance(kind, ModelKind):
            found.append(kind)
        else:
            _warn(f"The model kind {entry.name!r} of another package is not derived from ModelKind.")
    return tuple(sorted(found, key=lambda kind: kind.order))


def recognising(source) -> ModelKind | None:
    """The first kind that recognises ``source``; a foreign one that fails at it is a warning, and the next is asked."""
    for kind in own_kinds():
        if kind.recognises(source):
            return kind
    for kind in foreign_kinds():
        try:
            if kind.recognises(source):
                return kind
        except Exception as error:
            _warn(f"The model kind {kind.name!r} of another package failed at a source ({type(error).__name__}).")
    return None


def _warn(sentence):
    warnings.warn(sentence, stacklevel=3)
