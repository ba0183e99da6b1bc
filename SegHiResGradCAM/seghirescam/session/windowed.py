"""Questions about a model whose own inference averages windows, mirrorings or folds: the maps of all runs added up.

Only windows that meet the pixel set are run; the others have gradient zero.  With the pixel set given and a score that
is linear in the logits nothing else is computed; otherwise the fused prediction is made first, once an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import torch

from ..cam.isolation.network_place import destination
from ..cam.layers.layer import Layer
from ..cam.logits.outputs import Reading
from ..cam.logits.score import decide
from ..cam.placement.windows import Seeds
from ..models import model_outputs
from ..models.model_outputs import reading_of
from ..models.segmentation_model import SegmentationModel
from ..protocol.errors import PixelSetError
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.progress import Progress
from ..protocol.question import DEFAULT, MAIN
from ..protocol.recipes import PredictedClass, refuse_empty
from .answer import Run
from .context_methods import places
from .interface import Session
from .layer_choice import choose_layers
from .layer_sums import LayerSums, WeightedSums
from .memory import MemoryLimitError, free_cached, named_shortage
from .one_question import whole_question
from .window_contexts import add_contexts
from .window_masks import WindowMask
from .window_passes import Settings, SharedDrawsError, WindowPasses

if TYPE_CHECKING:
    import numpy as np

    from ..cam.passes import capture
    from ..cam.placement.windows import Offset
    from ..models.segmentation_model import Prepared
    from ..protocol.explanation import Explanation
    from ..protocol.question import ComputeSettings
    from ..protocol.recipes import View
    from .understood import Understood


class WindowedSession(Session):
    """A session about a model with windows, mirroring or folds.

    tolerance: the share of M's weight that windows at M's rim may be left out for (0: none; at 0.01 a third to five
    sixths of the windows ran in the benchmark).  windows_together: None chooses by the GPU's free memory, 1 on the CPU.
    Where the GPU's memory does not suffice, the run goes on with fewer windows at a time, then in bf16, then on the
    CPU, and the notes say which.
    """

    def __init__(
        self,
        model: SegmentationModel,
        image: Image,
        *,
        keep: bool = True,
        windows_together: int | None = None,
        **settings: Any,
    ):
        super().__init__(model, image, keep=keep, **settings)
        if not 0 <= self.tolerance < 1:
            raise PixelSetError(
                f"The tolerance must be at least 0 and below 1, got {self.tolerance}.", "0.01 is usual."
            )
        self.windows_together = windows_together
        self._passes: WindowPasses = None  # type: ignore[assignment]  # until the image is prepared

    @property
    def reading(self) -> Reading:
        return self._passes.reading if self._passes else reading_of(self.model)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self._passes.window_shape

    @property
    def averaged(self) -> int:
        return self._passes.averaged if self._passes else 1

    @property
    def runs(self) -> int:
        return len(self._passes.plan.offsets) * self._passes.runs

    def runs_around(self, pixel_set: PixelSet) -> int:
        weights = pixel_set.on(self._prepare(Progress()).grid).weights
        return len(Seeds.of(self._passes.plan, weights).touched) * self._passes.runs

    @property
    def tolerance(self) -> float:
        return self.settings.tolerance

    @property
    def forward_calls(self) -> int:
        return self._passes.calls if self._passes else 0

    def count(self, calls: int) -> None:
        self._passes.calls += calls

    @property
    def recorded(self) -> frozenset[str]:
        return self.wide.recorded if self.wide else self._passes.layers if self._passes else frozenset()

    def holds(self, layer: str, pixel_set: PixelSet) -> bool:
        if layer not in self.recorded or self._passes is None:
            return False
        weights = pixel_set.on(self._prepared.grid).weights
        return self._passes.holds(Seeds.of(self._passes.plan, weights, self.tolerance).touched)

    @property
    def kept_bytes(self) -> int:
        return self.wide.kept_bytes if self.wide else self._passes.nbytes if self._passes else 0

    def release(self) -> None:
        if self.wide:
            self.wide.release()
        if self._passes:
            self._passes.release()
        free_cached()

    def listed(self, tell: Progress | None = None) -> list[Layer]:
        return self._passes.listed()

    @whole_question
    def estimate(self, pixel_set: PixelSet, layers: str | Sequence[str] = DEFAULT) -> dict:
        """Windows, forward passes, and bytes of one window's pass."""
        prepared = self._prepare(Progress())
        pixels = refuse_empty(pixel_set.on(prepared.grid))
        seeds = Seeds.of(self._passes.plan, pixels.weights, self.tolerance)
        targets, _ = choose_layers(self.listed(), layers, pixels, self.model.spatial_dims)
        return {
            "windows": len(seeds.touched),
            "of_windows": len(self._passes.plan.offsets),
            "forward_passes": len(seeds.touched) * self._passes.runs,
            "window_bytes": self._passes.need({layer.name for layer in targets}),
        }

    def is_linear(self, question: Understood) -> bool:
        """Whether the score is the average of the windows' scores."""
        return model_outputs.is_linear(self.model, question.score, self.averaged)

    def _another(self, model: SegmentationModel, settings: ComputeSettings, keep: bool) -> Session:
        other = super()._another(model, settings, keep)
        assert isinstance(other, WindowedSession)
        other.windows_together = self.windows_together
        return other

    def _prepare(self, tell: Progress) -> Prepared:
        prepared = super()._prepare(tell)
        if self._passes is None:
            self._passes = WindowPasses(self.model, prepared, self.keep, self.settings.memory_budget_bytes)
            self._passes.reduced = self.reduced
        return prepared

    def _logits_now(self, tell: Progress, around: PixelSet | None) -> np.ndarray:
        prepared = self._prepare(tell)
        with torch.inference_mode(False):
            if around is not None and self._passes.logits is None:
                weights = refuse_empty(around.on(prepared.grid)).weights
                met = tuple(Seeds.of(self._passes.plan, weights).touched)
                return self._fused(tell, 1.0, offsets=met).numpy()
            return self._fused(tell, 1.0).numpy().copy()  # the kept one stays as it is

    def _predict_now(self, index: int, tell: Progress) -> PixelSet:
        self._prepare(tell)
        with torch.inference_mode(False):
            self._fused(tell, 1.0)
        return PredictedClass().resolve(self._seen(index))

    def _answer(self, question: Understood, tell: Progress, downstream: bool) -> list[Explanation]:
        settings = self._settings
        notes: tuple[str, ...] = ()
        while True:
            try:
                return self._answered(question, tell, downstream, settings, notes)
            except SharedDrawsError:
                self.release()
            except MemoryLimitError as error:
                self.release()
                smaller = settings.smaller(self.model)
                if smaller is None:
                    raise
                settings, what = smaller
                notes = (*notes, f"{error.sentence} Went on {what}.")

    def _answered(
        self, question: Understood, tell: Progress, downstream: bool, settings: Settings, notes: tuple[str, ...]
    ) -> list[Explanation]:
        prepared, dims = self._prepare(tell), self.model.spatial_dims
        blind = self._view(question.class_index)
        known = {i: refuse_empty(r.resolve(blind)) for i, r in enumerate(question.recipes) if not r.needs_prediction}
        where = destination(self.model.networks[0], settings.device)
        with torch.inference_mode(False), named_shortage(where):
            listed = self._passes.listed()
            model_outputs.settle(self.model)
            model_outputs.refuse_lost_logit(self.model, question.score)
            early = question.layers != DEFAULT or 0 in known
            targets, chosen = choose_layers(listed, question.layers, known.get(0), dims) if early else (None, ())
            taken = self._refuse(question, where, targets)
            if len(known) < len(question.recipes) or not self.is_linear(question):
                self._fused(tell, 0.4, settings)
                view = self._seen(question.class_index)
                known = {i: known.get(i) or refuse_empty(r.resolve(view)) for i, r in enumerate(question.recipes)}
            if targets is None:
                targets, chosen = choose_layers(listed, question.layers, known[0], dims)
                taken = self._refuse(question, where, targets)
            asked = list(targets)
            if downstream:
                first = min(layer.order for layer in targets)
                targets = [*targets, *(x for x in listed if x.main and x.order > first and x not in targets)]
            settings, slimmer = self._passes.fitting(settings, {layer.name for layer in targets}, where)
            notes = (*notes, *slimmer)
            score = None if self.is_linear(question) else question.score
            masks = [WindowMask.of(self._passes, known[i], self.tolerance, score) for i in range(len(question.recipes))]
            taken_output = self._passes.reading.taken(self.model.networks[0])
            run = Run(
                self.model, self.image, prepared, question.score, question.side, settings.precision, str(where),
                (*taken_output.notes, *self._notes(masks), *notes, *chosen), taken_output.facts,
            )  # fmt: skip
            behind = targets[len(asked) :]
            rows = [
                (layer, m)
                for layer, methods in places(question, targets, self._passes.window_shape)
                for m in methods
                if not question.methods[m].needs_context or (layer.name in taken[m] and layer not in behind)
            ]
            sums = [
                [
                    LayerSums.of(run, layer, question.methods[m], mask.seeds, self._passes.plan, mask.m_total)
                    for layer, m in rows
                ]
                for mask in masks
            ]
            # nobody named these one by one: what has no influence on the score is left out
            free = behind if downstream else targets if question.layers == MAIN else []
            plain = [[s for s in row if not s.method.needs_context] for row in sums]
            if plain[0]:
                middle = 1.0 if len(plain[0]) == len(sums[0]) else 0.6
                names = frozenset(x.name for x in free)
                self._add_up(question, tell, settings, targets, masks, plain, names, middle)
            add_contexts(self._passes, run, settings, tell, masks, sums, not plain[0], 0.6 if plain[0] else 0.4)
            model_outputs.refuse_suspected(self.model)
            for mask in masks:
                if mask.nonfinite is not None:
                    run.count_nonfinite(mask.pixels, mask.nonfinite)
            tell(1.0, "done")
            return [
                s.explanation(mask.pixels, mask.score, mask.facts(self._passes.plan, len(self.model.networks)))
                for mask, row in zip(masks, sums, strict=True)
                for s in row
                if s.met or s.layer not in free
            ]

    def _add_up(
        self, question: Understood, tell: Progress, settings: Settings, targets: list[Layer], masks: list[WindowMask],
        sums: list[list[LayerSums]], free: frozenset[str], end: float,
    ) -> None:  # fmt: skip
        """Every run once for all masks, layers and methods; a second time where channel weights had to be known."""
        touched = dict.fromkeys(offset for mask in masks for offset in mask.seeds.touched)
        names = [layer.name for layer in targets]
        twice = any(s.needs_second_sweep for row in sums for s in row)
        middle = 0.4 + 0.5 * (end - 0.4) if twice else end
        # closed at once when something fails: the networks are theirs again before the caller sees the error
        with closing(self._passes.each(touched, names, settings, tell, 0.4, middle, "explaining")) as passes:
            for fold, group, flip, passed, kept in passes:
                self._differentiate(question, passed, kept, (fold, group, flip), masks, sums, free)
        if not twice:
            return
        with closing(
            self._passes.each(touched, names, settings, tell, middle, end, "weighting the channels")
        ) as passes:
            for fold, group, flip, passed, _ in passes:
                self._blend(passed, fold, group, flip, masks, sums)

    def _differentiate(
        self, question: Understood, passed: capture.Pass, kept: bool,
        which: tuple[int, tuple[Offset, ...], tuple[int, ...]], masks: list[WindowMask], sums: list[list[LayerSums]],
        free: frozenset[str],
    ) -> None:  # fmt: skip
        fold, group, flip = which
        meeting = [i for i, mask in enumerate(masks) if any(offset in mask.seeds.touched for offset in group)]
        for i in meeting:
            mask, row = masks[i], sums[i]
            mine = [(b, offset) for b, offset in enumerate(group) if offset in mask.seeds.touched]
            with torch.enable_grad():
                logits = passed.logits
                seed = mask.seed(self._passes.plan, self._passes.runs, group, flip, logits)
                values = self._seeded(question, mask, logits)
                bad = ~torch.isfinite(values.detach())
                if bool(bad.any()):  # outside M: 0 * inf has no part in S
                    values = torch.where(seed != 0, values, torch.zeros_like(values))
                    bad &= seed != 0
                    mask.count_nonfinite(self._passes.plan, bad, group, flip)
                total = (values * seed).sum()
            mask.windows_total += float(total.detach().double())

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
                passed.differentiate(total, receive, kept or i != meeting[-1], names, free)

    def _blend(
        self, passed: capture.Pass, fold: int, group: Sequence[Offset], flip: tuple[int, ...], masks: list[WindowMask],
        sums: list[list[LayerSums]],
    ) -> None:  # fmt: skip
        for mask, row in zip(masks, sums, strict=True):
            for s in row:
                if isinstance(s, WeightedSums) and s.met:
                    for b, offset in enumerate(group):
                        if offset in mask.seeds.touched:
                            s.blend(passed.activations[s.layer.name][b], (fold, offset, flip))

    def _seeded(self, question: Understood, mask: WindowMask, logits: torch.Tensor) -> torch.Tensor:
        """What the seed is multiplied with: the score's own values, or all logits where the score is not linear."""
        logits = logits.float() if logits.dtype.itemsize < 4 else logits
        if self.is_linear(question):
            values = question.score.values(logits, self.model.head)
        else:
            averaged = model_outputs.window_values(self.model, self._passes.averaged)
            values = logits if averaged is None else averaged(logits)
        return values if self.model.spatial_dims == 3 else values.unsqueeze(-3)

    def _notes(self, masks: list[WindowMask]) -> tuple[str, ...]:
        """What is to be said of the outputs."""
        found, average = model_outputs.notes(self.model, self._passes.averaged), self._passes.average
        if average is None:
            return found
        union = torch.as_tensor(sum(mask.pixels.weights for mask in masks))
        return (*found, *model_outputs.saturated_note(self.model, self._passes.logits, union))

    def _fused(
        self, tell: Progress, end: float, settings: Settings | None = None, offsets: tuple[Offset, ...] | None = None
    ) -> torch.Tensor:
        """The fused logits; asked for by themselves (no settings) they go on with smaller settings on a shortage."""
        if settings is not None:
            return self._passes.fuse(settings, tell, end)
        smaller = self._settings
        while True:
            try:
                return self._passes.fuse(smaller, tell, end, offsets)
            except SharedDrawsError:
                self._passes.release()
            except MemoryLimitError:
                less = smaller.smaller(self.model)
                if less is None:
                    raise
                smaller = less[0]

    @property
    def _settings(self) -> Settings:
        return Settings(self.device, self.precision, self.windows_together)

    def _seen(self, index: int) -> View:
        """The view with the prediction in it."""
        logits = self._passes.logits
        return self._view(index, lambda wanted: decide(logits[None], wanted, self.model.head)[0].numpy())  # type: ignore[index]
