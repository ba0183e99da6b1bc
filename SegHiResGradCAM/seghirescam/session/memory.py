"""How much memory a kept pass would need, and how much there is. Bytes everywhere.

Linux, Windows and macOS without psutil: Slicer's Python does not have it.
"""

from __future__ import annotations

import ctypes
import gc
import math
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ReferenceType, ref

from ..protocol.errors import SegHiResCamError
from .hardware.device_failures import device_error, is_shortage

if TYPE_CHECKING:
    import torch

    from ..cam.layers.layer import Layer

#: the share of the free memory that a kept pass may take where the caller names no budget
SHARE = 0.25
#: tensors of the largest size that one operation of a pass without a graph has at hand
_ALIVE = 4


class MemoryLimitError(SegHiResCamError, RuntimeError):
    """The computation does not fit into the device's memory, not even with only what was asked for recorded."""

    code = "memory"


def estimate(listed: list[Layer], names: Collection[str], voxels: int, classes: int, itemsize: int) -> int:
    """Bytes that a pass keeps when the layers ``names`` are recorded.

    listed: all layers (cam.layers.Layer) in order of execution.  Counted: every module output from the first
    recorded layer on (norms and activations keep one each), a second copy of the recorded ones, the logits with their
    gradient.  Not seen: tensors made between modules by plain functions.  test_session.py compares with the truth.
    """
    first = min((layer.order for layer in listed if layer.name in names), default=0)
    behind = sum(_size(layer) for layer in listed if layer.order >= first)
    recorded = sum(_size(layer) for layer in listed if layer.name in names)
    return itemsize * (behind + recorded + 2 * classes * voxels)


def estimate_prediction(listed: list[Layer], voxels: int, classes: int, itemsize: int) -> int:
    """Bytes that a pass without a graph holds at its peak: the levels that wait for their skip, what one operation
    reads and writes with a copy for a concatenation or a convolution's workspace, and the logits.

    test_window_memory.py compares with the truth.
    """
    waiting = sum(_size(layer) for layer in listed if layer.main and layer.part == "encoder")
    largest = max((_size(layer) for layer in listed), default=0)
    return itemsize * (waiting + _ALIVE * largest + classes * voxels)


def _size(layer: Layer) -> int:
    return layer.channels * math.prod(layer.cells)


def budget(device: torch.device | str) -> int:
    """A quarter of what is free: on the GPU, or in RAM (a container's limit counts)."""
    return int(SHARE * memory_of(device)[1])


def not_kept(need: int, limit: int) -> str:
    """The note for a pass beyond the budget."""
    return (
        f"The pass was not kept for further questions: it would take about {need / 2**30:.2f} GiB, "
        f"the budget is {limit / 2**30:.2f} GiB; the next question runs the network again."
    )


def memory_of(device: torch.device | str) -> tuple[int, int]:
    """(total, free) bytes of a torch device; what the caching allocator holds without using it counts as free."""
    import torch

    device = torch.device(device)
    if device.type != "cuda":
        return memory_of_machine()
    free, total = torch.cuda.mem_get_info(device)
    idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(total), int(free + idle)


def memory_of_machine() -> tuple[int, int]:
    """(total, available) bytes of RAM."""
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":  # macOS compresses and swaps; half of all is a careful guess of what is available
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return total, total // 2
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith("kB")}
    total, free = found["MemTotal"], found.get("MemAvailable", found["MemFree"])
    limit = _container_limit()
    return (total, free) if limit is None else (min(total, limit[0]), min(free, limit[1]))


def _container_limit() -> tuple[int, int] | None:
    """(limit, what is left of it) of the control group, or None."""
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            most, now = int(Path(limit).read_text(encoding="utf-8")), int(Path(used).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # no such file, or the word "max"
            continue
        return most, max(0, most - now)
    return None


def _windows() -> tuple[int, int]:
    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong) for name in ("total", "free", "page", "page_free", "virtual", "left", "extended")
        ]

    status = Status()
    status.length = ctypes.sizeof(Status)
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return int(status.total), int(status.free)


def free_cached() -> None:
    """Give back what Python's cycles and torch's caching allocator hold."""
    import torch

    gc.collect()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def watched(*held: object) -> list[ReferenceType]:
    """For :func:`gone`: what holds the memory of passes that are about to be dropped, without holding it."""
    return [ref(one) for one in held]


def gone(dropped: Iterable[ReferenceType]) -> None:
    """Give back the memory of passes that were dropped. dropped: of :func:`watched`.

    No session is part of a cycle (test_released.py), so that on the CPU its memory has gone with the last reference:
    looking through all of Python's objects, which takes longer than a small question, is left to the case that
    something is still there, for a network of somebody else's may make cycles.
    """
    import torch

    if (torch.cuda.is_available() and torch.cuda.is_initialized()) or any(one() is not None for one in dropped):
        free_cached()


@contextmanager
def named_shortage(device: torch.device | str) -> Iterator[None]:
    """Turn the allocators' errors into a MemoryLimitError with the numbers, and those of a GPU that does not compute
    into a DeviceError (:mod:`device_failures`); every other error passes."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        short, failed = is_shortage(error), device_error(error, device)
        if not short and failed is None:
            raise
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    else:
        return
    # outside the handler: the traceback would keep the tensors of the failed pass alive
    if failed is not None:
        raise failed
    try:
        total, free = memory_of(device)
        numbers = f" ({free / 2**30:.1f} of {total / 2**30:.1f} GiB free)"
    except (RuntimeError, AssertionError):  # a GPU that does not even answer that, or a PyTorch without any
        total, free, numbers = 0, 0, ""
    owner = "GPU" if str(device).startswith("cuda") else "machine"
    raise MemoryLimitError(
        f"The memory of the {owner} does not suffice for this{numbers}.",
        "Choose a deeper layer, a smaller image or, on a GPU, the CPU.",
        total_bytes=total,
        free_bytes=free,
        allocator=reason,
    )
