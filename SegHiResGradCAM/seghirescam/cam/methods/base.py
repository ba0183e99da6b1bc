"""What a method is: activations and gradients in, one signed map out; or a whole :class:`context.Context` in.

Two kinds.  A :class:`Method` gives ``map`` from A and g; all of them share one forward and one backward pass.  A
:class:`ContextMethod` gives ``compute`` from a context and runs what it needs itself (tails, full forwards, a pass of
its own).  Both may refuse with ``check`` before anything is computed.

No file of this folder imports torch before a method runs: the command line lists the methods, and a help is quick.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from ...protocol.value import Value

registered: dict[str, type[Method]] = {}

#: unit of maps that are on no scale of the score
ARBITRARY = "arbitrary"


def register(cls):
    """Class decorator: make a method known by its ``name``."""
    registered[cls.name] = cls
    return cls


def _float32():
    import torch

    return torch.float32


@dataclass(frozen=True, eq=False)
class Situation:
    """What is known before anything is computed; :meth:`Method.check` judges by it.

    network; shape: of its input, ``[1, C, *spatial]``; dtype, device: of its input.  score: a :class:`score.Score`;
    head: as in :mod:`heads`; classes: output channels.  layer: a :class:`listing.Layer`, None while none is chosen.
    windows: how many runs (windows, mirrorings, folds) the model's inference averages, 1 if none.
    """

    network: torch.nn.Module
    shape: tuple[int, ...]
    score: object
    head: str
    classes: int
    layer: object | None = None
    windows: int = 1
    dtype: torch.dtype = field(default_factory=_float32)
    device: torch.device | str = "cpu"


class Method(ABC):
    """Base of all activation-and-gradient methods; subclasses are immutable dataclasses of their settings.

    name: registry key.  title: as the field writes it.  paper: where it comes from; bibtex: its entry.
    about: formula, source and what it tells, in a few sentences.  cost: passes forward (F) and backward (B), K is
    the number of channels.  slow: it takes a pass for each channel or step.
    unit: of the map, None for the score's; ``ARBITRARY`` maps cannot be compared in size, only in shape.
    local: the map at a cell depends on A and g in its neighbourhood only, so that the maps of sliding windows add up
    to the map of the whole volume.  Methods that are not local either give :meth:`channel_weights` (one weight a
    channel from a mean gradient) or have no meaning beyond one window, and the result says so.
    at_input: the map lies on the image itself, whatever layer is asked for.
    """

    name: str
    title: str
    paper: str
    bibtex: str = ""
    about: str = ""
    cost: str = "1 F + 1 B"
    slow = False
    unit: str | None = None
    local = False
    at_input = False
    needs_context = False

    @abstractmethod
    def map(self, activation: torch.Tensor, gradient: torch.Tensor, cell_mm: tuple[float, ...]) -> torch.Tensor:
        """Signed map ``[*cells]`` from A and g = dS/dA, both ``[K, *cells]`` float; cell_mm in the same axis order."""

    def map_of_mean(
        self, activation: torch.Tensor, gradient: torch.Tensor, cell_mm: tuple[float, ...], m_total: float
    ) -> torch.Tensor:
        """:meth:`map`, told |M| as well: for methods whose map changes shape when the score is scaled."""
        return self.map(activation, gradient, cell_mm)

    def check(self, situation: Situation) -> None:  # noqa: B027 most methods work everywhere
        """Raise MethodError, in one sentence and before any computing, where this method cannot work."""

    def channel_weights(self, gradient_sums: torch.Tensor, cells: int) -> torch.Tensor | None:
        """a_k ``[K]`` of L = sum_k a_k A_k, from sum_u g_k(u) over all windows and the number of cells of the whole
        volume; None for methods that are not of this form."""
        return None

    def numbers(self, activation: torch.Tensor, gradient: torch.Tensor) -> dict[str, Value]:
        """What is worth knowing beside this map, by name."""
        return {}

    def told(self, numbers: dict[str, Value]) -> tuple[str, ...]:
        """Sentences about these numbers that the user should read."""
        return ()

    def remarks(self, activation: torch.Tensor, gradient: torch.Tensor) -> tuple[str, ...]:
        """Sentences the user should read beside this map."""
        return ()

    def settings(self) -> dict:
        """JSON-able settings, for provenance: the fields of the dataclass."""
        return {one.name: getattr(self, one.name) for one in fields(self)} if is_dataclass(self) else {}


@dataclass(frozen=True)
class Balance:
    """What a map's parts add up to beside what they should. rule: how they were computed; name: of the target."""

    rule: str
    found: float
    target: float
    name: str

    @property
    def gap(self) -> float:
        """Relative to the target; the plain difference where that is zero."""
        difference = self.found - self.target
        return difference / abs(self.target) if self.target else difference

    def sentence(self) -> str:
        return (
            f"{self.rule}: the parts add up to {self.found:.6g}, {self.name} is {self.target:.6g}; the gap is "
            f"{self.gap:.1e}, relative."
        )

    def plus(self, other: Balance) -> Balance:
        return Balance(self.rule, self.found + other.found, self.target + other.target, self.name)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a context method found. map: signed ``[*cells]`` (of the layer, or of the input for ``at_input``).

    notes: sentences for the user.  facts: JSON-able, for the provenance.  zero: why the map may be all zero.
    balance: for methods whose parts should add up to something.
    """

    map: torch.Tensor
    notes: tuple[str, ...] = ()
    facts: dict = field(default_factory=dict)
    zero: str = "every contribution is zero"
    balance: Balance | None = None


class ContextMethod(Method):
    """A method that needs more than A and g: the network, the input, the tail.

    additive: the maps of sliding windows add up to the map of the fused score (the method is linear in S).
    """

    cost = ""
    needs_context = True
    additive = False

    @abstractmethod
    def compute(self, context) -> Outcome:
        """The map for one pixel set at one layer; context: a :class:`context.Context`."""

    def map(self, activation, gradient, cell_mm):
        raise NotImplementedError(f"{self.title} needs a context, not only A and g.")


def sum_of_products(weights: torch.Tensor, activation: torch.Tensor) -> torch.Tensor:
    """sum_k weights_k(u) A_k(u), both ``[K, *cells]``.

    Channel by channel: the product of all channels at once would be one more tensor of their size.
    """
    total = activation.new_zeros(activation.shape[1:])
    for w, a in zip(weights, activation, strict=True):
        total.addcmul_(w, a)
    return total


def weighted_sum(weights: torch.Tensor, activation: torch.Tensor) -> torch.Tensor:
    """sum_k w_k A_k(u) from ``[K]`` and ``[K, *cells]``; what is not finite stays so, also under a weight of zero."""
    import torch

    return torch.tensordot(weights.to(activation.dtype), activation, dims=1)
