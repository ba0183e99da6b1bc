"""What a method is: activations and gradients in, one signed map out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

registered: dict[str, type[Method]] = {}


def register(cls):
    """Class decorator: make a method known by its ``name``."""
    registered[cls.name] = cls
    return cls


class Method(ABC):
    """Base of all activation-and-gradient methods; subclasses are immutable dataclasses of their settings.

    name: registry key.  title: as the field writes it.  paper: where it comes from.
    local: the map at a cell depends on A and g in its neighbourhood only, so that the maps of sliding windows add up
    to the map of the whole volume.  Methods that are not local either give :meth:`channel_weights` (one weight a
    channel from a mean gradient) or have no meaning beyond one window, and the result says so.
    """

    name: str
    title: str
    paper: str
    local = False

    @abstractmethod
    def map(self, activation: torch.Tensor, gradient: torch.Tensor, cell_mm: tuple[float, ...]) -> torch.Tensor:
        """Signed map ``[*cells]`` from A and g = dS/dA, both ``[K, *cells]`` float; cell_mm in the same axis order."""

    def channel_weights(self, gradient_sums: torch.Tensor, cells: int) -> torch.Tensor | None:
        """a_k ``[K]`` of L = sum_k a_k A_k, from sum_u g_k(u) over all windows and the number of cells of the whole
        volume; None for methods that are not of this form."""
        return None

    def remarks(self, activation: torch.Tensor, gradient: torch.Tensor) -> tuple[str, ...]:
        """Sentences the user should read beside this map."""
        return ()

    def settings(self) -> dict:
        """JSON-able settings, for provenance."""
        return {}


def sum_of_products(weights: torch.Tensor, activation: torch.Tensor) -> torch.Tensor:
    """sum_k weights_k(u) A_k(u), both ``[K, *cells]``.

    Channel by channel: the product of all channels at once would be one more tensor of their size.
    """
    total = torch.zeros_like(activation[0])
    for w, a in zip(weights, activation, strict=True):
        total.addcmul_(w, a)
    return total
