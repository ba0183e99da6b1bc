"""What can compute here, with its memory; asked so that nothing is opened on a GPU that is not used.

CUDA opens a context of some hundred MB on every device whose free memory is asked for; names and sizes are told without
it, and the free memory by the driver's own tool.
"""

from __future__ import annotations

import platform
import subprocess
import warnings

import torch

from ..protocol.errors import ModelError
from .memory import memory_of_machine, named_shortage

#: a driver that hangs must not hold up the greeting
_SECONDS = 5.0


def devices() -> list[dict]:
    """[{"device", "type", "name", "total_bytes", "free_bytes"}], the one with the most free memory first, the CPU last.

    With "problem" at the CPU: why a GPU that seems to be there cannot be used.  Never raises for a broken driver.
    """
    found, problem = gpus()
    total, free = memory_of_machine()
    name = platform.processor() or platform.machine()
    cpu = {"device": "cpu", "type": "cpu", "name": name, "total_bytes": total, "free_bytes": free}
    return [*found, cpu | ({"problem": problem} if problem else {})]


def gpus() -> tuple[list[dict], str]:
    """(the GPUs as in :func:`devices`, why there is none where the driver complained). No context is opened."""
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        try:
            if not torch.cuda.is_available():
                return [], _first(str(complaints[0].message)) if complaints else ""
            known = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        except Exception as error:  # whatever a driver does: there is still the CPU
            return [], _first(str(error))
    free = _free_by_uuid()
    found = [
        {
            "device": f"cuda:{index}",
            "type": "cuda",
            "name": one.name,
            "total_bytes": int(one.total_memory),
            "free_bytes": min(int(one.total_memory), free.get(_plain(getattr(one, "uuid", "")), int(one.total_memory))),
        }
        for index, one in enumerate(known)
    ]
    return sorted(found, key=lambda one: -one["free_bytes"]), ""


def best_device() -> str:
    """The GPU with the most free memory, else the CPU."""
    found, _ = gpus()
    return found[0]["device"] if found else "cpu"


def settled_device(word: str) -> str:
    """``auto`` is the GPU with the most free memory, else the CPU. Raises ModelError for a device that is not there."""
    if word == "cpu":
        return word
    if word == "auto":
        return best_device()
    try:
        device = torch.device(word)
    except RuntimeError:
        raise ModelError(f"There is no device called '{word}'.", "Use auto, cpu, cuda or cuda:0.") from None
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ModelError(
            f"The device '{word}' is not available: PyTorch sees {count or 'no'} CUDA device(s).",
            "Use --device auto or cpu.",
        )
    return word


def move(network: torch.nn.Module, device: torch.device | str) -> None:
    """A network to where it computes, so that its pass can be kept. Raises ModelError where there is no GPU,
    MemoryLimitError, DeviceError."""
    where = torch.device(device)
    if where.type == "cuda" and not torch.cuda.is_available():
        raise ModelError("No CUDA device is available.", "Use device='cpu'.")
    with named_shortage(where):
        network.to(where)


def _free_by_uuid() -> dict[str, int]:
    """UUID -> free bytes, as the driver's tool tells; {} where there is none."""
    words = ["nvidia-smi", "--query-gpu=uuid,memory.free", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout
        pairs = [line.split(",") for line in told.splitlines() if line.strip()]
        return {_plain(uuid): int(float(free) * 2**20) for uuid, free in pairs}
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}


def _plain(uuid: object) -> str:
    return str(uuid).strip().lower().removeprefix("gpu-")


def _first(text: str) -> str:
    return text.splitlines()[0][:200] if text else "the driver gave no reason"
