"""One pixel set on its way through the windows: which of them matter to it, with which weights, and its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..cam.isolation.finite import inside_only, nonfinite_in
from ..cam.isolation.host_copies import to_device
from ..cam.placement.windows import Seeds
from ..models.model_outputs import log_of_average
from ..protocol.pixel_set import PixelSet

if TYPE_CHECKING:
    from ..cam.logits.score import Score
    from ..cam.placement.windows import Offset, WindowPlan
    from .window_passes import WindowPasses


@dataclass(eq=False)
class WindowMask:
    """place: in the question.  m_total: |M|.  slope: dS/dy where the score is not linear in the logits, ``[C, box]``;
    exact: S where it is known by then."""

    place: int
    score: Score
    seeds: Seeds
    m_total: float
    slope: np.ndarray | None = None
    exact: float | None = None
    windows_total: float = 0.0
    #: where S is not finite: the voxels, or those of the box around M on the device
    nonfinite: np.ndarray | torch.Tensor | None = None

    @staticmethod
    def of(
        passes: WindowPasses, place: int, pixels: PixelSet, tolerance: float, score: Score, linear: bool
    ) -> WindowMask:
        """passes: :class:`window_passes.WindowPasses`. linear: whether the score is linear in what the passes give."""
        seeds = Seeds.of(passes.plan, pixels.weights, tolerance)
        m_total = float(pixels.weights.sum(dtype=np.float64))
        if linear:
            return WindowMask(place, score, seeds, m_total)
        box = tuple(slice(a, b) for a, b in zip(seeds.low, seeds.high, strict=True))
        average = passes.average
        source = passes.logits if average is None else average
        weights = torch.as_tensor(np.ascontiguousarray(pixels.weights[box]))
        inner = inside_only(source[(slice(None), *box)][None], weights).clone().requires_grad_()  # type: ignore[index]
        with torch.enable_grad():
            logits = inner if average is None else log_of_average(passes.model, inner)
            values = score.values(logits, passes.model.head)
            (slope,) = torch.autograd.grad(values.sum(), inner)
        exact = float((values[0].detach().double() * weights.double()).sum())
        nonfinite = nonfinite_in(values[0], weights).numpy()
        return WindowMask(place, score, seeds, m_total, slope[0].numpy(), exact, nonfinite=nonfinite)

    def seed(
        self, plan: WindowPlan, runs: int, group: Sequence[Offset], flip: tuple[int, ...], logits: torch.Tensor
    ) -> torch.Tensor:
        """m_p for every window of the group (zero where a window does not meet this set), times dS/dy if needed."""
        found = []
        for offset in group:
            if offset in self.seeds.touched:
                seed = self.seeds.window(plan, offset, runs, flip)
            else:
                seed = np.zeros(plan.size, dtype=np.float32)
            if self.slope is not None:
                seed = seed[None] * self._slope_in(plan, offset, flip)
            found.append(torch.as_tensor(np.ascontiguousarray(seed)))
        dtype = torch.float32 if logits.dtype.itemsize < 4 else logits.dtype
        return to_device(torch.stack(found), logits.device, dtype)

    def _slope_in(self, plan: WindowPlan, offset: Offset, flip: tuple[int, ...]) -> np.ndarray:
        assert self.slope is not None
        met = plan.overlap(offset, self.seeds.low, self.seeds.high)
        slope = np.zeros((len(self.slope), *plan.size), dtype=np.float32)
        if met:
            box, within = met
            slope[(slice(None), *within)] = self.slope[(slice(None), *box)]
        return np.flip(slope, tuple(1 + axis for axis in flip)) if flip else slope

    def count_nonfinite(
        self, plan: WindowPlan, bad: torch.Tensor, group: Sequence[Offset], flip: tuple[int, ...]
    ) -> None:
        """bad: bool ``[B, K, J, I]`` of a group of runs, as the network saw them, in M only; it stays on its device."""
        if self.slope is not None:
            return  # counted in the fused logits
        low, high = self.seeds.low, self.seeds.high
        if self.nonfinite is None:
            box = tuple(b - a for a, b in zip(low, high, strict=True))
            self.nonfinite = torch.zeros(box, dtype=torch.bool, device=bad.device)
        for one, offset in zip(bad, group, strict=True):
            met = plan.overlap(offset, low, high)
            if met is not None:
                self.nonfinite[met[0]] |= (one.flip(flip) if flip else one)[met[1]]

    def add_total(self, total: torch.Tensor) -> None:
        """The score of one run, read from the device."""
        self.windows_total += float(total)

    def facts(self, plan: WindowPlan, folds: int) -> dict:
        """For the provenance."""
        return {
            "windows": {
                "run": len(self.seeds.touched),
                "of": len(plan.offsets),
                "size_kji": list(plan.size),
                "mirrorings": len(plan.flips),
                "folds": folds,
                "weight_left_out": round(self.seeds.left_out, 6),
            }
        }

    @property
    def total(self) -> float:
        """S."""
        return self.windows_total if self.exact is None else self.exact

    @property
    def nbytes(self) -> int:
        """Of what is held until the last window."""
        return self.seeds.share.nbytes + (0 if self.slope is None else self.slope.nbytes)
