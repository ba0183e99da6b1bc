"""What a question would take: windows, forward passes, bytes of one window; {} where nothing is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...protocol.question import DEFAULT
from ...protocol.recipes import Segment
from ...protocol.requests import Estimate, Explain
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ...session.interface import Session
    from ..jobs import Jobs


@answers(Estimate)
def estimate(request: Estimate, jobs: Jobs, tell: Tell) -> dict:
    return estimated(jobs.session(request, tell), request)


def estimated(session: Session, request: Estimate | Explain) -> dict:
    """Of given sets; what the model predicts is not known yet."""
    sets = [one.pixels for one in request.pixel_sets if isinstance(one, Segment)]
    given = sets if len(sets) == 1 else [one for one in sets if not one.is_empty]
    if not given or len(sets) < len(request.pixel_sets):
        return {}
    return session.estimate(given, request.layers or DEFAULT)
