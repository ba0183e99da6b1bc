"""The methods, one small file a family, registered by name.

A new method is one new file with a class derived from :class:`Method` and decorated with :func:`register`; files in
this folder are imported on first use, methods from elsewhere register when their module is imported.
"""

from __future__ import annotations

import importlib
import pkgutil

from ...protocol.errors import MethodError
from .base import Method, register, registered

__all__ = ["Method", "method", "methods", "register"]


def methods() -> dict[str, type[Method]]:
    """All registered methods by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(registered)


def method(wanted: str | Method) -> Method:
    """A method by name (with its default settings), or the instance itself. Raises MethodError with the list."""
    if isinstance(wanted, Method):
        return wanted
    known = methods()
    if wanted not in known:
        raise MethodError(f"There is no method {wanted!r}.", f"Choose one of: {', '.join(sorted(known))}.")
    return known[wanted]()
