"""What a layer can and cannot tell: cancelled gradients, evidence without influence, what a map leaves unexplained.

After evaluation.md 2.2.  All three work for every kind of model (windows, mirrorings, folds).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch

from ...cam.isolation.one_at_a_time import alone
from ...cam.methods import method as method_of
from ...cam.methods.base import ARBITRARY, Method
from ...cam.methods.grad import SegGradCam
from ...models.segmentation_model import SegmentationModel
from ...protocol.errors import PixelSetError
from ...protocol.explanation import Explanation
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.question import DEFAULT_METHOD
from ...protocol.value import (
    CANCELLATION,
    CELLS,
    CUT_OFF,
    LEFT_OUT,
    NONFINITE,
    NOT_MEASURED,
    TOO_SMALL,
    ZERO_MAP,
    Value,
)
from ...session.opening import open_session
from ...session.understood import score_of
from ..painting.rerun import Rerun

#: shares of the largest gradient below which a cell counts as without influence; normalisation layers make gradients
#: non-local, so that one number would hide how they fall off
EPSILONS = (0.0, 1e-6, 1e-3, 1e-2)
#: a score that the whole layer changes by less than this share of itself is not the layer's
LEAST_CHANGE = 1e-6


def cancellation(
    session,
    pixel_set: PixelSet,
    *,
    class_index: int | str,
    layer: str,
    score: str = "logit",
    rival: int | str | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Value:
    """sum_k |sum_u g_k(u)| / sum_k sum_u |g_k(u)|: the share of the gradient that averaging over cells keeps.

    1: averaging loses nothing; near 0: the weights of Seg-Grad-CAM are small differences of large numbers.
    session: of :func:`opening.open_session`; a pass it has kept is used, else it makes one.  A model with windows is
    swept twice over the windows that meet M, where their passes are not kept; folds and mirrorings have sums of their
    own.  ZERO_MAP where every gradient is zero, NONFINITE where one is NaN or infinite.  Raises what ``session.ask``
    raises.
    """
    (answer,) = session.ask(
        pixel_set, class_index=class_index, methods=[SegGradCam()], layers=[layer], score=score, rival=rival,
        progress=progress,
    )  # fmt: skip
    return answer.numbers[CANCELLATION]


def phantom_mass(
    session,
    explanation: Explanation,
    pixel_set: PixelSet,
    *,
    epsilons: Sequence[float] = EPSILONS,
    progress: Callable[[float, str], None] | None = None,
) -> dict[float, Value]:
    """Share of the map's positive evidence in cells that do not influence the score, for every eps.

    Those are the cells u with max_k |g_k(u)| <= eps times the largest; over windows, mirrorings and folds the maxima
    of all runs are added.  Exactly 0 at eps = 0 for maps that multiply A and g cell by cell.  chance: the share of
    such cells.  explanation, pixel_set: a question this session has answered; a kept pass is used again.
    NOT_MEASURED for maps of the image itself.  Raises PixelSetError for another pixel set.
    """
    if explanation.layer.part == "input":
        why = "The map lies on the image, not on a layer's cells."
        return {eps: Value.without(NOT_MEASURED, why) for eps in epsilons}
    _same_set(session, explanation, pixel_set)
    (largest,) = session.ask(
        pixel_set,
        methods=[LargestGradient()],
        layers=[explanation.layer.name],
        side=explanation.side,
        progress=progress,
        **_asked(explanation),
    )
    return phantom_share(explanation, largest, epsilons)


def phantom_share(
    explanation: Explanation, largest: Explanation, epsilons: Sequence[float] = EPSILONS
) -> dict[float, Value]:
    """:func:`phantom_mass` from a map and that of the largest gradients, on the same cells."""
    if explanation.map.shape != largest.map.shape or not explanation.grid.same_as(largest.grid):
        return {eps: Value.without(NOT_MEASURED, "The map does not lie on the layer's cells.") for eps in epsilons}
    evidence, influence = np.maximum(explanation.map.astype(np.float64), 0), largest.map
    if not (np.isfinite(evidence).all() and np.isfinite(influence).all()):
        return {eps: Value.without(NONFINITE, "The map or the gradients hold NaN or infinity.") for eps in epsilons}
    whole = float(evidence.sum())
    if not whole > 0:
        return {eps: Value.without(ZERO_MAP, "The map has no positive evidence.") for eps in epsilons}
    found = {}
    for eps in epsilons:
        without = influence <= eps * float(influence.max())
        note = f"Cells whose largest gradient is at most {eps:g} of the largest anywhere."
        mass = Value.of(float(evidence[without].sum()) / whole, "", float(without.mean()), note)
        found[eps] = replace(mass, over=CELLS)
    return found


def completeness_gap(
    session,
    explanation: Explanation,
    pixel_set: PixelSet,
    *,
    progress: Callable[[float, str], None] | None = None,
) -> Value:
    """|sum_j L(j) - (S(A) - S(0))| / |S(A) - S(0)|, S(0): the score with the layer's output set to zero.

    0: the map accounts for all that the layer does to the score.  About 0 (rounding) for Seg-HiRes-Grad CAM where what
    lies behind the layer is linear; elsewhere it says how far from linear that is.  For any map in the score's unit.
    explanation, pixel_set: a question this session has answered.  Cost: one forward pass, of the windows that meet M.
    TOO_SMALL where zeroing the layer does not change the score, NOT_MEASURED for maps in another unit or of the image.
    Raises PixelSetError for another pixel set.
    """
    if explanation.layer.part == "input":
        return Value.without(NOT_MEASURED, "The map lies on the image, not on a layer's cells.")
    score = score_of(session.model, **_asked(explanation))
    if explanation.unit != score.unit or explanation.unit == ARBITRARY:
        return Value.without(NOT_MEASURED, f"The map is in {explanation.unit}, the score in {score.unit}.")
    if explanation.status == NONFINITE:
        return Value.without(NONFINITE, explanation.reason)
    _same_set(session, explanation, pixel_set)
    rerun = Rerun.of(session)
    with silenced(session.model, explanation.layer.name):
        seen = rerun.see(session.image, around=pixel_set, progress=progress)
    weights = float(seen.weights(pixel_set).sum())
    zero = seen.mean_score(pixel_set, score) * weights
    done = explanation.score - zero
    if not np.isfinite([explanation.score, zero]).all():
        return Value.without(NONFINITE, "The network answered with NaN or infinite logits.")
    words = f"S {explanation.score:.6g}, {zero:.6g} with the layer at zero, the map adds up to {explanation.total:.6g}."
    if abs(done) <= LEAST_CHANGE * max(abs(explanation.score), abs(zero)):
        return Value.without(TOO_SMALL, f"{words} Zeroing the layer does not change the score.")
    cut = [explanation.numbers[name].note for name in (LEFT_OUT, CUT_OFF) if name in explanation.numbers]
    return Value.of(abs(explanation.total - done) / abs(done), note=" ".join([words, *cut]))


@contextmanager
def silenced(model: SegmentationModel, layer: str):
    """Inside, the layer's output is zero in every network of the model. layer: a name, "#n" for its n-th call."""
    name, _, wanted = layer.partition("#")
    with ExitStack() as stack:
        stack.enter_context(alone())  # no other thread's question may meet the silenced layer
        for network in model.networks:
            calls = [0]

            def begin(module, inputs, calls=calls):
                calls[0] = 0

            def zero(module, inputs, output, calls=calls):
                calls[0] += 1
                return torch.zeros_like(output) if calls[0] == int(wanted or 1) else output

            for handle in (
                network.register_forward_pre_hook(begin),
                network.get_submodule(name).register_forward_hook(zero),
            ):
                stack.callback(handle.remove)
        yield


