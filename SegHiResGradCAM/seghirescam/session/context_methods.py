"""Methods that need more than A and g (:class:`cam.methods.base.ContextMethod`): asked first, then run one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from ..cam.isolation.finite import inside_only, nonfinite_in
from ..cam.isolation.random_draws import drew
from ..cam.layers.context import Cells, Context
from ..cam.layers.layer import Layer
from ..cam.methods.base import Situation
from ..cam.placement.probe import Placement
from ..protocol.errors import MethodError
from ..protocol.question import MAIN
from .answer import Run, public_layer
from .memory import memory_of
from .understood import Understood

if TYPE_CHECKING:
    from ..cam.logits.score import Score
    from ..cam.methods.base import ContextMethod, Method, Outcome
    from ..protocol.progress import Tell
    from .layer_choice import ChosenLayers

#: name of the image itself as a layer
INPUT = "input"
#: the most items a batch holds, on a GPU; on the CPU batches do not help (measured) and one item is bit-equal
MOST_TOGETHER = 16
#: tensors of the largest size that are alive at once in a pass without a graph
_ALIVE = 6


def input_layer(shape: tuple[int, ...]) -> Layer:
    """The image itself as a layer, for maps at the input level. shape: ``[1, C, *spatial]``."""
    dims = len(shape) - 2
    own = Placement((1.0,) * dims, (0.0,) * dims, (0.0,) * dims)
    return Layer(INPUT, shape[1], tuple(shape[2:]), (1,) * dims, -1, part="input", placement=own)


def places(question: Understood, targets: Sequence[Layer], shape: tuple[int, ...]) -> list[tuple[Layer, list[int]]]:
    """(layer, places of the methods that answer there): the layers asked for, then the image itself."""
    on_layers = [i for i, m in enumerate(question.methods) if not m.at_input]
    on_input = [i for i, m in enumerate(question.methods) if m.at_input]
    found = [(layer, on_layers) for layer in targets] if on_layers else []
    return [*found, (input_layer(shape), on_input)] if on_input else found


def refuse(
    question: Understood, head: str, classes: int, network: torch.nn.Module, tensor: torch.Tensor, where: torch.device,
    windows: int = 1, targets: list[Layer] | None = None, linear: bool | None = None,
) -> dict[int, set[str]]:  # fmt: skip
    """Ask every method whether it can work; call it again when the layers are known.

    tensor: an input of the right shape.  windows: runs that the model's inference averages.  Where the question says
    "main" instead of naming layers, the layers a method refuses are left out: method place -> names of the layers it
    takes.  linear: whether the windows' scores average to the score (None: as the score says).  Raises MethodError if
    it refuses one that was named, or all of them.
    """
    taken = {}
    if windows > 1 and not (question.score.linear if linear is None else linear):
        for method in question.methods:
            if method.needs_context:
                raise _not_linear(method, question.score.linear)
    for place, method in enumerate(question.methods):
        known = {
            "network": network, "shape": tuple(tensor.shape), "score": question.score, "head": head,
            "classes": classes, "windows": windows, "dtype": tensor.dtype, "device": where,
        }  # fmt: skip
        if targets is None or method.at_input:
            method.check(Situation(**known))
            taken[place] = {INPUT}
            continue
        problems, taken[place] = [], set()
        for layer in targets:
            try:
                method.check(Situation(layer=layer, **known))
                taken[place].add(layer.name)
            except MethodError as problem:
                if question.layers != MAIN:
                    raise
                problems.append(problem)
        if problems and not taken[place]:
            raise problems[-1]
    return taken


def _not_linear(method: Method, score_is_linear: bool) -> MethodError:
    if score_is_linear:
        return MethodError(
            f"{method.title} cannot be added up over windows whose probabilities the model's inference averages.",
            "Use a method of activation and gradient, such as seg_hires_grad_cam.",
        )
    return MethodError(
        f"{method.title} cannot be added up over windows for a score that is not linear in the logits.",
        "Use the score 'logit' or 'contrast', or a method of activation and gradient, such as seg_hires_grad_cam.",
    )


class Contextual:
    """Runs context methods on one input; what one of them computes (logits, a tail) serves the next.

    tensor: on the device.  logits: of the unchanged input, if known.
    """

    def __init__(
        self, run: Run, network: torch.nn.Module, tensor: torch.Tensor, listed: list[Layer],
        autocast: torch.dtype | None, classes: int, logits: torch.Tensor | None = None,
    ):  # fmt: skip
        self.run, self.network, self.tensor, self.listed = run, network, tensor, listed
        self.autocast, self.classes = autocast, classes
        self.share: dict = {} if logits is None else {"logits": logits}
        self.forwards = 0

    def context(
        self, layer: Layer, weights: torch.Tensor, score: Score, tell: Tell = lambda fraction, words: None
    ) -> Context:
        """weights: m ``[*spatial]`` on the device."""
        dims = self.run.model.spatial_dims
        return Context(
            network=self.network,
            tensor=self.tensor,
            layer=layer,
            listed=self.listed,
            score=score,
            head=self.run.model.head,
            weights=weights,
            cell_mm=public_layer(layer, self.run.prepared, dims).mm_per_cell[3 - dims :],  # type: ignore[index]
            classes=self.classes,
            place=self._place,
            together=self._together(),
            tell=tell,
            autocast=self.autocast,
            share=self.share,
        )

    def outcome(self, method: ContextMethod, context: Context) -> Outcome:
        """The method's outcome, with the passes it took among the facts."""
        tail = self.share.get(("tail", context.layer.name))
        before = tail.passes if tail else 0
        full = tail.forwards if tail else 0
        found = method.compute(context)
        tail = self.share.get(("tail", context.layer.name))
        forwards = context.forwards + (tail.forwards - full if tail else 0)
        self.forwards += forwards
        found.facts.update(forwards=forwards, tail_passes=tail.passes - before if tail else 0)
        return found

    def answers(
        self, question: Understood, asked: Collection[int], chosen: ChosenLayers, taken: dict[int, set[str]],
        weights: Callable[[int], torch.Tensor], tell: Tell, start: float,
    ) -> Iterator[tuple[tuple[int, str, int], ContextMethod, Layer, Outcome, float]]:  # fmt: skip
        """Yields ((pixel set, layer name, method place), method, layer, Outcome, S), layer by layer: tails are shared.

        asked: places of the pixel sets.  weights: m of one of them.  taken: what :func:`refuse` left.  Progress runs
        from ``start`` to 1.
        """
        jobs = [
            (layer, m, i)
            for layer, methods in places(question, chosen.layers, self.tensor.shape)
            for m in methods
            for i in asked
            if question.methods[m].needs_context and layer.name in taken[m]
            if question.methods[m].at_input or layer in chosen.of(i)
        ]
        for number, (layer, m, i) in enumerate(jobs):
            method = question.methods[m]
            part = [start + (1 - start) * (number + n) / len(jobs) for n in (0, 1)]
            told = within(tell, part[0], part[1], method.title)
            context = self.context(layer, weights(i), question.scores[i], told)
            outcome = self.outcome(method, context)
            yield (i, layer.name, m), method, layer, outcome, float(context.scores(context.logits)[0])

    def nonfinite(self, weights: torch.Tensor, score: Score) -> torch.Tensor:
        """Bool ``[*spatial]``: voxels of M whose score is infinite or NaN, of the unchanged input."""
        values = score.values(inside_only(self.share["logits"], weights), self.run.model.head)[0]
        return nonfinite_in(values, weights)

    def _place(self, layer: Layer) -> Cells:
        dims = self.run.model.spatial_dims
        info = public_layer(layer, self.run.prepared, dims)
        return self.run.centre(info)[3 - dims :], [float(s) for s in info.stride[3 - dims :]]

    def _together(self) -> int:
        if self.tensor.device.type != "cuda" or drew([self.network]):
            return 1
        largest = max(x.channels * math.prod(x.cells) for x in [*self.listed, input_layer(self.tensor.shape)])
        need = _ALIVE * largest * max(2, self.tensor.dtype.itemsize)
        return max(1, min(MOST_TOGETHER, int(0.5 * memory_of(self.tensor.device)[1] // need)))


def within(tell: Tell, start: float, end: float, title: str) -> Tell:
    """A method's own fraction as part of the whole."""
    return lambda fraction, words: tell(start + (end - start) * min(1.0, fraction), f"{title}: {words}")
