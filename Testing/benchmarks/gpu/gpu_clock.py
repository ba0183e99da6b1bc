"""Times and memory on a GPU (on the CPU the times alone), and what they were taken on."""

from __future__ import annotations

import gc
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import Any

import torch

CUDA = torch.cuda.is_available()
DEVICE = "cuda:0" if CUDA else "cpu"


class Clock:
    """How much of the time that the whole run may take is left."""

    def __init__(self, seconds: float):
        self._started, self._seconds = time.monotonic(), seconds

    @property
    def passed(self) -> float:
        return time.monotonic() - self._started

    @property
    def is_over(self) -> bool:
        return self.passed > self._seconds


def machine() -> dict:
    """card, driver and capability are None where there is no GPU."""
    facts = {"torch": torch.__version__, "python": platform.python_version(), "card": None, "driver": None}
    if CUDA:
        properties = torch.cuda.get_device_properties(0)
        facts |= {
            "card": properties.name,
            "memory_gib": round(properties.total_memory / 2**30, 1),
            "capability": f"{properties.major}.{properties.minor}",
            "driver": _driver(),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "bf16": torch.cuda.is_bf16_supported(including_emulation=False),
        }
    return facts


def _driver() -> str:
    words = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout.split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return "unknown"


def synchronise() -> None:
    if CUDA:
        torch.cuda.synchronize()


def forget() -> None:
    """Give back what nobody holds, so that the next peak is its own."""
    gc.collect()
    if CUDA:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def timed(work: Callable[[], Any], times: int = 5) -> tuple[dict, Any]:
    """({first_s, median_s, min_s, p95_s, peak_gib above what stood before}, what the last call gave)."""
    forget()
    before = torch.cuda.memory_allocated() if CUDA else 0
    first, found = _seconds(work)
    taken = []
    for _ in range(times):
        found = None  # the last answer is not held while the next one is made
        seconds, found = _seconds(work)
        taken.append(seconds)
    taken.sort()
    peak = (torch.cuda.max_memory_allocated() - before) / 2**30 if CUDA else None
    return {
        "first_s": round(first, 4),
        "median_s": round(statistics.median(taken), 5),
        "min_s": round(taken[0], 5),
        "p95_s": round(taken[min(len(taken) - 1, round(0.95 * (len(taken) - 1) + 0.49))], 5),
        "peak_gib": None if peak is None else round(peak, 3),
    }, found


def _seconds(work):
    synchronise()
    started = time.perf_counter()
    found = work()
    synchronise()
    return time.perf_counter() - started, found
