"""What the caller has set in torch is not part of the question: the same numbers come out under all of it.

An autocast around the call would compute in another precision than the one that was asked for (and is told); a default
type or device would change what a forward makes by itself; TF32 would round.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager

import torch

from .fp32_rounding import fp32_rounding

_INSIDE = threading.local()


@contextmanager
def own_surroundings(network: torch.nn.Module | None = None):
    """Inside: no autocast, float32 not rounded (:mod:`fp32_rounding`), no algorithms by what was fastest a moment ago,
    new tensors on the CPU; the caller's afterwards.

    The default type is float64 for a float64 network, else float32.  Where the caller has asked for deterministic
    algorithms, an operation that has none warns instead of failing.  Inside itself it does nothing.
    """
    if getattr(_INSIDE, "now", False):
        yield
        return
    with ExitStack() as stack:
        _INSIDE.now = True
        stack.callback(setattr, _INSIDE, "now", False)
        for kind in _autocast_on():
            stack.enter_context(torch.autocast(kind, enabled=False, cache_enabled=False))
        _changed(stack, torch.get_default_dtype(), _own_dtype(network), torch.set_default_dtype)
        stack.enter_context(fp32_rounding())
        _changed(stack, torch.backends.cudnn.benchmark, False, _set_benchmark)
        if torch.are_deterministic_algorithms_enabled() and not torch.is_deterministic_algorithms_warn_only_enabled():
            torch.use_deterministic_algorithms(True, warn_only=True)
            stack.callback(torch.use_deterministic_algorithms, True, warn_only=False)
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


def _set_benchmark(value):
    torch.backends.cudnn.benchmark = value


def _changed(stack, before, own, put):
    if before != own:
        put(own)
        stack.callback(put, before)


def _autocast_on():
    """Device types for which the caller is inside an autocast."""
    kinds = {"cpu", "cuda", "mps", "xpu"}
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return [kind for kind in kinds | ({accelerator.type} if accelerator else set()) if _is_autocast_on(kind)]


def _is_autocast_on(kind):
    try:
        return torch.is_autocast_enabled(kind)
    except RuntimeError:  # a device type this build of torch does not know
        return False


def _own_dtype(network):
    if network is None:
        return torch.float32
    double = any(p.dtype in (torch.float64, torch.complex128) for p in network.parameters())
    return torch.float64 if double else torch.float32
