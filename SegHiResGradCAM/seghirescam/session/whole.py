"""One model and one image, many questions: the pass is kept, so that the next question costs a backward pass only.

The first question runs the network and keeps its graph from the first recorded layer on.  Recorded are the layers
asked for, and with them what a user is likely to ask next: the main layers of the bottleneck and the decoder (which lie
behind most targets anyway), and those of the encoder where the estimated memory allows it.  A new pixel set, class,
score, method or recorded layer then makes no forward call.  Beyond the memory budget nothing is kept; the notes say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..cam.isolation.finite import all_finite, doubled, inside_only, nonfinite_in
from ..cam.isolation.network_place import device_of, placed, stamp
from ..cam.isolation.undisturbed import undisturbed
from ..cam.layers.layer import Layer
from ..cam.layers.listing import listed_layers
from ..cam.logits.outputs import Reading
from ..cam.logits.score import decide
from ..cam.passes import capture
from ..cam.passes.forwards import own_words
from ..models import model_outputs
from ..models.model_outputs import check_classes, output_channels, reading_of
from ..models.segmentation_model import SegmentationModel
from ..protocol.errors import GradientError, LayerError
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.progress import Progress
from ..protocol.question import DEFAULT, EACH, MAIN
from ..protocol.recipes import PredictedClass
from .answer import Run
from .context_methods import INPUT, Contextual
from .half_precision import refuse_overflow
from .hardware.precisions import Precision
from .interface import Session
from .layer_choice import ChosenLayers, chosen_layers, main_layers
from .layer_sums import wide
from .memory import MemoryLimitError, budget, estimate, gone, named_shortage, not_kept, watched
from .sets.handed import Found, Handed
from .sets.known_sets import KnownSets, weights_like
from .understood import Understood

if TYPE_CHECKING:
    from ..protocol.recipes import View


class WholeSession(Session):
    """A session whose network sees the whole image at once."""

    def __init__(self, model: SegmentationModel, image: Image, *, keep: bool = True, **settings: Any):
        super().__init__(model, image, keep=keep, **settings)
        (self._network,) = model.networks
        self._reading = reading_of(model)
        #: what is computed in on the device; known once the network is there
        self._precision = Precision(self.precision)
        self._calls = 0
        self._kept: _Kept | None = None

    @property
    def reading(self) -> Reading:
        return self._reading

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self._prepared.tensor.shape)

    @property
    def forward_calls(self) -> int:
        return self._calls

    def count(self, calls: int) -> None:
        self._calls += calls

    @property
    def recorded(self) -> frozenset[str]:
        return self.wide.recorded if self.wide else self._kept.names if self._kept else frozenset()

    @property
    def kept_bytes(self) -> int:
        return self.wide.kept_bytes if self.wide else self._kept.need_bytes if self._kept else 0

    def release(self) -> None:
        if self.wide:
            self.wide.release()
        if self._kept:
            dropped, self._kept = watched(self._kept.done, self._kept.done.logits), None
            gone(dropped)

    def listed(self, tell: Progress | None = None) -> list[Layer]:
        tell = tell or Progress()
        listing = tell.during(self._network, 0.05, 0.05, "listing the layers")
        with self.reading.on(self._network), listing:
            return listed_layers(self._network, self._prepared.tensor, device_of(self._network))

    def _logits_now(self, tell: Progress, around: PixelSet | None) -> np.ndarray:
        self._prepare(tell)
        with torch.inference_mode(False), self._borrowed() as (where, _):
            with named_shortage(where):
                found = self._known_logits(tell, where)[0].float().cpu().numpy()
        return found if self.model.spatial_dims == 3 else found[:, None]

    def _predict_now(self, index: int, tell: Progress) -> PixelSet:
        self._prepare(tell)
        with torch.inference_mode(False), self._borrowed() as (where, _):
            return PredictedClass().resolve(self._seen(index, self._known_logits(tell, where)))

    @contextmanager
    def _borrowed(self) -> Iterator[tuple[torch.device, bool]]:
        """The network in evaluation mode, at its place and returning logits; (device, whether it is at home)."""
        network = self._network
        with undisturbed(network), placed(network, self.device) as both, self.reading.on(network):
            self._precision = Precision.on(both[0], self.precision)
            yield both

    def _known_logits(self, tell: Progress, where: torch.device) -> torch.Tensor:
        usable = self._kept if self._kept and self._kept.stamp == stamp(self._network) else None
        return usable.done.logits.detach() if usable else self._predicted(tell, where)

    def _answer(self, question: Understood, tell: Progress, downstream: bool, hand: Handed) -> None:
        """Where a pass that records more than was asked for fails (memory, a layer that cannot be recorded), one that
        records no more is tried before the error is raised."""
        if self.keep:
            try:
                return self._answered(question, tell, False, downstream, hand)
            except (MemoryLimitError, _ExtraLayerError):
                self.release()
        return self._answered(question, tell, True, downstream, hand)

    def _answered(self, question: Understood, tell: Progress, frugal: bool, downstream: bool, hand: Handed) -> None:
        model, network, prepared = self.model, self._network, self._prepare(tell)
        hand.begin()
        known = self._given(question, hand)
        with torch.inference_mode(False), self._borrowed() as (where, at_home):
            if self._kept and self._kept.stamp != stamp(network):
                self.release()
            with named_shortage(where):
                with tell.during(network, 0.05, 0.05, "listing the layers"):
                    listed = listed_layers(network, prepared.tensor, where)
                model_outputs.settle(model)
                model_outputs.refuse_lost_logit(model, question.score)
                asking = _Asking(question, known, listed, tell, where)
                taken = self._refused(asking)
                if any(not m.needs_context for m in question.methods):
                    done, chosen, notes, keep = self._pass(asking, frugal or not at_home)
                    logits = done.logits.detach()
                else:
                    chosen, logits = self._without_pass(asking)
                    notes = ()
                wanted = targets = chosen.layers
                if question.layers in (DEFAULT, EACH):
                    taken = self._refused(asking, chosen)
                if downstream:
                    first = min(layer.order for layer in targets)
                    behind = (x for x in listed if x.name in self.recorded and x.order > first and x not in targets)
                    targets = [*targets, *behind]
                # nobody named these one by one: what has no influence on the score is left out
                free = targets[len(wanted) :] if downstream else targets if question.layers == MAIN else []
                if self.keep and not at_home:
                    notes = (*notes, f"The network was moved to {where} for this question; its pass was not kept.")
                self._resolve(asking, range(len(question.recipes)), logits)
                known.refuse_none()
                notes = (*self._notes(known, logits), *self._precision.notes, *notes)
                taken_output = self.reading.taken(network)
                run = Run(
                    model, self.image, prepared, question.score, question.side, self._precision.name, str(where),
                    (*taken_output.notes, *notes), taken_output.facts,
                )  # fmt: skip
                asking.runs = {i: run.about(question.scores[i], chosen.notes[i]) for i in sorted(known)}
                order = [*(layer.name for layer in targets), INPUT]
                found: Found = {}
                if any(not m.needs_context for m in question.methods):
                    names = frozenset(x.name for x in free)
                    alone = all(not m.needs_context for m in question.methods)
                    for i in self._differentiated(asking, done, chosen, targets[len(wanted) :], keep, names, found):
                        if alone:
                            hand.over(found, order, [i])
                    del done
                self._with_context(asking, chosen, taken, logits, found)
        hand.over(found, order, asking.runs)
        tell(1.0, "done")

    def _notes(self, known: KnownSets, logits: torch.Tensor | None) -> tuple[str, ...]:
        """What is to be said of the outputs. logits: None where no pass was made for all methods together."""
        found = model_outputs.notes(self.model)
        if logits is None or not model_outputs.is_undone(self.model):
            return found
        union = sum(weights_like(pixels, self.model.spatial_dims, logits) for pixels in known.values())
        return (*found, *model_outputs.saturated_note(self.model, logits[0], union))

    def _refused(self, asking: _Asking, chosen: ChosenLayers | None = None) -> dict[int, set[str]]:
        """What the methods take, by their place; raises MethodError. Before anything is computed where that can be."""
        chosen = self._chosen(asking) if chosen is None else chosen
        return self._refuse(asking.question, asking.where, chosen.layers if chosen else None)

    def _without_pass(self, asking: _Asking) -> tuple[ChosenLayers, torch.Tensor | None]:
        """(layers, logits or None) for methods that make their own passes."""
        logits = self._kept.done.logits.detach() if self._kept else None
        if any(not asking.known.is_settled(i) for i in range(len(asking.question.recipes))):
            logits = self._predicted(asking.tell, asking.where) if logits is None else logits
        return self._chosen_now(asking, logits), logits

    def _with_context(
        self, asking: _Asking, chosen: ChosenLayers, taken: dict[int, set[str]], logits: torch.Tensor | None,
        found: Found,
    ) -> None:  # fmt: skip
        """Add the answers of methods that need more than A and g; found: (set, layer name, method place) -> answer."""
        if not any(m.needs_context for m in asking.question.methods):
            return
        tensor, channels = self._prepared.tensor.to(asking.where, copy=True), output_channels(self.model)
        run, dtype = next(iter(asking.runs.values())), self._precision.dtype
        special = Contextual(run, self._network, tensor, asking.listed, dtype, channels, logits)

        def weights(place: int) -> torch.Tensor:
            return weights_like(asking.known[place], self.model.spatial_dims, tensor)

        answers = special.answers(
            asking.question, asking.runs, chosen, taken, weights, asking.tell, 0.6 if found else 0.2
        )
        for key, method, layer, outcome, exact in answers:
            check_classes(self.model, special.share["logits"])
            refuse_overflow(self, special.share["logits"])
            run, pixels = asking.runs[key[0]], asking.known[key[0]]
            run.count_nonfinite(pixels, special.nonfinite(weights(key[0]), run.score))
            found[key] = run.outcome(method, outcome, layer, pixels, exact)
        self._calls += special.forwards

    def _pass(self, asking: _Asking, frugal: bool) -> tuple[capture.Pass, ChosenLayers, tuple[str, ...], bool]:
        """(pass, layers, notes, whether its graph must live on): the kept pass, or a new one."""
        notes: tuple[str, ...] = ()
        chosen = self._chosen(asking)
        if self._kept:
            chosen = chosen or self._chosen_now(asking, self._kept.done.logits.detach())
            if self.recorded.issuperset(layer.name for layer in chosen.layers):
                return self._kept.done, chosen, notes, True
            self.release()
        elif chosen is None:
            # the default layer is a main layer: with all of them recorded one pass shows the prediction and serves it
            mains = main_layers(asking.listed)
            if not frugal and self._fits(asking, mains)[0]:
                done = self._keep(asking, mains).done
                return done, self._chosen_now(asking, done.logits.detach()), notes, True
            chosen = self._chosen_now(asking, self._predicted(asking.tell, asking.where))
        if not frugal:
            mains = main_layers(asking.listed)
            for more in (mains, [layer for layer in mains if layer.part in ("bottleneck", "decoder")]):
                wanted = [layer for layer in asking.listed if layer in chosen.layers or layer in more]
                fits, need, limit = self._fits(asking, wanted)
                if fits:
                    return self._keep(asking, wanted).done, chosen, notes, True
            notes = (*notes, not_kept(need, limit))
        return self._forward(asking, chosen.layers), chosen, notes, False

    def _chosen(self, asking: _Asking) -> ChosenLayers | None:
        return chosen_layers(asking.listed, asking.question, asking.known, self.model.spatial_dims)

    def _chosen_now(self, asking: _Asking, logits: torch.Tensor | None) -> ChosenLayers:
        """The same once there is a prediction."""
        for i in range(len(asking.question.recipes)):
            if self._chosen(asking) is None:
                self._resolve(asking, [i], logits)
        chosen = self._chosen(asking)
        if chosen is None:
            asking.known.refuse_none()
        assert chosen is not None
        return chosen

    def _fits(self, asking: _Asking, layers: list[Layer]) -> tuple[bool, int, int]:
        """(does it fit, estimated bytes, budget in bytes)"""
        tensor = self._prepared.tensor
        voxels = int(np.prod(tensor.shape[2:]))
        names = {layer.name for layer in layers}
        stated = self.settings.memory_budget_bytes
        need = estimate(asking.listed, names, voxels, len(self.model.classes), max(4, tensor.dtype.itemsize))
        limit = budget(asking.where) if stated is None else stated
        return need <= limit, need, limit

    def _keep(self, asking: _Asking, layers: list[Layer]) -> _Kept:
        before = stamp(self._network)
        try:
            done = self._forward(asking, layers)
        except (LayerError, GradientError) as error:
            raise _ExtraLayerError from error
        self._kept = _Kept(done, frozenset(layer.name for layer in layers), before, self._fits(asking, layers)[1])
        return self._kept

    def _forward(self, asking: _Asking, layers: list[Layer]) -> capture.Pass:
        # a copy: a network may work in place on its input
        tensor = self._prepared.tensor.to(asking.where, copy=True)
        self._calls += 1
        with asking.tell.during(self._network, 0.2, 0.5, "running the network"):
            names = [layer.name for layer in layers]
            done = capture.forward(
                self._network, tensor, names, autocast=self._precision.dtype, channels=output_channels(self.model)
            )
        check_classes(self.model, done.logits)
        refuse_overflow(self, done.logits)
        return done

    def _predicted(self, tell: Progress, where: torch.device) -> torch.Tensor:
        tensor = self._prepared.tensor.to(where, copy=True)
        self._calls += 1
        with tell.during(self._network, 0.1, 0.2, "predicting"), torch.no_grad(), self._precision.cast(where):
            with own_words(self._network, tensor):
                logits = capture.as_logits(self._network(tensor), output_channels(self.model))
        check_classes(self.model, logits)
        refuse_overflow(self, logits)
        return logits

    def _seen(self, index: int, logits: torch.Tensor) -> View:
        """The view with the prediction in it."""

        def decided(wanted: int) -> np.ndarray:
            mask = decide(logits, wanted, self.model.head)[0].cpu().numpy()
            return mask if self.model.spatial_dims == 3 else mask[None]

        return self._view(index, decided)

    def _resolve(self, asking: _Asking, places: Iterable[int], logits: torch.Tensor | None) -> None:
        """Make these pixel sets known. logits: of the prediction; None where no set looks at it."""
        for i in places:
            if not asking.known.is_settled(i):
                assert logits is not None
                asking.known.resolve(i, asking.question.recipes[i], self._seen(asking.question.classes[i], logits))

    def _differentiated(
        self, asking: _Asking, done: capture.Pass, chosen: ChosenLayers, behind: list[Layer], keep: bool,
        free: frozenset[str], found: Found,
    ) -> Iterator[int]:  # fmt: skip
        """Fill ``found`` pixel set by pixel set; yields the place of each once it has been read from the device."""
        question, tell, count = asking.question, asking.tell, len(asking.runs)
        logits = done.logits.float() if self._precision.dtype else done.logits
        finite = all_finite(logits)  # looked at once for all sets
        collected, ready = next(iter(asking.runs.values())).collected, list[int]()
        plain = [(m, method) for m, method in enumerate(question.methods) if not method.needs_context]
        end = 1.0 if len(plain) == len(question.methods) else 0.6
        for n, (i, run) in enumerate(asking.runs.items()):
            tell(0.5 + (end - 0.5) * n / count, "differentiating the score")
            pixels = asking.known[i]
            by_name = {layer.name: layer for layer in [*chosen.of(i), *behind]}
            made: set[str] = set()
            weights = weights_like(pixels, self.model.spatial_dims, logits)
            with torch.enable_grad():
                seen = inside_only(logits, weights, finite)
                values = run.score.values(seen, self.model.head)[0]
                total = (values * weights).sum()
            run.count_nonfinite(pixels, nonfinite_in(values, weights))
            exact = doubled(values, weights).sum(dtype=torch.float64)

            def receive(
                name: str, a: torch.Tensor, g: torch.Tensor, i: int = i, n: int = n, pixels: PixelSet = pixels,
                exact: torch.Tensor = exact, made: set[str] = made, run: Run = run, names: dict[str, Layer] = by_name,
            ) -> None:  # fmt: skip
                tell(0.5 + (end - 0.5) * (n + len(made) / len(names)) / count, "differentiating the score")
                a, g = wide(a[0]), wide(g[0])
                made.add(name)
                for m, method in plain:
                    put = partial(found.__setitem__, (i, name, m))
                    run.answer(method, a, g, names[name], pixels, exact, put)

            with torch.no_grad():
                done.differentiate(total, receive, keep or n + 1 < count, by_name, free)
            del total, values
            collected.put(then=partial(ready.append, i), held=pixels.weights.nbytes)
            while ready:
                yield ready.pop(0)
        collected.flush()
        yield from ready


@dataclass(eq=False)
class _Kept:
    """A pass that answers further questions. stamp: of the weights before it ran.  need_bytes: estimated."""

    done: capture.Pass
    names: frozenset[str]
    stamp: list
    need_bytes: int


@dataclass(eq=False)
class _Asking:
    """One question on its way; known: pixel sets resolved so far, by their place in the question. runs: of each."""

    question: Understood
    known: KnownSets
    listed: list
    tell: Progress
    where: torch.device
    runs: dict[int, Run] = field(default_factory=dict)


class _ExtraLayerError(Exception):
    """A pass that records more than was asked for failed; the one that records no more decides."""
