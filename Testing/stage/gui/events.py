"""The event loop in tests: waiting for something, and measuring how long the loop stood still."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from PySide6 import QtCore, QtWidgets

from . import failures
from .failures import StageError


def process(*limit) -> None:
    """One round of the event loop; what a timer raises is collected (PySide would hand it to us, Slicer prints it)."""
    try:
        QtWidgets.QApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, *limit)
    except Exception:
        failures.record(*sys.exc_info())


def waitUntil(condition, timeoutMs: int = 5000, what: str = "") -> None:
    """Runs the event loop until ``condition()`` is true; raises StageError when the time is over."""
    end = time.monotonic() + timeoutMs / 1000
    while not condition():
        if time.monotonic() > end:
            raise StageError(f"after {timeoutMs} ms still not: {what or getattr(condition, '__name__', 'condition')}")
        process(10)
        time.sleep(0.002)


def wait(milliseconds: int) -> None:
    """Runs the event loop for that long."""
    end = time.monotonic() + milliseconds / 1000
    while time.monotonic() < end:
        process(10)
        time.sleep(0.002)


def deleteLater() -> None:
    """Carries out what ``deleteLater`` has promised."""
    QtWidgets.QApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
    process()


class LoopGap:
    """Measures the longest time in which the event loop could not answer, without what other processes took of it.

    A zero-delay timer ticks whenever the loop is free; between two ticks somebody held it.  Only while
    :func:`waitUntil` or another loop runs::

        with LoopGap() as gap:
            waitUntil(done)
        assert gap.longest < 1.0    # seconds
    """

    def __enter__(self):
        self.longest = 0.0
        self._last = time.monotonic() - _waitedForCpu()
        self._timer = QtCore.QTimer()
        self._timer.interval = 5
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        return self

    def _tick(self):
        now = time.monotonic() - _waitedForCpu()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def __exit__(self, *problem):
        self._tick()
        self._timer.stop()


def _waitedForCpu() -> float:
    """Seconds in which this thread could have run and the machine was busy with others; 0 where nobody counts them."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text(encoding="utf-8").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
