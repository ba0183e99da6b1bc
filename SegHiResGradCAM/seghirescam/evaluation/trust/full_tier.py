"""Is the map supported by the model? The full tier: three lines and a verdict.

Belongs to this question: made again, the map is the same.  Used by the network: what it marks is removed, at the layer
or in the image.  Model-specific and stable: randomised weights, noise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...protocol.errors import PixelSetError
from ...protocol.explanation import USUAL_UNIT, Explanation
from ...protocol.grid import Grid
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.question import DEFAULT_METHOD
from ...protocol.recipes import Recipe
from ...protocol.value import NONFINITE, NOT_MEASURED, OK, TOO_SMALL, ZERO_MAP, Value
from ..deletion.blocks import Blocks
from ..deletion.gains import gain_over_random
from ..deletion.image_deletion import MARGIN_MM, ImageProbe, deletion_curve
from ..metrics.body import body_of
from ..metrics.ground import Ground
from ..metrics.shares import dilated
from ..painting.rerun import Rerun
from .cells_removed import removed_at_the_layer
from .fast_tier import fast, numbers
from .made_again import made_again, unknown_origin
from .rows import AT_PIXEL_SET, DELETION, FAST, FULL, MADE_AGAIN, RANDOMISATION, STABILITY, Row, Trust
from .sanity import asked_in_order, randomisation
from .stability import NOISE, stability
from .trust_case import Found
from .trust_words import unused
from .verdict_limits import AT_M, CONTEXT_USED, GAIN_SDS, LEAST_CELLS, ORDERS, SAME

#: name of the curve with nothing and all of the context removed, and no order between
ENDS = "any order"


def full(
    session,
    pixels: Recipe | PixelSet,
    words: dict,
    *,
    sent: Explanation | tuple[np.ndarray, Grid] | None = None,
    origin_known: bool = True,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Trust:
    """The fast tier's numbers, the tests and a verdict; arguments as for :func:`fast_tier.fast`, cost
    :func:`full_cost`.

    origin_known: whether the words say how the map was made.  False: a map from anywhere; methods may be left out, the
    layer says where cells are removed.  It cannot be made again, so that it is never called supported; what it marks
    must count more than the image's edges and the painted pixel set do.
    supported: all tests passed.  not supported by the model: at least one failed, which the sentence names.
    not judged: none failed, but one could not be made (a map without evidence, a context the network does not use, a
    program whose weights cannot be replaced); the sentence says which.
    """
    tell = Progress(progress)
    if not origin_known:
        words = {**words, "methods": [DEFAULT_METHOD]}
    found = Found.of(session, pixels, words, sent, tell.part(0.0, 0.03))
    case, rerun = found.case, Rerun.of(session)
    rows, steps, changes, curves, gain = numbers(found, seed, tell.part(0.03, 0.08)), None, None, None, None
    fast_passes, before, looked = found.spent, session.forward_calls, None
    problem = _without_evidence(found.explanation)
    if problem is None:
        belongs, orders = unknown_origin(), None
        if origin_known:
            again, orders = asked_in_order(case, tell.part(0.08, 0.12, "asking again: "))
            belongs = made_again(case, again)
        looked = removed_at_the_layer(found, beside=not origin_known, seed=seed, progress=tell.part(0.12, 0.2))
        context, gain, curves = _context(found, rerun, seed, tell.part(0.2, 0.62))
        rows += [belongs, *([looked.row] if looked else []), *context]
        if belongs.passed:
            steps = randomisation(case, seed=seed, orders=orders, progress=tell.part(0.62, 0.78))
            changes = stability(case, seed=seed, progress=tell.part(0.78, 1.0))
            rows += [random_row(case, steps), *stability_rows(changes)]
        else:
            rows += [Row(name, _NOT_ITS_MAP) for name in (RANDOMISATION, STABILITY)]
    else:
        rows += [Row(name, problem) for name in (MADE_AGAIN, DELETION, RANDOMISATION, STABILITY)]
    tell(1.0, "done")
    spent = fast_passes + rerun.forward_calls + case.forward_calls + session.forward_calls - before
    return Trust(
        FULL, tuple(rows), spent + (looked.runs if looked else 0), found.explanation, found.pixels, curves, gain, steps,
        changes, found.seconds_per_pass, looked.drawn if looked else None,
    )  # fmt: skip


#: what random weights and noise say is about the map that the question gives
_NOT_ITS_MAP = Value.without(
    NOT_MEASURED, "The map is not known to be this question's, so that this says nothing of it."
)


#: by their names
TIERS = {FAST: fast, FULL: full}


def _without_evidence(explanation) -> Value | None:
    if not np.isfinite(explanation.map).all():
        return Value.without(NONFINITE, "The map holds NaN or infinite values.")
    if explanation.status == OK and (explanation.map > 0).any():
        return None
    return Value.without(ZERO_MAP, explanation.reason or "The map holds no positive evidence.")


def probe_of(session, pixels, score, rerun):
    """Blocks of the context around M, or the Value that tells why there is none. score: None to know the price."""
    try:
        return ImageProbe(rerun, session.image, pixels, score, body=body_of(session.image), dice=True)
    except PixelSetError as error:
        return Value.without(TOO_SMALL, error.sentence, USUAL_UNIT if score is None else score.unit)


def _context(found, rerun, seed, tell):
    """(rows, gain or None, curves or None): deletion where the context is used, else where the evidence lies."""
    probe = probe_of(found.session, found.pixels, found.score, rerun)
    if isinstance(probe, Value):
        return [Row(DELETION, probe, details={"context": False})], None, None
    density = found.explanation.resampled_to(found.session.image.grid).array
    full, empty = (
        probe.see(np.full(probe.blocks.count, removed), tell.part(*at)).score
        for removed, at in ((False, (0.0, 0.02)), (True, (0.02, 0.04)))
    )
    ends = {"full": full, "empty": empty}
    if not full - empty > CONTEXT_USED * abs(full) and np.isfinite([full, empty]).all():
        # the ends are known: no order between them could be judged, so none is made
        why = unused(**ends, unit=found.score.unit)
        nothing = Value.without(NOT_MEASURED, f"{why[0].upper()}{why[1:]}.", found.score.unit)
        curve = deletion_curve(probe, density, fractions=())
        curves = [curve.to_json() | {"name": ENDS}] if curve.status == OK else None
        return [Row(DELETION, nothing, details=ends), _evidence_at_m(probe, density, found)], None, curves
    gain = gain_over_random(probe, density, orders=ORDERS, seed=seed, progress=tell.part(0.04, 1.0))
    if gain.curve.status == ZERO_MAP:
        grid = found.explanation.grid
        cell = f"{max(grid.spacing_kji):.3g} {grid.length_unit}"
        return [Row(DELETION, gain.logit, passed=False, details=ends | {"cell": cell})], gain, None
    if not gain.logit.ok:
        return [Row(DELETION, gain.logit)], gain, curves_of(gain)
    line, told = GAIN_SDS * (gain.logit_sd or 0.0), {"orders": ORDERS, "sds": GAIN_SDS}
    return [Row(DELETION, gain.logit, line, gain.logit.value > line, told)], gain, curves_of(gain)


def _evidence_at_m(probe, density, found) -> Row:
    grid = found.session.image.grid
    kept = dilated(found.pixels.on(grid).weights, grid, MARGIN_MM)
    zone = Blocks.of(grid, keep_out=kept).index < 0
    value = Ground.of(found.session.image).share(density, zone)
    if not value.ok:
        return Row(AT_PIXEL_SET, value)
    line = value.chance + AT_M * (1 - value.chance)
    return Row(AT_PIXEL_SET, value, line, value.value >= line)


def random_row(case, steps) -> Row:
    if not steps:
        why = "The network holds no weight that could be replaced."
        return Row(RANDOMISATION, Value.without(NOT_MEASURED, why))
    last = steps[-1]
    if last.spearman.status == ZERO_MAP:  # nothing is as unlike the map
        vanished = Value.of(0.0, chance=0.0, note="With random weights the map is zero.")
        return Row(RANDOMISATION, vanished, SAME, True, {"signed": 0.0, "modules": last.modules})
    if not last.spearman.ok:
        return Row(RANDOMISATION, last.spearman, details={"modules": last.modules})
    if last.cells < LEAST_CELLS:
        return Row(RANDOMISATION, Value.without(TOO_SMALL, f"Only {last.cells} cells of the maps hold a value."))
    rho = last.spearman.value
    value = Value.of(abs(rho), chance=0.0, note=f"Signed: {rho:.4f}.")
    told = {"signed": rho, "modules": last.modules, "likeness": last.ssim.value}
    return Row(RANDOMISATION, value, SAME, abs(rho) < SAME, told)


def stability_rows(changes) -> list[Row]:
    noise = [change for change in changes if change.kind == NOISE]
    text = noise[0].text.rpartition(",")[0]
    bad = next((change.change for change in noise if not change.change.ok), None)
    if bad is not None:
        return [Row(STABILITY, bad, details={"change": text})]
    values = [change.change.value for change in noise]
    mean = Value.of(float(np.mean(values)), note=f"1 - Spearman; {text}.")
    told = {"change": text, "runs": len(values), "most": max(values)}
    rest = [change for change in changes if change.kind != NOISE]
    return [
        Row(STABILITY, mean, 1 - SAME, mean.value < 1 - SAME, told),
        *(Row(f"{STABILITY}_{one.kind}", one.change, details={"change": one.text}) for one in rest),
    ]


def curves_of(gain) -> list[dict] | None:
    """What a plot needs: the map's order and the random ones; None where the map gave no order."""
    if gain.curve.status != OK:
        return None
    names = ["by the map", *(f"random order {n}" for n in range(1, gain.n + 1))]
    return [curve.to_json() | {"name": name} for name, curve in zip(names, (gain.curve, *gain.random), strict=True)]
