"""Activations that wait until the channel weights are known, which takes the gradients of all windows (Seg-Grad-CAM).

The weights of a fold and mirroring need its own windows only, so that no more than these are held: the network need not
run once more for their activations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import torch

from ...cam.isolation.host_copies import copy_to_host

if TYPE_CHECKING:
    from ...cam.layers.layer import Layer
    from ...cam.passes import capture
    from ...cam.placement.windows import Offset

#: a fold and the axes of a mirroring
Sweep = tuple[int, tuple[int, ...]]
Window = tuple["Offset", dict[str, torch.Tensor]]


class HeldActivations:
    """need_bytes: what the layers' activations in float32 take, of so many windows."""

    def __init__(self, layers: Iterable[Layer], windows: int):
        layers = list(layers)
        self._names = [layer.name for layer in layers]
        self.need_bytes = windows * sum(4 * layer.channels * math.prod(layer.cells) for layer in layers)
        self._sweep: Sweep | None = None
        self._windows: list[tuple[Offset, dict[str, tuple[torch.Tensor, Callable[[], object]]]]] = []

    def begin(self, sweep: Sweep | None) -> tuple[Sweep, list[Window]] | None:
        """What is held of the sweep before, once another one begins (None: none does); then it is given up."""
        if sweep == self._sweep:
            return None
        found = None if self._sweep is None else (self._sweep, [(o, _arrived(held)) for o, held in self._windows])
        self._sweep, self._windows = sweep, []
        return found

    def put(self, group: Sequence[Offset], passed: capture.Pass) -> None:
        """The activations ``[K, *cells]`` of each window of a group; on a GPU they wait in the machine's memory."""
        for b, offset in enumerate(group):
            activations = passed.activations
            self._windows.append((offset, {name: copy_to_host(activations[name][b]) for name in self._names}))

    def twice(self, limit: int) -> str:
        """The note where they were not held."""
        return (
            f"The network ran twice: the windows' activations take about {self.need_bytes / 2**30:.2f} GiB until the "
            f"channel weights are known, and {limit / 2**30:.2f} GiB are there for them."
        )


def _arrived(held: dict[str, tuple[torch.Tensor, Callable[[], object]]]) -> dict[str, torch.Tensor]:
    """The activations once their copies are there."""
    for _, wait in held.values():
        wait()
    return {name: tensor for name, (tensor, _) in held.items()}
