"""How far to trust one map: the fast tier beside every map, numbers with a sentence each and no verdict.

It costs at most FORWARDS predictions more than the explanation.  With a kept pass the class swap and the cancellation
are backward passes; what would cost more is not measured, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...protocol.errors import PixelSetError
from ...protocol.explanation import Explanation
from ...protocol.grid import Grid
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.recipes import Recipe
from ...protocol.value import NOT_MEASURED, TOO_SMALL, Value
from ..deletion.image_deletion import one_step
from ..metrics.explained_case import body_of
from ..painting.rerun import Rerun
from .layer_numbers import cancellation, completeness_gap, phantom_mass
from .sanity import class_swap
from .trust_case import FORWARDS, Found, part

FAST, FULL = "fast", "full"
SUPPORTED, NOT_SUPPORTED, NOT_JUDGED = "supported", "not supported by the model", "not judged"
#: of the context's volume that one paint-over removes
FRACTION = 0.20
#: methods that multiply A and g cell by cell: no evidence where the gradient is zero, by construction
ELEMENTWISE = ("seg_hires_grad_cam", "seg_layer_cam")
#: gradients at or below this part of the largest count as none, for the phantom mass
EPSILON = 1e-6


@dataclass(frozen=True)
class Row:
    """One number. threshold, passed: None where nothing is judged by it.  sentence: what it says, for people."""

    name: str
    title: str
    value: Value
    sentence: str
    threshold: float | None = None
    passed: bool | None = None

    def to_json(self) -> dict:
        return {
            "name": self.name, "title": self.title, "value": self.value.to_json(), "threshold": self.threshold,
            "passed": self.passed, "sentence": self.sentence,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trust:
    """explanation: the map that was judged.  pixels: M, frozen.  cost: {"forwards", "text"}, what it took.

    curves: [{"name", "fractions", "score", "dice", ...}] of the context deletion, None in the fast tier.
    details: JSON-able results of the full tier, step by step.  gain: its :class:`gains.Gain`, or None.
    seconds_per_pass: of the predictions of the paint-over, None where none was made.
    """

    tier: str
    verdict: str
    verdict_sentence: str
    cost: dict
    rows: tuple[Row, ...]
    explanation: Explanation
    pixels: PixelSet
    curves: list[dict] | None = None
    details: dict = field(default_factory=dict)
    gain: object = None
    seconds_per_pass: float | None = None

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def to_json(self) -> dict:
        return {
            "tier": self.tier, "verdict": self.verdict, "verdict_sentence": self.verdict_sentence, "cost": self.cost,
            "rows": [row.to_json() for row in self.rows], "curves": self.curves,
        }  # fmt: skip


def fast(
    session,
    pixels: Recipe | PixelSet,
    words: dict,
    *,
    sent: Explanation | tuple[np.ndarray, Grid] | None = None,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Trust:
    """The fast tier for one question in an open session (:func:`opening.open_session`).

    words: what ``session.ask`` takes: class_index, methods (one), layers (one), score, rival, side.
    sent: the explanation, or its (map, grid), where it was made before; without it the explanation is made here, and
    is not counted.
    Raises what ``session.ask`` raises.  progress may raise to cancel: session and network stay as they are.
    """
    tell = Progress(progress)
    found = Found.of(session, pixels, words, sent, part(tell, 0.0, 0.3))
    rows = numbers(found, seed, part(tell, 0.3, 1.0))
    tell(1.0, "done")
    text = "Numbers only: the full check judges by thresholds."
    cost = {"forwards": found.spent, "text": f"{found.spent} forward pass(es) beside the explanation"}
    return Trust(
        FAST, NOT_JUDGED, text, cost, tuple(rows), found.explanation, found.pixels,
        seconds_per_pass=found.seconds_per_pass,
    )  # fmt: skip


def numbers(found: Found, seed: int, tell) -> list[Row]:
    """The fast tier's rows."""
    painted = _painted_over(found, seed, part(tell, 0.0, 0.5))
    rows = [painted]
    if found.kept:
        rows.append(_swapped(found, part(tell, 0.5, 0.65)))
        rows += _averaged(found, part(tell, 0.65, 0.8))
    else:
        why = _too_dear(found, "The session has not kept the explanation's pass")
        rows.append(Row("class_swap", SWAP, why, why.note))
        rows.append(Row("cancellation", CANCELLATION, why, why.note))
    rows.append(_gap(found, part(tell, 0.8, 1.0)))
    return rows


PAINTED, SWAP, CANCELLATION, GAP = "Context paint-over", "Class swap", "Cancellation", "Completeness gap"


