"""A network that belongs to somebody else: where it lives, moving it there and back, noticing that it changed."""

from __future__ import annotations

from contextlib import contextmanager

import torch

from ...protocol.errors import ModelError


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
    if moved:
        network.to(where)
    try:
        yield where, not moved
    finally:
        if moved:
            network.to(home)


def stamp(network: torch.nn.Module) -> list[tuple]:
    """Changes whenever a parameter or buffer is replaced or written to, also through ``.data``."""
    return [fingerprint(t) for t in (*network.parameters(), *network.buffers())]


def fingerprint(tensor: torch.Tensor) -> tuple:
    """Address, version and sum: writes through ``.data`` leave the version as it was."""
    total = tensor.detach().sum(dtype=None if tensor.is_complex() else torch.float32)
    return tensor.data_ptr(), tensor._version, total.item()
