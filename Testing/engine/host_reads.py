"""Counts how often the host would wait for a GPU: every number, truth or array that is read from a tensor."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import torch

from seghirescam.cam.isolation import host_copies

#: what reads a tensor; on the CPU most of them do not go through PyTorch's dispatcher
WAYS = ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__", "__index__", "nonzero")
#: states of random generators lie on the host whatever the device; what these copies read is counted as one
OURS = ("random_draws.py", "host_copies.py")


class Reads:
    """where: caller -> reads so far."""

    def __init__(self):
        self.where: dict[str, int] = {}
        self.arrived = False

    @property
    def total(self) -> int:
        return sum(self.where.values())

    def note(self) -> None:
        frame = sys._getframe(1)
        while frame and _is_transparent(frame.f_code):
            frame = frame.f_back
        name = frame.f_code.co_filename.split("/")[-1] if frame else "?"
        if not self.arrived and name not in OURS:
            key = f"{name}:{frame.f_lineno}" if frame else name
            self.where[key] = self.where.get(key, 0) + 1


@contextmanager
def counted():
    """Yields the Reads made inside."""
    reads = Reads()
    flush, to_host = host_copies.Collected.flush, host_copies.to_host

    def flushed(self):
        reads.where["flush"] = reads.where.get("flush", 0) + bool(self._waiting)
        before, reads.arrived = reads.arrived, True  # what is read from then on lies on the host
        try:
            flush(self)
        finally:
            reads.arrived = before

    def copied(tensors):
        if not reads.arrived:
            reads.where["to_host"] = reads.where.get("to_host", 0) + 1
        return to_host(tensors)

    with ExitStack() as stack:
        stack.enter_context(patch.object(torch, "equal", _noting(torch.equal, reads)))
        for name in WAYS:
            stack.enter_context(patch.object(torch.Tensor, name, _noting(getattr(torch.Tensor, name), reads)))
        stack.enter_context(patch.object(host_copies.Collected, "flush", flushed))
        for module in [m for n, m in sys.modules.items() if n.startswith("seghirescam") and hasattr(m, "to_host")]:
            stack.enter_context(patch.object(module, "to_host", copied))
        yield reads


def _is_transparent(code) -> bool:
    """Between a tensor's method and who called it: a mode that sees it pass, PyTorch, this file."""
    return code.co_name == "__torch_function__" or code.co_filename == __file__ or "/torch/" in code.co_filename


def _noting(method, reads):
    def noted(tensor, *words, **more):
        reads.note()
        return method(tensor, *words, **more)

    return noted
