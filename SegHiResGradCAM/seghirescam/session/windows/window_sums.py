"""Every run once for all pixel sets, layers and methods: each window's gradients go into the sums of its sets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import torch

from ...models import model_outputs
from ..layer_sums import LayerSums, WeightedSums
from .held_activations import HeldActivations

if TYPE_CHECKING:
    from ...cam.layers.layer import Layer
    from ...cam.passes import capture
    from ...cam.placement.windows import Offset
    from ...protocol.progress import Progress
    from ..window_masks import WindowMask
    from ..window_passes import Settings, WindowPasses

#: a pixel set on its way, and what its windows add to
Row = tuple["WindowMask", list[LayerSums]]


class WindowSums:
    """rows: each pixel set with its sums, of methods of activation and gradient.  linear: whether the score is, in what
    the passes give.  free: names of layers that nobody named, and that may have no influence on the score.
    """

    def __init__(
        self, passes: WindowPasses, settings: Settings, rows: Sequence[Row], linear: bool, free: frozenset[str]
    ):
        self.passes, self.settings, self.rows, self.linear, self.free = passes, settings, rows, linear, free

    def add_up(self, targets: Sequence[Layer], tell: Progress, end: float, limit: int) -> tuple[str, ...]:
        """Run the windows that matter; returns notes.

        limit: bytes that activations may take which wait for channel weights; beyond it the network runs twice.
        """
        # in their places' order, so that a set's sums are the same to the last bit whatever else is asked
        touched = sorted({offset for mask, _ in self.rows for offset in mask.seeds.touched})
        names = [layer.name for layer in targets]
        waiting = {s.layer.name: s.layer for _, row in self.rows for s in row if s.needs_activations}
        held = HeldActivations(waiting.values(), len(touched))
        twice = bool(waiting) and held.need_bytes > limit
        middle = 0.4 + 0.5 * (end - 0.4) if twice else end
        # closed at once when something fails: the networks are theirs again before the caller sees the error
        with closing(self.passes.each(touched, names, self.settings, tell, 0.4, middle, "explaining")) as passes:
            for fold, group, flip, passed, kept in passes:
                if waiting and not twice:
                    self._blend_held(held.begin((fold, flip)))
                    held.put(group, passed)
                self._differentiate(passed, kept, (fold, group, flip))
        self._blend_held(held.begin(None))
        if not twice:
            return ()
        phase = "weighting the channels"
        with closing(self.passes.each(touched, names, self.settings, tell, middle, end, phase)) as passes:
            for fold, group, flip, passed, _ in passes:
                activations = passed.activations
                for b, offset in enumerate(group):
                    self._blend((fold, flip), offset, {name: activations[name][b] for name in waiting})
        return (held.twice(limit),)

    def _differentiate(
        self, passed: capture.Pass, kept: bool, which: tuple[int, tuple[Offset, ...], tuple[int, ...]]
    ) -> None:
        fold, group, flip = which
        plan = self.passes.plan
        meeting = [i for i, (mask, _) in enumerate(self.rows) if any(offset in mask.seeds.touched for offset in group)]
        for i in meeting:
            mask, row = self.rows[i]
            mine = [(b, offset) for b, offset in enumerate(group) if offset in mask.seeds.touched]
            with torch.enable_grad():
                logits = passed.logits
                seed = mask.seed(plan, self.passes.runs, group, flip, logits)
                values = self._seeded(mask, logits)
                bad = ~torch.isfinite(values.detach()) & (seed != 0)
                # outside M: 0 * inf has no part in S; done everywhere, since to look whether it is needed would wait
                values = torch.where(seed != 0, values, torch.zeros_like(values))
                mask.count_nonfinite(plan, bad, group, flip)
                total = (values * seed).sum()
            row[0].run.collected.put(total, then=mask.add_total)

            def receive(
                name: str, a: torch.Tensor, g: torch.Tensor, row: list[LayerSums] = row,
                mine: list[tuple[int, Offset]] = mine,
            ) -> None:  # fmt: skip
                for b, offset in mine:
                    for s in row:
                        if s.layer.name == name:
                            s.add(a[b], g[b], (fold, offset, flip))

            with torch.no_grad():
                names = dict.fromkeys(s.layer.name for s in row)
                passed.differentiate(total, receive, kept or i != meeting[-1], names, self.free)

    def _seeded(self, mask: WindowMask, logits: torch.Tensor) -> torch.Tensor:
        """What the seed is multiplied with: the score's own values, or all logits where the score is not linear."""
        model = self.passes.model
        logits = logits.float() if logits.dtype.itemsize < 4 else logits
        if self.linear:
            values = mask.score.values(logits, model.head)
        else:
            averaged = model_outputs.window_values(model, self.passes.averaged)
            values = logits if averaged is None else averaged(logits)
        return values if model.spatial_dims == 3 else values.unsqueeze(-3)

    def _blend_held(self, found: tuple | None) -> None:
        """The windows of a fold and mirroring whose gradients are all known."""
        if found is not None:
            which, windows = found
            for offset, activations in windows:
                self._blend(which, offset, activations)

    def _blend(self, which: tuple[int, tuple[int, ...]], offset: Offset, activations: dict[str, torch.Tensor]) -> None:
        fold, flip = which
        for mask, row in self.rows:
            if offset in mask.seeds.touched:
                for s in row:
                    if isinstance(s, WeightedSums) and s.met:
                        s.blend(activations[s.layer.name], (fold, offset, flip))
