"""What a question would take: windows, forward passes, bytes of one window; {} where nothing is cut."""

from __future__ import annotations

from ...protocol.question import DEFAULT
from ...protocol.recipes import Segment
from ...protocol.requests import Estimate, Explain
from . import answers


@answers(Estimate)
def estimate(request: Estimate, jobs, tell) -> dict:
    return estimated(jobs.session(request, tell), request)


def estimated(session, request: Estimate | Explain) -> dict:
    """Of one given set; what the model predicts is not known yet."""
    if len(request.pixel_sets) != 1 or not isinstance(request.pixel_sets[0], Segment):
        return {}
    return session.estimate(request.pixel_sets[0].pixels, request.layers or DEFAULT)
