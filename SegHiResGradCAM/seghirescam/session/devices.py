"""What can compute here, with its memory."""

from __future__ import annotations

import platform

import torch

from ..protocol.errors import ModelError
from .memory import memory_of, memory_of_machine


def devices() -> list[dict]:
    """Devices with their memory, the best first, the CPU last."""
    found = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            total, free = torch.cuda.mem_get_info(index)
            name = torch.cuda.get_device_name(index)
            found.append(
                {"device": f"cuda:{index}", "type": "cuda", "name": name, "total_bytes": total, "free_bytes": free}
            )
    total, free = memory_of_machine()
    name = platform.processor() or platform.machine()
    return [*found, {"device": "cpu", "type": "cpu", "name": name, "total_bytes": total, "free_bytes": free}]


def best_device() -> str:
    """The GPU with the most free memory, else the CPU."""
    if not torch.cuda.is_available():
        return "cpu"
    return max((f"cuda:{n}" for n in range(torch.cuda.device_count())), key=lambda name: memory_of(name)[1])


def move(network: torch.nn.Module, device: torch.device | str) -> None:
    """A network to where it computes, so that its pass can be kept. Raises ModelError where there is no GPU."""
    where = torch.device(device)
    if where.type == "cuda" and not torch.cuda.is_available():
        raise ModelError("No CUDA device is available.", "Use device='cpu'.")
    network.to(where)
