"""A session's verbs, one at a time in a process and the same under whatever the caller has set in torch; what a device
says when it cannot go on becomes one of our errors, also where a network is moved."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from ..cam.isolation.network_place import device_of
from ..cam.isolation.undisturbed import one_question
from ..protocol.question import TF32
from .memory import named_shortage

Found = TypeVar("Found")


def whole_question(verb: Callable[..., Found]) -> Callable[..., Found]:
    """Decorator for a method of a session (``model.networks``, ``settings``) that takes ``progress``."""
    signature = inspect.signature(verb)

    @functools.wraps(verb)
    def asked(self: Any, *args: Any, **words: Any) -> Found:
        progress = signature.bind(self, *args, **words).arguments.get("progress")
        settings = self.settings
        where = settings.device or device_of(self.model.networks[0])
        with (
            named_shortage(where),
            one_question(
                self.model.networks, progress, settings.seed, settings.precision == TF32, settings.deterministic
            ),
        ):
            return verb(self, *args, **words)

    return asked
