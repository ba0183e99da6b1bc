"""Between a GPU and the host: few copies instead of many, and none that waits where it need not.

Reading one number from a GPU (``float``, ``bool``, ``.item()``) waits until everything asked of it so far is done.
What is needed on the host is therefore collected on the device and read once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

#: bytes that wait on a GPU, or on the CPU, to be read; beyond them everything is read: collecting costs little memory
MOST_BYTES = {"cuda": 64 * 2**20, "cpu": 4 * 2**20}
#: bytes on the host that are held by what waits
MOST_HELD = {"cuda": 2**30, "cpu": 4 * 2**20}


def to_host(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The tensors on the CPU: from a GPU through pinned memory, waited for once. Those on the CPU are not copied."""
    found, waited = [], set()
    for tensor in tensors:
        tensor = tensor.detach()
        if tensor.device.type == "cuda":
            pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            found.append(pinned.copy_(tensor, non_blocking=True))
            waited.add(tensor.device)
        else:
            found.append(tensor.cpu())
    for device in waited:
        torch.cuda.current_stream(device).synchronize()
    return found


def copy_to_host(tensor: torch.Tensor) -> tuple[torch.Tensor, Callable[[], object]]:
    """(the tensor on the CPU as soon as the function has been called, that function): a copy that is under way."""
    tensor = tensor.detach()
    if tensor.device.type != "cuda":
        return tensor.cpu(), lambda: None
    pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(tensor, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record(torch.cuda.current_stream(tensor.device))
    return pinned, arrived.synchronize


def to_device(tensor: torch.Tensor, where: torch.device, dtype: torch.dtype | None = None) -> torch.Tensor:
    """The tensor on a device: to a GPU through pinned memory, not waited for."""
    dtype = dtype or tensor.dtype
    if where.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(where, dtype)
    return tensor.to(dtype).pin_memory().to(where, non_blocking=True)


def read_together(numbers: Sequence[torch.Tensor]) -> list:
    """Python numbers of tensors with one element each, all of one dtype: one copy from every device."""
    found: list = [None] * len(numbers)
    devices: dict[torch.device, list[int]] = {}
    for place, number in enumerate(numbers):
        devices.setdefault(number.device, []).append(place)
    stacks = [torch.stack([numbers[p].detach().reshape(()) for p in places]) for places in devices.values()]
    for places, stack in zip(devices.values(), to_host(stacks), strict=True):
        for place, value in zip(places, stack.tolist(), strict=True):
            found[place] = value
    return found


def any_in(map_: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Whether the gradient is not zero everywhere, on its device: what a map that is not zero tells already.

    On the CPU the gradient, which has many channels, is looked at only where the map is zero.
    """
    if gradient.device.type != "cpu":
        return gradient.any()
    some = map_.any()
    return some if bool(some) else gradient.any()


class Collected:
    """Tensors that wait on the device, with what is to be done with them on the host, in the order they came."""

    def __init__(self) -> None:
        self._bytes = self._held = 0
        self._device = "cpu"
        self._waiting: list[tuple[tuple[torch.Tensor, ...], Callable]] = []

    def put(self, *tensors: torch.Tensor, then: Callable, held: int = 0) -> None:
        """``then(*tensors on the host)`` will be called by :meth:`flush`, or sooner where too much waits.

        Without tensors it only tells that all before it has been read.  held: bytes on the host that are free then.
        """
        self._waiting.append((tuple(t.detach() for t in tensors), then))
        self._bytes, self._held = self._bytes + sum(t.numel() * t.itemsize for t in tensors), self._held + held
        self._device = tensors[0].device.type if tensors else self._device
        if self._bytes > MOST_BYTES.get(self._device, 0) or self._held > MOST_HELD.get(self._device, 0):
            self.flush()

    def flush(self) -> None:
        """Read all that waits, with one wait for the device, and do it."""
        waiting, self._waiting = self._waiting, []
        self._bytes = self._held = 0
        arrived = iter(to_host([tensor for tensors, _ in waiting for tensor in tensors]))
        for tensors, then in waiting:
            then(*[next(arrived) for _ in tensors])
