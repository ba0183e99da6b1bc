"""Is the map supported by the model? The full tier: context deletion, randomised weights, stability, and a verdict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...protocol.errors import PixelSetError
from ...protocol.explanation import Explanation
from ...protocol.grid import Grid
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.recipes import Recipe
from ...protocol.value import NONFINITE, NOT_MEASURED, OK, TOO_SMALL, ZERO_MAP, Value
from ..deletion.blocks import Blocks
from ..deletion.gains import gain_over_random
from ..deletion.image_deletion import MARGIN_MM, ImageProbe, deletion_curve
from ..metrics.explained_case import body_of
from ..metrics.ground import Ground
from ..metrics.shares import dilated
from ..painting.rerun import Rerun
from .fast_tier import FULL, NOT_JUDGED, NOT_SUPPORTED, SUPPORTED, Row, Trust, numbers
from .sanity import randomisation
from .stability import NOISE, RUNS, stability
from .trust_case import Found, part

#: random orders of the context, seeds seed + 1 ...
ORDERS = 5
#: A context-deletion gain must exceed this many standard deviations of the random orders.  Reason: a map without any
#: knowledge is one more random order; with five of them it passes in about 1 case of 14 (Student's t, 4 degrees of
#: freedom, the mean's own error counted).  More orders make the test stricter, not the rule.
GAIN_SDS = 2.0
#: At or above this rank correlation two maps count as the same map, below it as different ones.  Reason: the rule of
#: Arun et al. (Radiology AI 2021) takes the likeness of maps of different cases as baseline, and one case has none;
#: 0.5 is where one map's ranks explain a quarter of the other's variance.  One line for both questions: what a
#: randomised network's map must stay below, a map under noise must stay above, so that the map owes more to the
#: trained weights than to noise.
SAME = 0.5
#: The context counts as used if removing all of it lowers the mean score by more than this share of the score.
#: Reason: below that no order of removal can be told from another by what it does; a tenth is the least that is still
#: large beside what the removal itself (a blurred rim) does to a network that looks at M alone.
CONTEXT_USED = 0.1
#: Where the network does not use the context, so much of the way from chance to 1 the share of the positive evidence at
#: M (in the blocks that meet it) must go.  Reason: a map that puts the larger part of what is not there by chance where
#: the network does not look is wrong whatever its order.
AT_M = 0.5
#: name of the curve with nothing and all of the context removed, and no order between
ENDS = "any order"
#: Cells that must carry a value before a rank correlation is judged.  Reason: two unrelated maps of fewer cells reach
#: SAME by luck in more than 1 case of 200.
LEAST_CELLS = 30


def full(
    session,
    pixels: Recipe | PixelSet,
    words: dict,
    *,
    sent: Explanation | tuple[np.ndarray, Grid] | None = None,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Trust:
    """The fast tier's numbers, three tests and a verdict; arguments as for :func:`fast_tier.fast`, cost
    :func:`full_cost`.

    supported: all tests passed.  not supported by the model: at least one failed, which the sentence names.
    not judged: none failed, but one could not be made (a map without evidence, a context the network does not use, a
    program whose weights cannot be replaced); the sentence says which.
    """
    tell = Progress(progress)
    found = Found.of(session, pixels, words, sent, part(tell, 0.0, 0.03))
    case = found.case
    rerun = Rerun(session.model, device=session.device, precision=session.precision)
    rows, details, curves, gain = numbers(found, seed, part(tell, 0.03, 0.08)), {}, None, None
    fast_passes, before = found.spent, session.forward_calls
    problem = _without_evidence(found.explanation)
    if problem is None:
        context, gain, curves = _context(found, rerun, seed, part(tell, 0.08, 0.6))
        steps = randomisation(case, seed=seed, progress=part(tell, 0.6, 0.78))
        changes = stability(case, seed=seed, progress=part(tell, 0.78, 1.0))
        rows += [*context, _random_row(case, steps), *_stability_rows(changes)]
        details = {
            "context_deletion": None if gain is None else gain.to_json(),
            "randomisation": [step.to_json() for step in steps],
            "stability": [change.to_json() for change in changes],
        }
    else:
        rows += [Row(name, title, problem, problem.note) for name, title in JUDGED.items() if name != "evidence_at_m"]
    tell(1.0, "done")
    spent = fast_passes + rerun.forward_calls + case.forward_calls + session.forward_calls - before
    cost = {"forwards": spent, "text": f"{spent} forward passes"}
    verdict, sentence = judged(rows)
    return Trust(
        FULL,
        verdict,
        sentence,
        cost,
        tuple(rows),
        found.explanation,
        found.pixels,
        curves,
        details,
        gain,
        found.seconds_per_pass,
    )


#: the tests by which the verdict is made; of the first two the one that applies
JUDGED = {
    "context_deletion_gain": "Context deletion",
    "evidence_at_m": "Evidence at the pixel set",
    "randomisation": "Randomised weights",
    "stability": "Stability under noise",
}


def judged(rows: list[Row]) -> tuple[str, str]:
    """(verdict, one sentence that names what failed, or what could not be tested)."""
    tests = [row for row in rows if row.name in JUDGED]
    if any(row.name == "evidence_at_m" for row in tests):
        tests = [row for row in tests if row.name != "context_deletion_gain"]
    failed = [row for row in tests if row.passed is False]
    if failed:
        return NOT_SUPPORTED, f"Not supported by the model: {_listed(failed)}."
    open_ones = [row for row in tests if row.passed is None]
    if open_ones or not tests:
        return NOT_JUDGED, f"Not judged: {_listed(open_ones)}."
    return SUPPORTED, "Supported by the model: " + ", ".join(row.title.lower() for row in tests) + " all passed."


def _listed(rows):
    return "; ".join(f"{row.title.lower()} ({row.sentence.rstrip('.')})" for row in rows)


def _without_evidence(explanation) -> Value | None:
    if explanation.status == OK and (explanation.map > 0).any() and np.isfinite(explanation.map).all():
        return None
    if not np.isfinite(explanation.map).all():
        return Value.without(NONFINITE, "The map holds NaN or infinite values.")
    return Value.without(ZERO_MAP, explanation.reason or "The map holds no positive evidence.")


def probe_of(session, pixels, score, rerun):
    """Blocks of the context around M, or the Value that tells why there is none."""
    try:
        body = body_of(session.image)
        return ImageProbe(rerun, session.image, pixels, score, body=body, dice=True)
    except PixelSetError as error:
        return Value.without(TOO_SMALL, error.sentence, "logit")


def _context(found, rerun, seed, tell):
    """(rows, gain or None, curves or None): deletion where the context is used, else where the evidence lies."""
    name, title = "context_deletion_gain", JUDGED["context_deletion_gain"]
    probe = probe_of(found.session, found.pixels, found.score, rerun)
    if isinstance(probe, Value):
        return [Row(name, title, probe, f"there is no context to remove: {probe.note}")], None, None
    density = found.explanation.resampled_to(found.session.image.grid).array
    full, empty = (
        probe.see(np.full(probe.blocks.count, removed), part(tell, *at)).score
        for removed, at in ((False, (0.0, 0.02)), (True, (0.02, 0.04)))
    )
    used = full - empty > CONTEXT_USED * abs(full)
    without = f"without any of the context the mean score goes from {full:.3g} to {empty:.3g} logit"
    if not used and np.isfinite([full, empty]).all():
        # the ends are known: no order between them could be judged, so none is made
        why = f"{without}: it is drawn from the pixel set itself, and no order of the context can be judged"
        nothing = Value.without(NOT_MEASURED, f"{why[0].upper()}{why[1:]}.", "logit")
        ends = deletion_curve(probe, density, fractions=())
        curves = [ends.to_json() | {"name": ENDS}] if ends.status == OK else None
        return [Row(name, title, nothing, why), _evidence_at_m(probe, density, found)], None, curves
    gain = gain_over_random(probe, density, orders=ORDERS, seed=seed, progress=part(tell, 0.04, 1.0))
    if gain.curve.status == ZERO_MAP:
        cell = max(found.explanation.grid.spacing_kji)
        why = (
            f"{without}, and the map shows no evidence there (what lies at the pixel set does not count, though its "
            f"cells of {cell:.3g} {found.explanation.grid.length_unit} may look further than they lie)"
        )
        return [Row(name, title, gain.logit, why, passed=False)], gain, None
    if not gain.logit.ok:
        return [Row(name, title, gain.logit, gain.logit.note)], gain, curves_of(gain)
    value, line = gain.logit, GAIN_SDS * (gain.logit_sd or 0.0)
    sentence = (
        f"removing the context in the map's order lowers the mean score by {value.value:.3g} logit more than {ORDERS} "
        f"random orders do, in the mean of the curve; {GAIN_SDS:g} standard deviations of these are {line:.3g}"
    )
    return [Row(name, title, value, sentence, line, value.value > line)], gain, curves_of(gain)


def _evidence_at_m(probe, density, found) -> Row:
    grid = found.session.image.grid
    kept = dilated(found.pixels.on(grid).weights, grid, MARGIN_MM)
    zone = Blocks.of(grid, keep_out=kept).index < 0
    value = Ground.of(found.session.image).share(density, zone)
    title = JUDGED["evidence_at_m"]
    if not value.ok:
        return Row("evidence_at_m", title, value, value.note)
    line = value.chance + AT_M * (1 - value.chance)
    sentence = (
        f"{100 * value.value:.3g} % of the evidence lies in the blocks that meet the pixel set, where the network "
        f"looks (chance over the {value.over} {100 * value.chance:.3g} %); at least {100 * line:.3g} % should"
    )
    return Row("evidence_at_m", title, value, sentence, line, value.value >= line)


def _random_row(case, steps) -> Row:
    name, title = "randomisation", JUDGED["randomisation"]
    if not steps:
        value = Value.without(NOT_MEASURED, "The network holds no weight that could be replaced.")
        return Row(name, title, value, value.note)
    last = steps[-1]
    if not last.spearman.ok:
        return Row(name, title, last.spearman, f"with random weights {last.spearman.note}")
    if np.count_nonzero(case.map) < LEAST_CELLS:
        value = Value.without(TOO_SMALL, f"Only {np.count_nonzero(case.map)} cells of the map hold a value.")
        return Row(name, title, value, value.note)
    rho = last.spearman.value
    likeness = f", SSIM {last.ssim.value:.2f}" if last.ssim.ok else ""
    sentence = (
        f"with all {last.modules} modules randomised the map keeps a rank correlation of {rho:.2f}{likeness}; of "
        f"{SAME:g} on, of either sign, it would not be about the trained weights"
    )
    value = Value.of(abs(rho), chance=0.0, note=f"Signed: {rho:.4f}.")
    return Row(name, title, value, sentence, SAME, abs(rho) < SAME)


def _stability_rows(changes) -> list[Row]:
    name, title = "stability", JUDGED["stability"]
    noise = [change for change in changes if change.kind == NOISE]
    bad = next((change.change for change in noise if not change.change.ok), None)
    if bad is not None:
        return [Row(name, title, bad, f"under noise {bad.note}")]
    values = [change.change.value for change in noise]
    mean, worst, text = float(np.mean(values)), max(values), noise[0].text.rpartition(",")[0]
    sentence = (
        f"{text} changes the map's ranks by {mean:.3g} in the mean of {RUNS}, {worst:.3g} at most (0: not at all)"
    )
    rows = [Row(name, title, Value.of(mean, note=f"1 - Spearman; {text}."), sentence, 1 - SAME, mean < 1 - SAME)]
    for change in changes:
        if change.kind != NOISE:
            value = change.change
            words = f"1 - Spearman is {value.value:.3g} when {change.text}" if value.ok else value.note
            rows.append(Row(f"stability_{change.kind}", f"Stability, {change.text}", value, words))
    return rows


def curves_of(gain) -> list[dict] | None:
    """What a plot needs: the map's order and the random ones; None where the map gave no order."""
    if gain.curve.status != OK:
        return None
    names = ["by the map", *(f"random order {n}" for n in range(1, gain.n + 1))]
    return [curve.to_json() | {"name": name} for name, curve in zip(names, (gain.curve, *gain.random), strict=True)]