def _painted_over(found, seed, tell) -> Row:
    name, before = "context_paint_over", found.mean_score
    price = (2 if before is not None else 3) * found.passes
    if price > found.left:
        value = _too_dear(found, f"It takes {price} forward passes")
        return Row(name, PAINTED, value, value.note)
    image = found.session.image
    rerun = Rerun(found.session.model, device=found.session.device, precision=found.session.precision)
    density = found.explanation.resampled_to(image.grid).array
    started = time.perf_counter()
    try:
        step = one_step(
            rerun, image, density, found.pixels, found.score, FRACTION, seed, before=before, body=body_of(image),
            progress=tell,
        )  # fmt: skip
    except PixelSetError as error:
        value = Value.without(TOO_SMALL, error.sentence, "logit")
        return Row(name, PAINTED, value, f"There is no context to remove: {error.sentence}")
    finally:
        found.spend(rerun.forward_calls)
    if rerun.forward_calls:
        found.seconds_per_pass = (time.perf_counter() - started) / rerun.forward_calls
    if step.hot is None:
        return Row(name, PAINTED, step.gain, step.gain.note)
    hot, random = step.before - step.hot, step.before - step.random
    sentence = (
        f"Blurring the {100 * step.fractions[0]:.3g} % of the context that the map shows strongest {_lowers(hot)}, as "
        f"much of it at random {_lowers(random)} (one random order: a small difference says little)."
    )
    return Row(name, PAINTED, step.gain, sentence)


def _lowers(amount):
    if amount == 0:
        return "leaves the mean score as it is"
    return f"{'lowers' if amount > 0 else 'raises'} the mean score by {abs(amount):.3g} logit"


def _swapped(found, tell) -> Row:
    value = (
        class_swap(found.case, tell)
        if not found.method.needs_context
        else _too_dear(found, f"{found.method.title} needs passes of its own for another class")
    )
    if not value.ok:
        return Row("class_swap", SWAP, value, value.note)
    other = value.note.removeprefix("against the map of ")
    sentence = (
        f"The map of '{other}' for the same voxels has a rank correlation of {1 - value.value:.2f} with this one (1: "
        "the map does not care about the class)."
    )
    return Row("class_swap", SWAP, value, sentence)


def _averaged(found, tell) -> list[Row]:
    """Cancellation, and the phantom mass of methods that do not multiply cell by cell."""
    if found.method.at_input:
        value = Value.without(NOT_MEASURED, "The map lies on the image and averages over no layer.")
        return [Row("cancellation", CANCELLATION, value, value.note)]
    asked = {name: found.words.get(name) for name in ("class_index", "score", "rival")}
    asked["score"] = asked["score"] or "logit"
    layer = found.explanation.layer.name
    value = cancellation(found.session, found.pixels, layer=layer, progress=part(tell, 0.0, 0.5), **asked)
    elementwise = found.method.name in ELEMENTWISE
    rests = "this map does not average" if elementwise else "what is lost cannot be seen in a map that averages"
    sentence = f"Averaging over the cells keeps {100 * value.value:.3g} % of the gradient; {rests}." if value.ok else ""
    rows = [Row("cancellation", CANCELLATION, value, sentence or value.note)]
    if not elementwise:
        rows.append(_phantom(found, part(tell, 0.5, 1.0)))
    return rows


def _phantom(found, tell) -> Row:
    masses = phantom_mass(found.session, found.explanation, found.pixels, epsilons=(EPSILON,), progress=tell)
    value = masses[EPSILON]
    text = (
        f"{100 * value.value:.3g} % of the evidence lies in cells without influence on the score." if value.ok else ""
    )
    return Row("phantom_mass", "Phantom mass", value, text or value.note)


def _gap(found, tell) -> Row:
    if found.passes > found.left:
        value = _too_dear(found, f"It takes {found.passes} more forward passes")
    elif found.session.tolerance:
        value = Value.without(NOT_MEASURED, "The tolerance left out windows: the score is not the whole one.")
    else:
        value = completeness_gap(found.session, found.explanation, found.pixels, progress=tell)
        if value.status != NOT_MEASURED:
            found.spend(found.passes)
    sentence = value.note
    if value.ok:
        sentence = (
            f"What the map adds up to is {100 * value.value:.3g} % away from what the layer does to the score (0: the "
            "map accounts for all of it)."
        )
    return Row("completeness_gap", GAP, value, sentence)


def _too_dear(found, why) -> Value:
    most = FORWARDS * found.passes
    return Value.without(NOT_MEASURED, f"{why}; the fast check makes at most {most} and has used {found.spent}.")
