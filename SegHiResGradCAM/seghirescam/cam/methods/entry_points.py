"""Methods of other installed packages: their entry points of the group ``seghirescam.methods``.

An entry point's name is that of the method; its module registers it when it is imported.
"""

from __future__ import annotations

import functools
import warnings
from importlib import metadata

from .base import registered

GROUP = "seghirescam.methods"


@functools.cache
def offered() -> dict[str, metadata.EntryPoint]:
    """By the method's name; nothing is imported."""
    return {entry.name: entry for entry in metadata.entry_points(group=GROUP)}


@functools.cache
def problems() -> dict[str, str]:
    """Imports them all, once; a sentence for each that cannot be had, which is a warning, too."""
    found = {name: problem for name, entry in offered().items() if (problem := _problem(name, entry))}
    for problem in found.values():
        warnings.warn(problem, stacklevel=2)
    return found


def _problem(name, entry):
    package = entry.dist.name if entry.dist else entry.module
    try:
        entry.load()
    except Exception as error:  # foreign code: its message may name files and people
        return f"The method {name!r} of the package {package!r} cannot be loaded ({type(error).__name__})."
    return "" if name in registered else f"The package {package!r} offers the method {name!r} and registers none."
