"""A network that belongs to somebody else: where it lives, moving it there and back, noticing that it changed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager

import torch

from ...protocol.errors import ModelError
from .host_copies import read_together


def device_of(network: torch.nn.Module) -> torch.device:
    """Where the network lives; the CPU if it has no parameters."""
    return next((p.device for p in network.parameters()), torch.device("cpu"))


def destination(network: torch.nn.Module, device: str | None) -> torch.device:
    """Where the network is to compute; raises ModelError where there is no such device."""
    where = torch.device(device) if device is not None else device_of(network)
    if where.type == "cuda" and not torch.cuda.is_available():
        raise ModelError("No CUDA device is available.", "Use device='cpu'.")
    return where


@contextmanager
def placed(network: torch.nn.Module, device: str | None):
    """(device, whether the network is at home there); a network from elsewhere is moved back afterwards."""
    home, where = device_of(network), destination(network, device)
    moved = where.type != home.type or (where.index is not None and where.index != home.index)
    try:
        if moved:
            network.to(where)  # inside: one that fails half-way is brought back, too
        yield where, not moved
    finally:
        if moved:
            network.to(home)


def stamp(network: torch.nn.Module) -> list[tuple]:
    """Changes whenever a parameter or buffer is replaced or written to, also through ``.data``."""
    return fingerprints([*network.parameters(), *network.buffers()])


def fingerprints(tensors: Sequence[torch.Tensor]) -> list[tuple]:
    """Address, version and sum of each: writes through ``.data`` leave the version as it was.

    The sums are read from the device all at once: one by one a GPU would wait some hundred times.
    """
    totals = iter(read_together([t.detach().sum(dtype=torch.float32) for t in tensors if not t.is_complex()]))
    return [(t.data_ptr(), t._version, t.detach().sum().item() if t.is_complex() else next(totals)) for t in tensors]
