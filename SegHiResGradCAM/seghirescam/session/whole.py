"""One model and one image, many questions: the pass is kept, so that the next question costs a backward pass only.

The first question runs the network and keeps its graph from the first recorded layer on.  Recorded are the layers
asked for, and with them what a user is likely to ask next: the main layers of the bottleneck and the decoder (which lie
behind most targets anyway), and those of the encoder where the estimated memory allows it.  A new pixel set, class,
score, method or recorded layer then makes no forward call.  Beyond the memory budget nothing is kept; the notes say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from ..cam.isolation.finite import inside_only, nonfinite_in
from ..cam.isolation.network_place import device_of, placed, stamp
from ..cam.isolation.undisturbed import undisturbed
from ..cam.layers.listing import listed_layers
from ..cam.logits.score import decide
from ..cam.passes import capture
from ..cam.passes.forwards import own_words
from ..models import model_outputs
from ..models.base import Prepared, SegmentationModel
from ..models.model_outputs import check_classes, output_channels, reading_of
from ..protocol.errors import GradientError, LayerError, ModelError
from ..protocol.explanation import Explanation, LayerInfo
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.progress import Progress
from ..protocol.recipes import PredictedClass, Recipe, View, refuse_empty
from .answer import AUTO, Run, public_layers
from .context_methods import INPUT, Contextual, refuse
from .half_precision import in_float32, in_full_where_needed, is_reduced, refuse_overflow, retold
from .layer_choice import DEFAULT, MAIN, Question, choose_layers, main_layers
from .memory import MemoryLimitError, budget, estimate, free_cached, named_shortage, not_kept
from .one_question import whole_question
from .several_draws import over_draws


class Session:
    """Ask about one image again and again; :func:`explain.explain` says what a question may hold.

    device: default the network's own.  A network that lives elsewhere is moved there and back for every question, and
    then nothing is kept.  precision: "fp32" or "bf16".  memory_budget_bytes: what the kept pass may take (default: a
    quarter of the device's free memory at the time of the pass; 0: keep nothing).  keep=False: every question makes a
    pass of its own that records only what it needs.  The network is left as it was after every call; a weight that
    changed between two questions is noticed.  seed: of a network that draws random numbers; every pass, also of another
    verb, belongs to that draw.  forward_calls: passes made so far.
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
        seed: int = 0,
    ):
        if precision not in ("fp32", "bf16"):
            raise ModelError(f"Unknown precision {precision!r}.", "Use 'fp32' or 'bf16'.")
        self.model, self.image = model, image
        self.device, self.precision = device, precision
        self.memory_budget_bytes = memory_budget_bytes
        self.keep, self.seed = keep, seed
        self.forward_calls = 0
        (self._network,) = model.networks
        self.reading = reading_of(model)
        self._autocast = torch.bfloat16 if precision == "bf16" else None
        self._prepared = None
        self._kept: _Kept | None = None
        self.reduced, self.wide = is_reduced(model.networks, precision), None

    @property
    def recorded(self) -> frozenset[str]:
        """Names of the layers about which a question costs no forward call; empty if no pass is kept."""
        return self.wide.recorded if self.wide else self._kept.names if self._kept else frozenset()

    @property
    def kept_bytes(self) -> int:
        """Estimated memory of the kept pass."""
        return self.wide.kept_bytes if self.wide else self._kept.need_bytes if self._kept else 0

    def release(self) -> None:
        """Forget the kept pass and give its memory back; the next question makes a new one."""
        if self.wide:
            self.wide.release()
        if self._kept:
            self._kept = None
            free_cached()

    @whole_question
    def layers(self, progress: Callable[[float, str], None] | None = None) -> list[LayerInfo]:
        """All layers that can be explained: stride, channels, cells, mm per cell, part, placement."""
        tell = Progress(progress)
        prepared = self._prepare(tell)
        listing = tell.during(self._network, 0.05, 0.05, "listing the layers")
        with self.reading.on(self._network), listing:
            listed = listed_layers(self._network, prepared.tensor, device_of(self._network))
        return public_layers(listed, prepared, self.model.spatial_dims)

    @whole_question
    def logits(
        self, progress: Callable[[float, str], None] | None = None, around: PixelSet | None = None
    ) -> np.ndarray:
        """The logits ``[C, K, J, I]``, float32, on the model grid (padding included).

        around: makes no difference here; see :meth:`windowed.WindowedSession.logits`.
        """
        tell = Progress(progress)
        return in_full_where_needed(self, lambda session: session._logits_now(tell))[0]

    def _logits_now(self, tell):
        self._prepare(tell)
        with torch.inference_mode(False), self._borrowed() as (where, _):
            with named_shortage(where):
                found = self._known_logits(tell, where)[0].float().cpu().numpy()
        return found if self.model.spatial_dims == 3 else found[:, None]

    def is_linear(self, question) -> bool:
        """Whether the question's score is linear in the logits."""
        return question.score.linear

    @whole_question
    def prepared(self, progress: Callable[[float, str], None] | None = None) -> Prepared:
        """What the network sees of the image."""
        return self._prepare(Progress(progress))

    @whole_question
    def predict(self, class_index: int | str, progress: Callable[[float, str], None] | None = None) -> PixelSet:
        """Where the network chooses a class, on the model grid (padding excluded); may be empty."""
        index = self.model.class_index(class_index)
        tell = Progress(progress)
        return in_full_where_needed(self, lambda session: session._predict_now(index, tell))[0]

    def _predict_now(self, index, tell):
        self._prepare(tell)
        with torch.inference_mode(False), self._borrowed() as (where, _):
            return PredictedClass().resolve(self._seen(self._view(index), self._known_logits(tell, where)))

    @property
    def output_notes(self) -> tuple[str, ...]:
        """What was found, assumed or chosen of the network's outputs; known once the network has run."""
        return (*self.reading.taken(self._network).notes, *model_outputs.notes(self.model))

    @contextmanager
    def _borrowed(self):
        """The network in evaluation mode, at its place and returning logits; (device, whether it is at home)."""
        network = self._network
        with undisturbed(network), placed(network, self.device) as both, self.reading.on(network):
            yield both

    def _known_logits(self, tell, where):
        usable = self._kept and self._kept.stamp == stamp(self._network)
        return self._kept.done.logits.detach() if usable else self._predicted(tell, where)

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
        """Explanations ordered by pixel set, layer, method. Raises the errors of :mod:`errors`; nothing is left behind.

        downstream: after the layers asked for, also those recorded behind the first of them; the backward pass meets
        them anyway.  draws: for a network that draws random numbers, the mean map of so many draws
        (:mod:`several_draws`).  Where a pass that records more than was asked for fails (memory, a layer that cannot be
        recorded), one that records no more is tried before the error is raised.
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
        if self.keep:
            try:
                return self._answer(question, tell, False, downstream)
            except (MemoryLimitError, _ExtraLayerError):
                self.release()
        return self._answer(question, tell, True, downstream)

    def widened(self) -> Session:
        """This session in fp32, see :mod:`half_precision`."""
        words = {"device": self.device, "memory_budget_bytes": self.memory_budget_bytes, "seed": self.seed}
        other = Session(in_float32(self.model), self.image, keep=self.keep, **words)
        other.reduced = False
        return other

    def sibling(self, seed: int) -> Session:
        """A session about the same prepared image with another seed, that keeps nothing."""
        other = Session(self.model, self.image, device=self.device, precision=self.precision, keep=False, seed=seed)
        other._prepared = self._prepared
        return other

    def count(self, calls: int) -> None:
        """Add passes that another session made for this one."""
        self.forward_calls += calls

    def _prepare(self, tell):
        tell(0.0, "preparing the image")
        if self._prepared is None:
            self._prepared = self.model.prepared(self.image)
        return self._prepared

    def _answer(self, question, tell, frugal, downstream):
        model, network, prepared = self.model, self._network, self._prepare(tell)
        view = self._view(question.class_index)
        known = {i: refuse_empty(r.resolve(view)) for i, r in enumerate(question.recipes) if not r.needs_prediction}
        with torch.inference_mode(False), self._borrowed() as (where, at_home):
            if self._kept and self._kept.stamp != stamp(network):
                self.release()
            with named_shortage(where):
                with tell.during(network, 0.05, 0.05, "listing the layers"):
                    listed = listed_layers(network, prepared.tensor, where)
                model_outputs.settle(model)
                model_outputs.refuse_lost_logit(model, question.score)
                asking = _Asking(question, view, known, listed, tell, where)
                taken = self._refuse(asking)
                if any(not m.needs_context for m in question.methods):
                    done, targets, notes, keep = self._pass(asking, frugal or not at_home)
                    logits = done.logits.detach()
                else:
                    targets, notes, logits = self._without_pass(asking)
                if question.layers == DEFAULT:
                    taken = self._refuse(asking, targets)
                wanted = targets
                if downstream:
                    first = min(layer.order for layer in targets)
                    behind = (x for x in listed if x.name in self.recorded and x.order > first and x not in targets)
                    targets = [*targets, *behind]
                # nobody named these one by one: what has no influence on the score is left out
                free = targets[len(wanted) :] if downstream else targets if question.layers == MAIN else []
                if self.keep and not at_home:
                    notes = (*notes, f"The network was moved to {where} for this question; its pass was not kept.")
                for i, recipe in enumerate(question.recipes):
                    if i not in known:
                        known[i] = refuse_empty(recipe.resolve(self._seen(view, logits)))
                notes = (*self._notes(known, logits), *notes)
                taken_output = self.reading.taken(network)
                run = Run(
                    model, self.image, prepared, question.score, question.side, self.precision, str(where),
                    (*taken_output.notes, *notes), taken_output.facts,
                )  # fmt: skip
                found = {}
                if any(not m.needs_context for m in question.methods):
                    names = frozenset(x.name for x in free)
                    found = self._differentiated(asking, run, done, targets, keep, names)
                    del done
                self._with_context(asking, run, wanted, taken, logits, found)
        order = [*(layer.name for layer in targets), INPUT]
        keys = [(i, name, m) for i in range(len(known)) for name in order for m in range(len(question.methods))]
        answers = [found[key] for key in keys if key in found]
        tell(1.0, "done")
        return answers

    def _notes(self, known, logits):
        """What is to be said of the outputs. logits: None where no pass was made for all methods together."""
        found = model_outputs.notes(self.model)
        if logits is None or not model_outputs.is_undone(self.model):
            return found
        union = sum(_as_tensor(pixels, self.model.spatial_dims, logits) for pixels in known.values())
        return (*found, *model_outputs.saturated_note(self.model, logits[0], union))

    def _refuse(self, asking, targets=None):
        """What the methods take, by their place; raises MethodError. Before anything is computed where that can be."""
        if targets is None and (asking.question.layers != DEFAULT or 0 in asking.known):
            targets = self._targets(asking)[0]
        model, tensor = self.model, self._prepared.tensor
        channels = output_channels(model)
        return refuse(asking.question, model.head, channels, self._network, tensor, asking.where, 1, targets)

    def _without_pass(self, asking):
        """(target layers, notes, logits or None) for methods that make their own passes."""
        logits = self._kept.done.logits.detach() if self._kept else None
        if len(asking.known) < len(asking.question.recipes):
            logits = self._predicted(asking.tell, asking.where) if logits is None else logits
        if 0 not in asking.known:
            self._resolve_first(asking, logits)
        return *self._targets(asking), logits

    def _with_context(self, asking, run, targets, taken, logits, found):
        """Add the answers of methods that need more than A and g; found: (set, layer name, method place) -> answer."""
        if not any(m.needs_context for m in asking.question.methods):
            return
        tensor, channels = self._prepared.tensor.to(asking.where, copy=True), output_channels(self.model)
        special = Contextual(run, self._network, tensor, asking.listed, self._autocast, channels, logits)
        weights = [_as_tensor(asking.known[i], self.model.spatial_dims, tensor) for i in range(len(asking.known))]
        answers = special.answers(asking.question, targets, taken, weights, asking.tell, 0.6 if found else 0.2)
        for key, method, layer, outcome, exact in answers:
            check_classes(self.model, special.share["logits"])
            refuse_overflow(self, special.share["logits"])
            run.count_nonfinite(asking.known[key[0]], special.nonfinite(weights[key[0]]))
            found[key] = run.outcome(method, outcome, layer, asking.known[key[0]], exact)
        self.forward_calls += special.forwards

    def _pass(self, asking, frugal):
        """(pass, target layers, notes, whether its graph must live on): the kept pass, or a new one."""
        unseen = asking.question.layers == DEFAULT and 0 not in asking.known
        if self._kept:
            if unseen:
                self._resolve_first(asking, self._kept.done.logits.detach())
            targets, notes = self._targets(asking)
            if self.recorded.issuperset(layer.name for layer in targets):
                return self._kept.done, targets, notes, True
            self.release()
        elif unseen:
            # the default layer is a main layer: with all of them recorded one pass shows the prediction and serves it
            mains = main_layers(asking.listed)
            if not frugal and self._fits(asking, mains)[0]:
                self._keep(asking, mains)
                self._resolve_first(asking, self._kept.done.logits.detach())
                return self._kept.done, *self._targets(asking), True
            self._resolve_first(asking, self._predicted(asking.tell, asking.where))
        targets, notes = self._targets(asking)
        if not frugal:
            mains = main_layers(asking.listed)
            for more in (mains, [layer for layer in mains if layer.part in ("bottleneck", "decoder")]):
                wanted = [layer for layer in asking.listed if layer in targets or layer in more]
                fits, need, limit = self._fits(asking, wanted)
                if fits:
                    self._keep(asking, wanted)
                    return self._kept.done, targets, notes, True
            notes = (*notes, not_kept(need, limit))
        return self._forward(asking, targets), targets, notes, False

    def _targets(self, asking):
        return choose_layers(asking.listed, asking.question.layers, asking.known.get(0), self.model.spatial_dims)

    def _fits(self, asking, layers):
        """(does it fit, estimated bytes, budget in bytes)"""
        tensor = self._prepared.tensor
        voxels = int(np.prod(tensor.shape[2:]))
        names = {layer.name for layer in layers}
        need = estimate(asking.listed, names, voxels, len(self.model.classes), max(4, tensor.dtype.itemsize))
        limit = budget(asking.where) if self.memory_budget_bytes is None else self.memory_budget_bytes
        return need <= limit, need, limit

    def _keep(self, asking, layers):
        before = stamp(self._network)
        try:
            done = self._forward(asking, layers)
        except (LayerError, GradientError) as error:
            raise _ExtraLayerError from error
        self._kept = _Kept(done, frozenset(layer.name for layer in layers), before, self._fits(asking, layers)[1])

    def _forward(self, asking, layers):
        # a copy: a network may work in place on its input
        tensor = self._prepared.tensor.to(asking.where, copy=True)
        self.forward_calls += 1
        with asking.tell.during(self._network, 0.2, 0.5, "running the network"):
            names = [layer.name for layer in layers]
            done = capture.forward(
                self._network, tensor, names, autocast=self._autocast, channels=output_channels(self.model)
            )
        check_classes(self.model, done.logits)
        refuse_overflow(self, done.logits)
        return done

    def _predicted(self, tell, where):
        tensor = self._prepared.tensor.to(where, copy=True)
        self.forward_calls += 1
        autocast = torch.autocast(where.type, dtype=self._autocast) if self._autocast else nullcontext()
        with tell.during(self._network, 0.1, 0.2, "predicting"), torch.no_grad(), autocast:
            with own_words(self._network, tensor):
                logits = capture.as_logits(self._network(tensor), output_channels(self.model))
        check_classes(self.model, logits)
        refuse_overflow(self, logits)
        return logits

    def _view(self, index):
        return View(self._prepared.grid, self._prepared.valid, index, self.model.class_name(index))

    def _seen(self, view, logits):
        """The view with the prediction in it."""

        def decided(index):
            mask = decide(logits, index, self.model.head)[0].cpu().numpy()
            return mask if self.model.spatial_dims == 3 else mask[None]

        return View(view.grid, view.valid, view.class_index, view.class_name, decided)

    def _resolve_first(self, asking, logits):
        asking.known[0] = refuse_empty(asking.question.recipes[0].resolve(self._seen(asking.view, logits)))

    def _differentiated(self, asking, run, done, targets, keep, free):
        question, tell, count = asking.question, asking.tell, len(asking.question.recipes)
        logits = done.logits.float() if self._autocast else done.logits
        by_name = {layer.name: layer for layer in targets}
        plain = [(m, method) for m, method in enumerate(question.methods) if not method.needs_context]
        found, end = {}, 1.0 if len(plain) == len(question.methods) else 0.6
        for i in range(count):
            tell(0.5 + (end - 0.5) * i / count, "differentiating the score")
            pixels, made = asking.known[i], set()
            weights = _as_tensor(pixels, self.model.spatial_dims, logits)
            with torch.enable_grad():
                values = question.score.values(inside_only(logits, weights), self.model.head)[0]
                total = (values * weights).sum()
            run.count_nonfinite(pixels, nonfinite_in(values, weights))
            exact = float((values.detach().cpu().double() * weights.cpu().double()).sum())

            def receive(name, a, g, i=i, pixels=pixels, exact=exact, made=made):
                tell(0.5 + (end - 0.5) * (i + len(made) / len(targets)) / count, "differentiating the score")
                a, g = _at_least_float32(a[0]), _at_least_float32(g[0])
                made.add(name)
                for m, method in plain:
                    found[(i, name, m)] = run.answer(method, a, g, by_name[name], pixels, exact)

            with torch.no_grad():
                done.differentiate(total, receive, keep or i + 1 < count, by_name, free)
        return found


@dataclass(eq=False)
class _Kept:
    """A pass that answers further questions. stamp: of the weights before it ran.  need_bytes: estimated."""

    done: capture.Pass
    names: frozenset[str]
    stamp: list
    need_bytes: int


@dataclass(eq=False)
class _Asking:
    """One question on its way; known: pixel sets resolved so far, by their place in the question."""

    question: Question
    view: View
    known: dict[int, PixelSet]
    listed: list
    tell: Progress
    where: torch.device


class _ExtraLayerError(Exception):
    """A pass that records more than was asked for failed; the one that records no more decides."""


def _as_tensor(pixels, dims, like):
    weights = torch.as_tensor(np.ascontiguousarray(pixels.weights)).to(device=like.device, dtype=like.dtype)
    return weights if dims == 3 else weights[0]


def _at_least_float32(tensor):
    return tensor if tensor.dtype.itemsize >= 4 else tensor.float()
