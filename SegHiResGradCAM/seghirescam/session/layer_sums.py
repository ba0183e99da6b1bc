"""One layer's map over all windows: cells added up on a lattice, or one weight a channel for the whole volume."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..cam.isolation.host_copies import any_in, to_device
from ..cam.methods.grad import kept_by_averaging
from ..cam.placement.lattice import Lattice
from ..cam.placement.windows import Offset, Seeds, WindowPlan
from ..protocol.explanation import Explanation
from ..protocol.pixel_set import PixelSet
from ..protocol.value import CANCELLATION, LEFT_OUT, Value
from .answer import Run, cut_off, public_layer, why_zero

if TYPE_CHECKING:
    from ..cam.layers.layer import Layer
    from ..cam.methods.base import Balance, ContextMethod, Method, Outcome

#: a run: its fold, its window and the axes it is mirrored along
Which = tuple[int, Offset, tuple[int, ...]]


class LayerSums:
    """Base: what one method makes of one layer for one pixel set. Runs are (fold, offset, flip)."""

    #: the activations are needed once more when the gradients of all windows are known
    needs_activations = False

    def __init__(self, run: Run, layer: Layer, method: Method, seeds: Seeds, plan: WindowPlan, m_total: float):
        self.run, self.layer, self.method, self.plan, self.seeds = run, layer, method, plan, seeds
        self.m_total = m_total
        self.dims = run.model.spatial_dims
        self.info = public_layer(layer, run.prepared, self.dims)
        self._starts = [self.start((0, offset, flip)) for offset in seeds.touched for flip in plan.flips]
        self._any_gradient = False
        #: whether any run reached this layer
        self.met = False
        self.lattice = self._new_lattice()

    @staticmethod
    def of(run: Run, layer: Layer, method: Method, seeds: Seeds, plan: WindowPlan, m_total: float) -> LayerSums:
        if method.needs_context:
            return OutcomeSums(run, layer, method, seeds, plan, m_total)
        weights = method.channel_weights(torch.zeros(1), 1)
        return (CellSums if weights is None else WeightedSums)(run, layer, method, seeds, plan, m_total)

    @property
    def nbytes(self) -> int:
        """Of what is added up."""
        return self.lattice.nbytes

    def _new_lattice(self) -> Lattice:
        return Lattice(self._starts, self.info.cells, self.info.stride, self.run.prepared.valid)

    def start(self, which: Which) -> tuple[float, ...]:
        """Model-grid position of cell 0 of a run, after its map has been turned back."""
        _, offset, flip = which
        found = []
        centre = self.run.centre(self.info)
        for axis, (o, c) in enumerate(zip(offset, centre, strict=True)):
            if axis in flip:
                c = self.plan.size[axis] - 1 - c - self.info.stride[axis] * (self.info.cells[axis] - 1)
            found.append(o + c)
        return tuple(found)

    def add(self, activation: torch.Tensor, gradient: torch.Tensor, which: Which) -> None:
        """A and g ``[K, *cells]`` of one run, as the network saw them (mirrored)."""
        raise NotImplementedError

    def complete(self) -> None:
        """All runs are made: hand over what is still to be read, before everything is."""

    def explanation(self, pixels: PixelSet, score: float, facts: dict) -> Explanation:
        """Once everything collected has been read."""
        raise NotImplementedError

    def _place(self, signed: torch.Tensor, which: Which) -> np.ndarray:
        """The map ``[*cells]`` of a run as ``[K, J, I]``, turned back."""
        array = signed.detach().cpu().numpy().astype(np.float32)
        array = array if self.dims == 3 else array[None]
        return np.flip(array, which[2]) if which[2] else array

    def _finished(
        self, signed: np.ndarray, pixels: PixelSet, score: float, notes: Iterable[str], facts: dict,
        zero: str | None = None, numbers: dict[str, Value] | None = None,
    ) -> Explanation:  # fmt: skip
        grid = self.run.prepared.grid.strided(self.lattice.step, self.lattice.origin, signed.shape)
        dropped, of, lost = self.seeds.dropped, len(self.plan.offsets), {}
        meeting = len(self.seeds.touched) + dropped
        if of > 1:
            notes = (f"{meeting} of {of} sliding windows meet the pixel set; the others have no influence.", *notes)
        if dropped:
            note = (
                f"{dropped} of them, with {100 * self.seeds.left_out:.2g} % of the pixel set's weight, were left out."
            )
            lost[LEFT_OUT] = Value.of(self.seeds.left_out, note=note)
        if self.lattice.outside > 0:
            lost |= cut_off(self.lattice.outside / self.lattice.magnitude)
        notes, zero = (*notes, *(one.note for one in lost.values())), zero or why_zero(self._any_gradient)
        numbers = (numbers or {}) | lost
        return self.run.explanation(self.method, self.layer, pixels, score, signed, grid, zero, notes, facts, numbers)


class CellSums(LayerSums):
    """Maps of the windows, added: exact for local methods; for the others a sum of window maps, and it says so."""

    def add(self, activation: torch.Tensor, gradient: torch.Tensor, which: Which) -> None:
        a, g = wide(activation), wide(gradient)
        self.met = True
        signed = self.method.map_of_mean(a, g, self.info.mm_per_cell[3 - self.dims :], self.m_total)  # type: ignore[index]
        self.run.collected.put(signed, any_in(signed, g), then=partial(self._add, which))

    def _add(self, which: Which, signed: torch.Tensor, any_gradient: torch.Tensor) -> None:
        self._any_gradient = self._any_gradient or bool(any_gradient)
        self.lattice.add(self._place(signed, which), self.start(which))

    def explanation(self, pixels: PixelSet, score: float, facts: dict) -> Explanation:
        return self._finished(self.lattice.total, pixels, score, self._inexact(self.method.local), facts)

    def _inexact(self, exact: bool) -> tuple[str, ...]:
        """The sentence for maps that do not add up."""
        runs = len(self.seeds.touched) * len(self.plan.flips) * len(self.run.model.networks)
        if exact or runs == 1:
            return ()
        return (f"{self.method.title} was computed window by window and added: it has no exact whole-volume form.",)


class OutcomeSums(CellSums):
    """The same for methods that need more than A and g: the outcomes of the windows, their balances added."""

    method: ContextMethod

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._first: Outcome | None = None
        self._balance: Balance | None = None
        self._notes: dict[str, None] = {}
        self._counts: dict[str, int] = {}

    def put(self, outcome: Outcome, which: Which) -> None:
        self.met = True
        self._first = self._first or outcome
        any_gradient = torch.zeros((), dtype=torch.bool, device=outcome.map.device)  # told by the outcome itself
        self.run.collected.put(wide(outcome.map), any_gradient, then=partial(self._add, which))
        if outcome.balance:
            self._balance = self._balance.plus(outcome.balance) if self._balance else outcome.balance
        self._notes |= dict.fromkeys(outcome.notes)
        for name in ("forwards", "tail_passes"):
            self._counts[name] = self._counts.get(name, 0) + outcome.facts.get(name, 0)

    def explanation(self, pixels: PixelSet, score: float, facts: dict) -> Explanation:
        assert self._first is not None
        own = {k: v for k, v in self._first.facts.items() if not isinstance(v, float)} | self._counts
        notes = [*self._notes, *self._inexact(self.method.additive)]
        if self._balance:
            notes.insert(0, self._balance.sentence())
            own["gap"] = self._balance.gap
        return self._finished(self.lattice.total, pixels, score, notes, facts | own, self._first.zero)


class WeightedSums(LayerSums):
    """L = sum_k a_k A_k with one weight a channel from the gradients of all windows (Seg-Grad-CAM).

    Every run (fold, mirroring) has weights of its own; A is blended over overlapping windows by their importance, as
    the logits are.  Outside the windows that meet the pixel set nothing is computed.
    """

    needs_activations = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._sums: dict[tuple, torch.Tensor] = {}
        self._magnitude = self._kept = 0.0
        #: (fold, flip), sum of weighted maps, sum of weights
        self._blending: tuple[tuple, Lattice, Lattice] | None = None
        shape = self.run.prepared.valid
        self._cells = math.prod(math.ceil(n / s) for n, s in zip(shape, self.info.stride, strict=True))

    @property
    def nbytes(self) -> int:
        return 4 * self.lattice.nbytes  # with both sums of the blending, and their quotient

    def add(self, activation: torch.Tensor, gradient: torch.Tensor, which: Which) -> None:
        g = wide(gradient)
        self.met = True
        fold, _, flip = which
        found = g.flatten(1).sum(dim=1)
        key = (fold, flip)
        self._sums[key] = self._sums[key] + found if key in self._sums else found
        self.run.collected.put(g.abs().sum(), then=self._note)

    def _note(self, magnitude: torch.Tensor) -> None:
        self._any_gradient = self._any_gradient or bool(magnitude != 0)  # NaN is a gradient, too
        self._magnitude += float(magnitude)

    def blend(self, activation: torch.Tensor, which: Which) -> None:
        """All windows of a fold and mirroring in a row: sum_k a_k A_k, weighted by the importance."""
        fold, _, flip = which
        sums = self._sums[(fold, flip)]
        a = wide(to_device(activation, sums.device))
        weights = self.method.channel_weights(sums, self._cells)
        self.run.collected.put(torch.tensordot(weights, a, dims=1), then=partial(self._blend, which))

    def _blend(self, which: Which, read: torch.Tensor) -> None:
        fold, offset, flip = which
        signed = self._place(read, which)
        start = self.start(which)
        importance = self._importance(offset, start)
        if self._blending is None or self._blending[0] != (fold, flip):
            self._settle()
            self._blending = (fold, flip), self._new_lattice(), self._new_lattice()
        _, top, bottom = self._blending
        top.add(signed * importance, start)
        bottom.add(importance, start)

    def complete(self) -> None:
        for found in self._sums.values():
            self.run.collected.put(found.abs().sum(), then=self._keep)

    def _keep(self, size: torch.Tensor) -> None:
        self._kept += float(size)

    def _settle(self) -> None:
        """Add the blended map of the fold and mirroring that is complete."""
        if self._blending is None:
            return
        _, top, bottom = self._blending
        # what a cell holds is shared among the points of a finer lattice
        points = math.prod(c / s for c, s in zip(self.info.stride, top.step, strict=True))
        mean = np.divide(top.total, bottom.total, out=np.zeros_like(top.total), where=bottom.total > 0)
        total = self.lattice.total
        total += mean / np.float32(points)
        self.lattice.outside += top.outside
        self.lattice.magnitude += top.magnitude
        self._blending = None

    def explanation(self, pixels: PixelSet, score: float, facts: dict) -> Explanation:
        self._settle()
        numbers = {CANCELLATION: kept_by_averaging(self._kept, self._magnitude)}
        notes = self.method.told(numbers)
        if len(self.seeds.touched) < len(self.plan.offsets):
            notes = (*notes, "Outside the windows that meet the pixel set the map was not computed and is zero.")
        return self._finished(self.lattice.total, pixels, score, notes, facts, numbers=numbers)

    def _importance(self, offset: Offset, start: tuple[float, ...]) -> np.ndarray:
        """The window's importance at its cells' centres, ``[K, J, I]`` after turning back."""
        index = []
        for axis, (o, s) in enumerate(zip(offset, start, strict=True)):
            position = s - o + self.info.stride[axis] * np.arange(self.info.cells[axis])
            index.append(np.clip(np.round(position).astype(int), 0, self.plan.size[axis] - 1))
        return self.plan.importance[np.ix_(*index)]


def wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.dtype.itemsize < 4 else tensor
