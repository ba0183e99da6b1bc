"""Resident memory of this process and its peak over a block, in MiB."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident() -> float | None:
    """RSS now; None where the system does not tell."""
    return _field("VmRSS:")


def settle() -> None:
    """Collect garbage and give free heap pages back, so that every contestant starts from the same state."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        pass


class Peak:
    """``with Peak() as peak: ...``; then ``peak.mib`` is the highest RSS inside the block and ``peak.how`` the means.

    The kernel's own high-water mark is reset where that is permitted (nothing is missed and nothing costs time);
    otherwise a thread looks every 2 ms, which misses short peaks and costs a little CPU time.
    """

    def __enter__(self) -> Peak:
        self.mib, self.how, self._stop = None, "not measured", threading.Event()
        if resident() is None:
            return self
        try:
            _CLEAR.write_text("5", encoding="utf-8")
            self.how = "VmHWM reset"
        except OSError:
            self.how = "sampled every 2 ms"
            self._thread = threading.Thread(target=self._sample, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        if self.how == "VmHWM reset":
            self.mib = _field("VmHWM:")
        elif self.how != "not measured":
            self._stop.set()
            self._thread.join()

    def _sample(self) -> None:
        self.mib = 0.0
        while not self._stop.is_set():
            self.mib = max(self.mib, resident())
            time.sleep(0.002)


def _field(name: str) -> float | None:
    try:
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), None)
