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
    """Of one given set; what the model predicts is not known yet."""
    if len(request.pixel_sets) != 1 or not isinstance(request.pixel_sets[0], Segment):
        return {}
    return session.estimate(request.pixel_sets[0].pixels, request.layers or DEFAULT)
