"""Long work in short pieces, so that Slicer's event loop is never held. No Qt: ``schedule(ms, fn)`` is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from types import GeneratorType
from typing import Any, TypeVar

#: how long the event loop may be held at a time
SECONDS = 0.02

T = TypeVar("T")
#: a generator that does its work in short pieces and returns its value at the end
StepsOf = Generator[None, None, T]


class Steps:
    """Advances one generator at a time, a few steps with every turn of the event loop."""

    def __init__(self, schedule: Callable):
        self._schedule = schedule
        self._generator: StepsOf[Any] | None = None

    @property
    def running(self) -> bool:
        return self._generator is not None

    def start(
        self, generator: StepsOf[T], onEnd: Callable[[T], object], onError: Callable[[Exception], object]
    ) -> None:
        """Begins at once; small work ends before this returns.

        onEnd(value): what the generator returned.  onError(error): what it raised.  What ran before is stopped.
        """
        self.stop()
        self._generator = generator
        self._advance(generator, onEnd, onError)

    def stop(self) -> bool:
        """What runs ends here, silently; False if nothing ran."""
        generator, self._generator = self._generator, None
        if isinstance(generator, GeneratorType) and not generator.gi_running:
            generator.close()
        return generator is not None

    def _advance(
        self, generator: StepsOf[T], onEnd: Callable[[T], object], onError: Callable[[Exception], object]
    ) -> None:
        if generator is not self._generator:  # it was stopped, or another one was started
            return
        try:
            if advanced(generator, time.monotonic() + SECONDS):
                self._schedule(0, lambda: self._advance(generator, onEnd, onError))
                return
        except StopIteration as end:
            self._generator = None
            onEnd(end.value)
        except Exception as error:
            self._generator = None
            onError(error)


def advanced(generator: StepsOf[Any], until: float) -> bool:
    """Takes steps until that time (time.monotonic). Raises StopIteration with the value at the end, else True."""
    next(generator)
    while time.monotonic() < until:
        next(generator)
    return True


def finished(generator: StepsOf[T]) -> T:
    """The value of a generator that is run to its end, here and now."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value
