"""The methods, one small file a family, registered by name.

A new method is one new file with a class derived from :class:`Method` and decorated with :func:`register`; files in
this folder are imported on first use, methods from elsewhere register when their module is imported, or come by an
entry point (:mod:`entry_points`).
"""

from __future__ import annotations

import importlib
import pkgutil

from ...protocol.errors import MethodError
from .base import Method, register, registered
from .entry_points import offered, problems

__all__ = ["Method", "method", "methods", "names", "register"]


def methods() -> dict[str, type[Method]]:
    """All registered methods by name."""
    _import_all()
    problems()
    return dict(registered)


def names() -> list[str]:
    """Of all methods; no foreign code runs, and no torch is loaded."""
    _import_all()
    return sorted({*registered, *offered()})


def method(wanted: str | Method) -> Method:
    """A method by name (with its default settings), or the instance itself. Raises MethodError with the list."""
    if isinstance(wanted, Method):
        return wanted
    known = methods()
    if wanted in known:
        return known[wanted]()
    if wanted in problems():
        raise MethodError(problems()[wanted], "Ask its authors, or choose another method.")
    raise MethodError(f"There is no method {wanted!r}.", f"Choose one of: {', '.join(sorted(known))}.")


def _import_all():
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
