"""How far to trust a map: numbers with a sentence each, the full tier's verdict; and what that would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...evaluation.trust.explained_case import frozen
from ...evaluation.trust.full_tier import TIERS
from ...evaluation.trust.rows import FAST
from ...evaluation.trust.trust_case import FORWARDS
from ...evaluation.trust.trust_cost import full_cost
from ...protocol.arrays import MessageError
from ...protocol.requests import Trust, TrustCost
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ...session.interface import Session
    from ..jobs import Jobs
    from ..pace import Pace


@answers(Trust)
def trust(request: Trust, jobs: Jobs, tell: Tell) -> dict:
    if request.tier not in TIERS:
        raise MessageError(f"There is no tier {request.tier!r}.", "It is 'fast' or 'full'.")

    def judge(session: Session, tell: Tell) -> Any:
        recipe = request.pixel_set("Trust")
        found = TIERS[request.tier](session, recipe, request.words, sent=request.map, progress=tell)
        jobs.pace.time(found.seconds_per_pass)
        return found

    found, _, notes, cost = jobs.measured(request, tell, judge)
    return {"trust": found.to_json(), "notes": [*notes, *found.explanation.notes], "session": cost}


@answers(TrustCost)
def trust_cost(request: TrustCost, jobs: Jobs, tell: Tell) -> dict:
    """Nothing runs but what finding M takes."""
    told, _, notes, cost = jobs.measured(request, tell, lambda session, tell: _cost(session, request, jobs.pace, tell))
    return {"cost": told, "notes": notes, "session": cost}


def _cost(session: Session, request: TrustCost, pace: Pace, tell: Tell) -> dict:
    recipe = request.pixel_set("Trust")
    if request.tier == FAST:
        pixels = frozen(session, recipe, session.model.class_index(request.class_index), tell)
        most = FORWARDS * session.runs_around(pixels)
        return {"forwards": most, "text": f"at most {most} forward pass(es)"}
    known: dict = {"seconds_per_pass": pace.seconds, "forwards_per_explanation": pace.of(request.method, request.layer)}
    return full_cost(session, recipe, request.words, progress=tell, **known).to_json()
