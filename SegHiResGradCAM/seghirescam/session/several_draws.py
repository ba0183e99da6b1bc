"""Several draws of a network that draws random numbers: their mean map, and how far they differ.

M is frozen: what the first draw predicts is asked of all.  The draws have the seeds seed, seed + 1, ...
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cam.isolation.random_draws import drew, seeded
from ..protocol.explanation import Explanation
from ..protocol.recipes import Segment, View, refuse_empty
from .answer import ONE_DRAW, status_of

if TYPE_CHECKING:
    from ..protocol.pixel_set import PixelSet
    from ..protocol.progress import Progress
    from .understood import Understood


def over_draws(session: Any, question: Understood, draws: int, downstream: bool, tell: Progress) -> list[Explanation]:
    """The mean explanations of ``draws`` draws; of one where the network draws nothing, and a note says so.

    Provenance: ``draws`` = {"count", "seeds", "map_spread", "score_spread"}.  map_spread: the standard deviation of the
    maps, sqrt(sum_i |L_i - mean|^2 / (n - 1)), relative to |mean| (L2 norms over all cells); score_spread: that of S.
    Raises what one question raises.
    """
    first = session.asked(question, _part(tell, 0, draws), downstream)
    if not drew(session.model.networks):
        words = "The network drew no random numbers, so that one pass is the answer; no further draws were made."
        return [replace(found, notes=(*found.notes, words)) for found in first]
    fixed = replace(question, recipes=tuple(Segment(pixels) for pixels in frozen_sets(session, question)))
    seeds = [session.seed + n for n in range(draws)]
    found = {same_answer(one): [one] for one in first}
    for n, seed in enumerate(seeds[1:], start=1):
        other = session.sibling(seed)
        with seeded(seed):
            answers = other.asked(fixed, _part(tell, n, draws), downstream)
        for one in answers:
            if same_answer(one) in found:
                found[same_answer(one)].append(one)
        session.count(other.forward_calls)
        other.release()
    return [_mean(answers, seeds) for answers in found.values() if len(answers) == draws]


def _part(tell: Progress, n: int, of: int) -> Progress:
    return tell.part(n / of, (n + 1) / of, "" if of == 1 else f"draw {n + 1} of {of}: ")


def frozen_sets(session: Any, question: Understood) -> list[PixelSet]:
    """The pixel sets as they are for the session's own image."""
    prepared = session.prepared()

    def decided(index: int) -> np.ndarray:
        return session.predict(index).weights > 0

    found = []
    for recipe, index in zip(question.recipes, question.classes, strict=True):
        view = View(prepared.grid, prepared.valid, index, session.model.class_name(index), decided)
        found.append(refuse_empty(recipe.resolve(view)))
    return found


def same_answer(explanation: Explanation) -> tuple:
    """What two answers to one question share."""
    facts = explanation.provenance
    return (
        *(explanation.layer.name, explanation.method, str(facts["method_settings"])),
        *(facts["pixel_set_sha256"], explanation.pixel_set_label, explanation.score_title),
    )


def _mean(answers: list[Explanation], seeds: list[int]) -> Explanation:
    maps = [one.map.astype(np.float64) for one in answers]
    scores = np.array([one.score for one in answers])
    mean = np.mean(maps, axis=0)
    apart = float(np.sqrt(sum(float(np.square(one - mean).sum()) for one in maps) / (len(maps) - 1)))
    size = float(np.sqrt(np.square(mean).sum()))
    spread, score_spread = apart / size if size else None, float(scores.std(ddof=1))
    mean = mean.astype(np.float32)
    status, reason = status_of(mean, "the draws' maps cancel out, or are zero,")
    own = [one for one in answers if one.status == "nonfinite"]
    status, reason = (own[0].status, own[0].reason) if own else (status, reason)
    notes = [note for note in answers[0].notes if note != ONE_DRAW]
    apart_words = "have no mean to compare with" if spread is None else f"differ from it by {100 * spread:.3g} %"
    notes.append(
        f"This network draws random numbers in its forward pass: the map is the mean of {len(answers)} draws (seeds "
        f"{seeds[0]} to {seeds[-1]}, one M); single draws {apart_words} (standard deviation, relative L2), their "
        f"scores by {score_spread:.3g} (standard deviation)."
    )
    facts = {"count": len(answers), "seeds": seeds, "map_spread": spread, "score_spread": score_spread}
    return replace(
        answers[0], map=mean, score=float(scores.mean()), status=status, reason=reason, notes=tuple(notes),
        provenance=answers[0].provenance | {"draws": facts},
    )  # fmt: skip
