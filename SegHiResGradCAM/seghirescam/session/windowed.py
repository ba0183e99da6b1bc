"""Questions about a model whose own inference averages windows, mirrorings or folds: the maps of all runs added up.

Only windows that meet the pixel set are run; the others have gradient zero.  With the pixel set given and a score that
is linear in the logits nothing else is computed; otherwise the fused prediction is made first, once an image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import torch

from ..cam.isolation.finite import inside_only, nonfinite_in
from ..cam.isolation.network_place import destination
from ..cam.logits.score import decide
from ..cam.placement.windows import Seeds
from ..models import model_outputs
from ..models.base import Prepared, SegmentationModel
from ..models.model_outputs import output_channels, reading_of
from ..protocol.errors import ModelError, PixelSetError
from ..protocol.explanation import Explanation, LayerInfo
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.progress import Progress
from ..protocol.recipes import PredictedClass, Recipe, View, refuse_empty
from .answer import AUTO, Run, public_layers
from .context_methods import places, refuse
from .half_precision import in_float32, in_full_where_needed, is_reduced, retold
from .layer_choice import DEFAULT, MAIN, Question, choose_layers
from .layer_sums import LayerSums
from .memory import MemoryLimitError, free_cached, named_shortage
from .one_question import whole_question
from .several_draws import over_draws
from .window_contexts import add_contexts
from .window_passes import Settings, SharedDrawsError, WindowPasses


class WindowedSession:
    """The verbs of :class:`whole.Session` for a model with windows, mirroring or folds.

    device, precision, memory_budget_bytes, seed as there.  tolerance: the share of M's weight that windows at M's rim
    may be left out for (0: none; at 0.01 a third to five sixths of the windows ran in the benchmark).
    windows_together: None chooses by the GPU's free memory, 1 on the CPU.  Where the GPU's memory does not suffice, the
    run goes on with fewer windows at a time, then in bf16, then on the CPU, and the notes say which.  forward_calls:
    network passes so far.
    """

    def __init__(
        self,
        model: SegmentationModel,
        image: Image,
        *,
        device: str | None = None,
        precision: str = "fp32",
        memory_budget_bytes: int | None = None,
        keep: bool = True,
        tolerance: float = 0.0,
        windows_together: int | None = None,
        seed: int = 0,
    ):
        if precision not in ("fp32", "bf16"):
            raise ModelError(f"Unknown precision {precision!r}.", "Use 'fp32' or 'bf16'.")
        if not 0 <= tolerance < 1:
            raise PixelSetError(f"The tolerance must be at least 0 and below 1, got {tolerance}.", "0.01 is usual.")
        self.model, self.image = model, image
        self.device, self.precision = device, precision
        self.memory_budget_bytes, self.keep, self.seed = memory_budget_bytes, keep, seed
        self.tolerance, self.windows_together = tolerance, windows_together
        self._passes: WindowPasses | None = None
        self.reduced, self.wide = is_reduced(model.networks, precision), None

    @property
    def reading(self):
        """See :class:`outputs.Reading`."""
        return self._passes.reading if self._passes else reading_of(self.model)

    @property
    def output_notes(self) -> tuple[str, ...]:
        """What was found, assumed or chosen of the networks' outputs; known once they have run."""
        averaged = self._passes.averaged if self._passes else 1
        return (*self.reading.taken(self.model.networks[0]).notes, *model_outputs.notes(self.model, averaged))

    @property
    def forward_calls(self) -> int:
        return self._passes.calls if self._passes else 0

    @property
    def recorded(self) -> frozenset[str]:
        """Layers whose passes are kept; a question about them makes no forward call for windows already run."""
        return self.wide.recorded if self.wide else self._passes.layers if self._passes else frozenset()

    @property
    def kept_bytes(self) -> int:
        return self.wide.kept_bytes if self.wide else self._passes.nbytes if self._passes else 0

    def release(self) -> None:
        """Forget the passes and the prediction."""
        if self.wide:
            self.wide.release()
        if self._passes:
            self._passes.release()
        free_cached()

    @whole_question
    def layers(self, progress: Callable[[float, str], None] | None = None) -> list[LayerInfo]:
        """All layers that can be explained; ``cells`` are those of one window."""
        tell = Progress(progress)
        prepared = self._prepare(tell)
        return public_layers(self._passes.listed(), prepared, self.model.spatial_dims)

    @whole_question
    def logits(
        self, progress: Callable[[float, str], None] | None = None, around: PixelSet | None = None
    ) -> np.ndarray:
        """The fused logits ``[C, K, J, I]``, float32, on the model grid: what the model's library predicts.

        around: only the windows that meet this set are run; the logits are exact on the set, and nothing elsewhere.
        """
        tell = Progress(progress)
        return in_full_where_needed(self, lambda session: session._logits_now(tell, around))[0]

    def _logits_now(self, tell, around):
        prepared = self._prepare(tell)
        with torch.inference_mode(False):
            if around is not None and self._passes.logits is None:
                weights = refuse_empty(around.on(prepared.grid)).weights
                met = tuple(Seeds.of(self._passes.plan, weights).touched)
                return self._fused(tell, 1.0, offsets=met).numpy()
            return self._fused(tell, 1.0).numpy().copy()  # the kept one stays as it is

    @whole_question
    def prepared(self, progress: Callable[[float, str], None] | None = None) -> Prepared:
        """What the network sees of the image."""
        return self._prepare(Progress(progress))

    @whole_question
    def predict(self, class_index: int | str, progress: Callable[[float, str], None] | None = None) -> PixelSet:
        """Where the fused logits choose a class, on the model grid; may be empty."""
        index = self.model.class_index(class_index)
        tell = Progress(progress)
        return in_full_where_needed(self, lambda session: session._predict_now(index, tell))[0]

    def _predict_now(self, index, tell):
        self._prepare(tell)
        with torch.inference_mode(False):
            self._fused(tell, 1.0)
        return PredictedClass().resolve(self._view(index))

    @whole_question
    def ask(
        self,
        pixel_sets: Recipe | PixelSet | Sequence[Recipe | PixelSet] | None = None,
        *,
        class_index: int | str,
        methods="seg_hires_grad_cam",
        layers: str | Sequence[str] = DEFAULT,
        score: str = "logit",
        rival: int | str | None = None,
        side: str = AUTO,
        downstream: bool = False,
        draws: int = 1,
        progress: Callable[[float, str], None] | None = None,
    ) -> list[Explanation]:
        """Explanations ordered by pixel set, layer, method, each over all windows. Raises the errors of :mod:`errors`.

        downstream: also the main layers behind the first one asked for.  draws: as for :class:`whole.Session`; every
        run (window, mirroring, fold) has a draw of its own.
        """
        question = Question.understood(self.model, pixel_sets, class_index, methods, layers, score, rival, side)
        tell = Progress(progress)
        if draws != 1:
            return over_draws(self, question, draws, downstream, tell)
        return self.asked(question, tell, downstream)

    def asked(self, question: Question, tell: Progress, downstream: bool) -> list[Explanation]:
        """One draw's answers, inside :meth:`ask`."""
        found, why = in_full_where_needed(self, lambda session: session._asked_now(question, tell, downstream))
        return retold(found, why, self.model)

    def _asked_now(self, question, tell, downstream):
        notes, settings = (), self._settings
        while True:
            try:
                return self._answer(question, tell, downstream, settings, notes)
            except SharedDrawsError:
                self.release()
            except MemoryLimitError as error:
                self.release()
                smaller = settings.smaller(self.model)
                if smaller is None:
                    raise
                settings, what = smaller
                notes = (*notes, f"{error.sentence} Went on {what}.")

    @whole_question
    def estimate(self, pixel_sets: PixelSet, layers: str | Sequence[str] = DEFAULT) -> dict:
        """What a question would take, before anything runs: windows, forward passes, bytes of one window's pass.

        pixel_sets: one given set (what the model predicts is not known yet).
        """
        prepared = self._prepare(Progress(None))
        pixels = refuse_empty(pixel_sets.on(prepared.grid))
        seeds = Seeds.of(self._passes.plan, pixels.weights, self.tolerance)
        listed = self._passes.listed()
        targets, _ = choose_layers(listed, layers, pixels, self.model.spatial_dims)
        return {
            "windows": len(seeds.touched),
            "of_windows": len(self._passes.plan.offsets),
            "forward_passes": len(seeds.touched) * self._passes.runs,
            "window_bytes": self._passes.need({layer.name for layer in targets}),
        }

    def sibling(self, seed: int) -> WindowedSession:
        """As :meth:`whole.Session.sibling`."""
        other = WindowedSession(
            self.model, self.image, device=self.device, precision=self.precision, keep=False, seed=seed,
            tolerance=self.tolerance, windows_together=self.windows_together,
        )  # fmt: skip
        other._passes = WindowPasses(self.model, self._passes.prepared, False, 0)
        other._passes.reduced = other.reduced
        return other

    def count(self, calls: int) -> None:
        """Add passes that another session made for this one."""
        self._passes.calls += calls

    def widened(self) -> WindowedSession:
        """As :meth:`whole.Session.widened`."""
        other = WindowedSession(
            in_float32(self.model), self.image, device=self.device, memory_budget_bytes=self.memory_budget_bytes,
            keep=self.keep, tolerance=self.tolerance, windows_together=self.windows_together, seed=self.seed,
        )  # fmt: skip
        other.reduced = False
        return other

    def _answer(self, question, tell, downstream, settings, notes):
        prepared, dims = self._prepare(tell), self.model.spatial_dims
        blind = View(prepared.grid, prepared.valid, question.class_index, self.model.class_name(question.class_index))
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
                view = self._view(question.class_index)
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
            masks = [self._mask(question, known[i]) for i in range(len(question.recipes))]
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
                s.explanation(mask.pixels, mask.score, self._facts(mask))
                for mask, row in zip(masks, sums, strict=True)
                for s in row
                if s.met or s.layer not in free
            ]

    def _refuse(self, question, where, targets):
        passes, network = self._passes, self.model.networks[0]
        window = self._passes.prepared.tensor.new_empty(1).expand(self._passes.window_shape)
        runs, channels = len(passes.plan.offsets) * passes.runs, output_channels(self.model)
        with passes.reading.on(network):
            linear = self.is_linear(question)
            return refuse(question, self.model.head, channels, network, window, where, runs, targets, linear)

    def _add_up(self, question, tell, settings, targets, masks, sums, free, end):
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

    def _differentiate(self, question, passed, kept, which, masks, sums, free):
        fold, group, flip = which
        meeting = [i for i, mask in enumerate(masks) if any(offset in mask.seeds.touched for offset in group)]
        for i in meeting:
            mask, row = masks[i], sums[i]
            mine = [(b, offset) for b, offset in enumerate(group) if offset in mask.seeds.touched]
            with torch.enable_grad():
                logits = passed.logits
                seed = self._seed(mask, group, flip, logits)
                values = self._seeded(question, mask, logits)
                bad = ~torch.isfinite(values.detach())
                if bool(bad.any()):  # outside M: 0 * inf has no part in S
                    values = torch.where(seed != 0, values, torch.zeros_like(values))
                    bad &= seed != 0
                    mask.count_nonfinite(self._passes.plan, bad, group, flip)
                total = (values * seed).sum()
            mask.windows_total += float(total.detach().double())

            def receive(name, a, g, row=row, mine=mine):
                for b, offset in mine:
                    for s in row:
                        if s.layer.name == name:
                            s.add(a[b], g[b], (fold, offset, flip))

            with torch.no_grad():
                names = dict.fromkeys(s.layer.name for s in row)
                passed.differentiate(total, receive, kept or i != meeting[-1], names, free)

    def _blend(self, passed, fold, group, flip, masks, sums):
        for mask, row in zip(masks, sums, strict=True):
            for s in row:
                if s.needs_second_sweep and s.met:
                    for b, offset in enumerate(group):
                        if offset in mask.seeds.touched:
                            s.blend(passed.activations[s.layer.name][b], (fold, offset, flip))

    def _seeded(self, question, mask, logits):
        """What the seed is multiplied with: the score's own values, or all logits where the score is not linear."""
        logits = logits.float() if logits.dtype.itemsize < 4 else logits
        if self.is_linear(question):
            values = question.score.values(logits, self.model.head)
        else:
            averaged = model_outputs.window_values(self.model, self._passes.averaged)
            values = logits if averaged is None else averaged(logits)
        return values if self.model.spatial_dims == 3 else values.unsqueeze(-3)

    def _seed(self, mask, group, flip, logits):
        """m_p for every window of the group (zero where a window does not meet this mask), times dS/dy if needed."""
        found = []
        for offset in group:
            if offset in mask.seeds.touched:
                seed = mask.seeds.window(self._passes.plan, offset, self._passes.runs, flip)
            else:
                seed = np.zeros(self._passes.plan.size, dtype=np.float32)
            if mask.slope is not None:
                box, within = self._passes.plan.overlap(offset, mask.seeds.low, mask.seeds.high) or (None, None)
                slope = np.zeros((len(mask.slope), *self._passes.plan.size), dtype=np.float32)
                if box is not None:
                    slope[(slice(None), *within)] = mask.slope[(slice(None), *box)]
                slope = np.flip(slope, [1 + axis for axis in flip]) if flip else slope
                seed = seed[None] * slope
            found.append(torch.as_tensor(np.ascontiguousarray(seed)))
        dtype = torch.float32 if logits.dtype.itemsize < 4 else logits.dtype
        return torch.stack(found).to(device=logits.device, dtype=dtype)

    def is_linear(self, question) -> bool:
        """Whether the score is the average of the windows' scores."""
        return model_outputs.is_linear(self.model, question.score, self._passes.averaged)

    def _notes(self, masks):
        """What is to be said of the outputs."""
        found, average = model_outputs.notes(self.model, self._passes.averaged), self._passes.average
        if average is None:
            return found
        union = torch.as_tensor(sum(mask.pixels.weights for mask in masks))
        return (*found, *model_outputs.saturated_note(self.model, self._passes.logits, union))

    def _mask(self, question, pixels):
        seeds = Seeds.of(self._passes.plan, pixels.weights, self.tolerance)
        mask = _Mask(pixels, seeds)
        if not self.is_linear(question):
            box = tuple(slice(a, b) for a, b in zip(seeds.low, seeds.high, strict=True))
            average = self._passes.average
            source = self._passes.logits if average is None else average
            weights = torch.as_tensor(np.ascontiguousarray(pixels.weights[box]))
            inner = inside_only(source[(slice(None), *box)][None], weights).clone().requires_grad_()
            with torch.enable_grad():
                logits = inner if average is None else model_outputs.log_of_average(self.model, inner)
                values = question.score.values(logits, self.model.head)
                (slope,) = torch.autograd.grad(values.sum(), inner)
            mask.slope = slope[0].numpy()
            mask.nonfinite = nonfinite_in(values[0], weights).numpy()
            mask.exact = float((values[0].detach().double() * weights.double()).sum())
        return mask

    def _facts(self, mask):
        plan, seeds = self._passes.plan, mask.seeds
        return {
            "windows": {
                "run": len(seeds.touched),
                "of": len(plan.offsets),
                "size_kji": list(plan.size),
                "mirrorings": len(plan.flips),
                "folds": len(self.model.networks),
                "weight_left_out": round(seeds.left_out, 6),
            }
        }

    def _prepare(self, tell):
        tell(0.0, "preparing the image")
        if self._passes is None:
            prepared = self.model.prepared(self.image)
            self._passes = WindowPasses(self.model, prepared, self.keep, self.memory_budget_bytes)
            self._passes.reduced = self.reduced
        return self._passes.prepared

    def _fused(self, tell, end, settings=None, offsets=None):
        """The fused logits; asked for by themselves (no settings) they go on with smaller settings on a shortage."""
        if settings is not None:
            return self._passes.fuse(settings, tell, end)
        smaller = self._settings, ""
        while True:
            try:
                return self._passes.fuse(smaller[0], tell, end, offsets)
            except SharedDrawsError:
                self._passes.release()
            except MemoryLimitError:
                smaller = smaller[0].smaller(self.model)
                if smaller is None:
                    raise

    @property
    def _settings(self):
        return Settings(self.device, self.precision, self.windows_together)

    def _view(self, index):
        """What recipes may look at, the prediction included."""
        prepared, logits = self._passes.prepared, self._passes.logits

        def decided(wanted):
            return decide(logits[None], wanted, self.model.head)[0].numpy()

        return View(prepared.grid, prepared.valid, index, self.model.class_name(index), decided)


@dataclass(eq=False)
class _Mask:
    """One pixel set on its way. slope: dS/dy where the score is not linear in the logits, ``[C, box]``."""

    pixels: PixelSet
    seeds: Seeds
    slope: np.ndarray | None = None
    exact: float | None = None
    windows_total: float = field(default=0.0)
    nonfinite: np.ndarray | None = None

    def count_nonfinite(self, plan, bad: torch.Tensor, group, flip) -> None:
        """bad: bool ``[B, K, J, I]`` (or with channels) of a group of runs, as the network saw them."""
        if self.slope is not None:
            return  # counted in the fused logits
        if self.nonfinite is None:
            self.nonfinite = np.zeros(plan.shape, dtype=bool)
        for one, offset in zip(bad.cpu().numpy(), group, strict=True):
            inside, within = plan.overlap(offset)
            self.nonfinite[inside] |= (np.flip(one, flip) if flip else one)[within]

    @property
    def m_total(self) -> float:
        return float(self.pixels.weights.sum(dtype=np.float64))

    @property
    def score(self) -> float:
        return self.windows_total if self.exact is None else self.exact
