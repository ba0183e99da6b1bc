"""What each request is answered with: one file a request, found by what it registers."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from ...protocol.requests import Request

#: (request, jobs, tell) -> the answer's data; tell(fraction, phase) may raise to cancel
Handler = Callable[..., dict]

_HANDLERS: dict[type[Request], Handler] = {}


def answers(*requests: type[Request]) -> Callable[[Handler], Handler]:
    """Registers what answers these requests."""

    def register(handler: Handler) -> Handler:
        _HANDLERS.update(dict.fromkeys(requests, handler))
        return handler

    return register


def handlers() -> dict[type[Request], Handler]:
    """All of them; the first call imports this folder's files."""
    for file in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{file.name}")
    return _HANDLERS