@dataclass(frozen=True, eq=False)
class LayerNumbers:
    """Of one layer and pixel set. gap, phantom: by method name.  explanations: the maps they were taken of."""

    layer: str
    cancellation: Value
    gap: dict[str, Value]
    phantom: dict[str, dict[float, Value]]
    explanations: tuple[Explanation, ...]

    def to_json(self) -> dict:
        return {
            "layer": self.layer,
            "cancellation": self.cancellation.to_json(),
            "gap": {name: value.to_json() for name, value in self.gap.items()},
            "phantom": {n: {f"{e:g}": v.to_json() for e, v in row.items()} for n, row in self.phantom.items()},
        }


def layer_numbers(
    model: SegmentationModel,
    image: Image,
    pixel_set: PixelSet,
    *,
    class_index: int | str,
    layer: str,
    methods: Sequence = (DEFAULT_METHOD, "seg_grad_cam"),
    score: str = "logit",
    rival: int | str | None = None,
    epsilons: Sequence[float] = EPSILONS,
    session=None,
    device: str | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> LayerNumbers:
    """All of it from one question, and one more forward pass for the gaps.

    session: an open one for this model and image, else one is opened on ``device``.  Raises what ``ask`` raises.
    """
    tell = Progress(progress)
    mine = session is None
    session = open_session(model, image, device=device) if mine else session
    wanted = [method_of(one) for one in methods]
    more = () if any(one.name == SegGradCam.name for one in wanted) else (SegGradCam(),)
    try:
        found = session.ask(
            pixel_set, class_index=class_index, methods=[*wanted, *more, LargestGradient()], layers=[layer],
            score=score, rival=rival, progress=tell.part(0.0, 0.7),
        )  # fmt: skip
        kept = next(e for e in found if CANCELLATION in e.numbers)
        named = {e.method: e for e in found}
        largest = named.pop(LargestGradient.name)
        for one in more:
            del named[one.name]
        gaps = {}
        for n, (name, e) in enumerate(named.items()):
            start, end = (0.7 + 0.3 * (n + k) / len(named) for k in (0, 1))
            gaps[name] = completeness_gap(session, e, pixel_set, progress=tell.part(start, end))
    finally:
        if mine:
            session.release()
    tell(1.0, "done")
    phantom = {name: phantom_share(e, largest, epsilons) for name, e in named.items()}
    return LayerNumbers(kept.layer.name, kept.numbers[CANCELLATION], gaps, phantom, tuple(named.values()))


@dataclass(frozen=True)
class LargestGradient(Method):
    """Not a method to show: max_k |g_k(u)|, what a cell can do to the score."""

    name = "_largest_gradient"
    title = "largest gradient"
    paper = ""
    unit = ARBITRARY
    local = True

    def map(self, activation, gradient, cell_mm):
        return gradient.abs().amax(dim=0)


def _asked(explanation):
    """How the explanation's score was asked for."""
    facts = explanation.provenance
    return {"class_index": explanation.class_index, "score": facts["score"], "rival": facts["rival_index"]}


def _same_set(session, explanation, pixel_set):
    prepared = session.prepared()
    weights = pixel_set.on(prepared.grid).weights
    inside = np.zeros(weights.shape, dtype=np.float32)
    inside[tuple(slice(n) for n in prepared.valid)] = 1
    own = PixelSet(weights * inside, prepared.grid, pixel_set.label)
    if own.content_hash != explanation.provenance["pixel_set_sha256"]:
        raise PixelSetError("The map was made for another pixel set.", "Give the pixel set it was asked for.")
