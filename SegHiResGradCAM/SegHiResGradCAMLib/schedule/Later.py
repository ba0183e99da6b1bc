"""What is to be done later, on one timer. No Qt: the timer is given."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable
from typing import Any

#: progress that comes faster than this is not shown step by step
PROGRESS_MS = 150


class Later:
    """``later(ms, fn)`` calls fn once, from the event loop; :meth:`close` ends all that waits, for good.

    One timer, restarted: Slicer's own ``QTimer.singleShot`` makes a timer a call and never deletes it.
    """

    def __init__(self, timer: Any):
        self._timer, self._numbers = timer, itertools.count()
        self._waiting: list[tuple[float, int, Callable]] = []
        self._closed = False
        timer.setSingleShot(True)
        timer.connect("timeout()", self._next)

    def __call__(self, ms: float, fn: Callable) -> None:
        if not self._closed:
            heapq.heappush(self._waiting, (time.monotonic() + ms / 1000, next(self._numbers), fn))
            self._restart()

    def once(self, fn: Callable) -> None:
        """Calls fn soon, once for all that asked for it meanwhile."""
        if all(fn != waiting for _due, _number, waiting in self._waiting):
            self(0, fn)

    def close(self) -> None:
        """Nothing is called after this; the timer goes with the next turn of the event loop."""
        self._waiting.clear()
        if not self._closed:
            self._closed = True
            self._timer.stop()
            self._timer.deleteLater()

    def _next(self) -> None:
        if self._waiting and self._waiting[0][0] <= time.monotonic():
            _due, _number, fn = heapq.heappop(self._waiting)
            self._restart()  # first: fn may ask the user, in an event loop of its own, or raise
            fn()
        else:
            self._restart()

    def _restart(self) -> None:
        if self._waiting:
            self._timer.start(max(0, math.ceil(1000 * (self._waiting[0][0] - time.monotonic()))))


class Soon:
    """However often it is called, fn is called once in so many milliseconds, and once after the last call."""

    def __init__(self, later: Callable, ms: float, fn: Callable):
        self._later, self._ms, self._fn, self._waits = later, ms, fn, False

    def __call__(self) -> None:
        if not self._waits:
            self._waits = True
            self._later(self._ms, self._now)

    def _now(self) -> None:
        self._waits = False
        self._fn()
