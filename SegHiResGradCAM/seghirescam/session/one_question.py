"""A session's verbs, one at a time in a process and the same under whatever the caller has set in torch."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from ..cam.isolation.undisturbed import one_question

Found = TypeVar("Found")


def whole_question(verb: Callable[..., Found]) -> Callable[..., Found]:
    """Decorator for a method of a session (``model.networks``, ``seed``) that takes ``progress``."""
    signature = inspect.signature(verb)

    @functools.wraps(verb)
    def asked(self: Any, *args: Any, **words: Any) -> Found:
        progress = signature.bind(self, *args, **words).arguments.get("progress")
        with one_question(self.model.networks, progress, self.seed):
            return verb(self, *args, **words)

    return asked
