"""Telling how far a computation is, and stopping it: a caller's ``progress(fraction, phase)`` may raise to cancel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: (fraction, phase); may raise to cancel
Tell = Callable[[float, str], None]


class Progress:
    """Hands fractions on to the caller, never backwards; without a caller it does nothing at all."""

    def __init__(self, tell: Callable[[float, str], object] | None = None):
        self._tell = tell
        self._reached = 0.0

    def __call__(self, fraction: float, phase: str) -> None:
        if self._tell is not None:
            self._reached = max(self._reached, min(1.0, float(fraction)))
            self._tell(self._reached, phase)

    def part(self, start: float, end: float, before: str = "") -> Progress:
        """A stretch of this progress as one of its own."""
        if self._tell is None:
            return Progress()
        return Progress(lambda fraction, phase: self(start + (end - start) * fraction, before + phase))

    @contextmanager
    def during(self, network: Any, start: float, end: float, phase: str) -> Iterator[None]:
        """Tell ``phase`` at every module call inside the block, so that a long pass moves and can be cancelled.

        The hooks are gone when the block ends, also when the caller raised.
        """
        self(start, phase)
        if self._tell is None:
            yield
            return
        modules = list(network.modules())
        calls = 0

        def hook(module: object, inputs: object) -> None:
            nonlocal calls
            calls += 1
            try:
                self(start + (end - start) * min(1.0, calls / len(modules)), phase)
            except Exception as error:
                raise _Stopped(error) from None

        handles = [module.register_forward_pre_hook(hook) for module in modules]
        try:
            yield
        except _Stopped as stopped:
            raise stopped.reason from None
        finally:
            for handle in handles:
                handle.remove()


class _Stopped(BaseException):
    """Carries the caller's exception out of the network: no ``except Exception`` on the way may swallow it."""

    def __init__(self, reason: Exception):
        super().__init__()
        self.reason = reason
