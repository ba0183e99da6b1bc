"""A session's verbs, one at a time in a process and the same under whatever the caller has set in torch."""

from __future__ import annotations

import functools
import inspect

from ..cam.isolation.undisturbed import one_question


def whole_question(verb):
    """Decorator for a method of a session (``model.networks``, ``seed``) that takes ``progress``."""
    signature = inspect.signature(verb)

    @functools.wraps(verb)
    def asked(self, *args, **words):
        progress = signature.bind(self, *args, **words).arguments.get("progress")
        with one_question(self.model.networks, progress, self.seed):
            return verb(self, *args, **words)

    return asked
