"""The smallest region whose masking out removes the segment, searched in a map's order; and what that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...evaluation.causes.flip_words import sentence
from ...evaluation.causes.smallest_flip import SearchLimits, smallest_flip
from ...evaluation.painting.intervention import paint_in
from ...evaluation.trust.explained_case import frozen
from ...protocol.errors import MethodError
from ...protocol.progress import Progress
from ...protocol.question import Question
from ...protocol.requests import Flip, FlipCost
from ...session.understood import score_of
from ..cost_alone import cost_alone
from ..painted_masks import painted_masks
from ..sent_density import sent_density
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ...session.interface import Session
    from ..jobs import Jobs

_LIMITS = ("finest_mm", "gone", "most", "predictions", "clearance_mm")


@answers(Flip)
def flip(request: Flip, jobs: Jobs, tell: Tell) -> dict:
    limits = _limits(request)
    both, _, notes, cost = jobs.measured(request, tell, lambda session, tell: _found(session, request, limits, tell))
    found, painting, said = both
    passes = found.passes + (painting.forward_calls if painting else 0)
    calls = {key: cost[key] + passes for key in ("forward_calls", "forward_calls_now")}
    told = {"flip": found.to_json() | {"sentence": said}, "session": cost | calls}
    if painting is None:
        return told | {"notes": notes}
    return told | {"notes": [*notes, *painting.notes], "painting": painting.to_json()} | painted_masks(painting, jobs)


@answers(FlipCost)
def flip_cost(request: FlipCost, jobs: Jobs, tell: Tell) -> dict:
    limits = _limits(request)
    text, _, notes, _ = jobs.measured(
        request, tell, lambda session, tell: cost_alone(lambda before: _found(session, request, limits, tell, before))
    )
    return {"text": text, "notes": notes}


def _limits(request: Flip) -> SearchLimits:
    if request.anywhere and request.clearance_mm:
        raise MethodError("A clearance and 'anywhere' exclude each other.", "Leave one of the two away.")
    given = {name: getattr(request, name) for name in _LIMITS if getattr(request, name) is not None}
    return SearchLimits(**given | ({"clearance_mm": None} if request.anywhere else {}))


def _found(session: Session, request: Flip, limits: SearchLimits, tell: Tell, before: Any = None) -> tuple:
    """(flip, its painting or None, a sentence)"""
    recipe = request.pixel_set("The smallest flip")
    asked, steps = Question.of(recipe, **request.words), Progress(tell)
    score = score_of(session.model, asked.classes[0], asked.score, asked.rivals[0])
    pixels = frozen(session, recipe, score.class_index, steps.part(0.0, 0.1))
    density = sent_density(request.map, session.image.grid)
    found = smallest_flip(
        session, pixels, score, density, limits=limits, before=before, progress=steps.part(0.1, 0.95)
    )  # fmt: skip
    painting = None
    if found.region is not None:
        painting = paint_in(session, found.region, recipe, score, margin_mm=0.0, progress=steps.part(0.95, 1.0))
    return found, painting, sentence(found, pixels.label, session.model.class_name(score.class_index))
