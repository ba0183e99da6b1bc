"""How far to trust one map: the fast tier beside every map, numbers and no verdict.

It costs at most FORWARDS predictions more than the explanation.  With a kept pass the class swap and the cancellation
are backward passes; what would cost more is not measured, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ...protocol.errors import PixelSetError
from ...protocol.explanation import Explanation
from ...protocol.grid import Grid
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.question import DEFAULT_METHOD
from ...protocol.recipes import Recipe
from ...protocol.value import NOT_MEASURED, TOO_SMALL, Value
from ..deletion.image_deletion import one_step
from ..metrics.body import body_of
from ..painting.rerun import Rerun
from .layer_numbers import cancellation, completeness_gap, phantom_mass
from .rows import CANCELLATION, FAST, GAP, PAINTED, PHANTOM, SWAP, Row, Trust
from .sanity import class_swap, swapped_words
from .trust_case import FORWARDS, Found

#: of the context's volume that one paint-over removes
FRACTION = 0.20
#: methods that multiply A and g cell by cell: no evidence where the gradient is zero, by construction
ELEMENTWISE = (DEFAULT_METHOD, "seg_layer_cam")
#: gradients at or below this part of the largest count as none, for the phantom mass
EPSILON = 1e-6


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
    found = Found.of(session, pixels, words, sent, tell.part(0.0, 0.3))
    rows = numbers(found, seed, tell.part(0.3, 1.0))
    tell(1.0, "done")
    return Trust(
        FAST, tuple(rows), found.spent, found.explanation, found.pixels, seconds_per_pass=found.seconds_per_pass
    )  # fmt: skip


def numbers(found: Found, seed: int, tell) -> list[Row]:
    """The fast tier's rows."""
    rows = [_painted_over(found, seed, tell.part(0.0, 0.5))]
    if found.kept:
        rows += [_swapped(found, tell.part(0.5, 0.65)), *_averaged(found, tell.part(0.65, 0.8))]
    else:
        why = _too_dear(found, "The session has not kept the explanation's pass")
        rows += [Row(SWAP, why), Row(CANCELLATION, why)]
    return [*rows, _gap(found, tell.part(0.8, 1.0))]


def _painted_over(found, seed, tell) -> Row:
    before = found.mean_score
    price = (2 if before is not None else 3) * found.passes
    if price > found.left:
        return Row(PAINTED, _too_dear(found, f"It takes {price} forward passes"))
    image, rerun, started = found.session.image, Rerun.of(found.session), time.perf_counter()
    density = found.explanation.resampled_to(image.grid).array
    try:
        step = one_step(
            rerun, image, density, found.pixels, found.score, FRACTION, seed, before=before, body=body_of(image),
            progress=tell,
        )  # fmt: skip
    except PixelSetError as error:
        return Row(PAINTED, Value.without(TOO_SMALL, error.sentence, found.score.unit), details={"context": False})
    finally:
        found.spent += rerun.forward_calls
    if rerun.forward_calls:
        found.seconds_per_pass = (time.perf_counter() - started) / rerun.forward_calls
    if None in (step.before, step.hot, step.random):
        return Row(PAINTED, step.gain)
    lost = {"hot": step.before - step.hot, "random": step.before - step.random, "share": step.fractions[0]}
    return Row(PAINTED, step.gain, details=lost)


def _swapped(found, tell) -> Row:
    if found.method.needs_context:
        return Row(SWAP, _too_dear(found, f"{found.method.title} needs passes of its own for another class"))
    value, (words, _) = class_swap(found.case, tell), swapped_words(found.session.model, found.words)
    other = {} if words is None else {"other": found.session.model.class_name(words["class_index"])}
    return Row(SWAP, value, details=other)


def _averaged(found, tell) -> list[Row]:
    """Cancellation, and the phantom mass of methods that do not multiply cell by cell."""
    if found.method.at_input:
        return [Row(CANCELLATION, Value.without(NOT_MEASURED, "The map lies on the image and averages over no layer."))]
    averages = found.method.name not in ELEMENTWISE
    layer, asked = found.explanation.layer.name, found.asked
    value = cancellation(found.session, found.pixels, layer=layer, progress=tell.part(0.0, 0.5), **asked)
    rows = [Row(CANCELLATION, value, details={"averages": averages})]
    if averages:
        masses = phantom_mass(
            found.session, found.explanation, found.pixels, epsilons=(EPSILON,), progress=tell.part(0.5, 1.0)
        )
        rows.append(Row(PHANTOM, masses[EPSILON]))
    return rows


def _gap(found, tell) -> Row:
    if found.passes > found.left:
        return Row(GAP, _too_dear(found, f"It takes {found.passes} more forward passes"))
    if found.session.tolerance:
        why = "The tolerance left out windows: the score is not the whole one."
        return Row(GAP, Value.without(NOT_MEASURED, why))
    value = completeness_gap(found.session, found.explanation, found.pixels, progress=tell)
    if value.status != NOT_MEASURED:
        found.spent += found.passes
    return Row(GAP, value)


def _too_dear(found, why) -> Value:
    most = FORWARDS * found.passes
    return Value.without(NOT_MEASURED, f"{why}; the fast check makes at most {most} and has used {found.spent}.")
