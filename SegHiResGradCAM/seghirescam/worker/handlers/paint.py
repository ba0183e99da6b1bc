"""A region masked out and the model run again: numbers, a sentence, and masks (uint8) on the image's grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...evaluation.painting.intervention import paint_in
from ...evaluation.painting.regions import Hottest
from ...protocol.question import Question
from ...protocol.requests import HottestPart, Paint
from ...session.understood import score_of
from ..painted_masks import painted_masks
from ..sent_density import sent_density
from . import answers

if TYPE_CHECKING:
    from ...evaluation.painting.intervention import Painting
    from ...protocol.grid import Grid
    from ...protocol.progress import Tell
    from ...session.interface import Session
    from ..jobs import Jobs

#: what the region is grown by first, where nobody says
_MARGIN_MM = 2.0


@answers(Paint)
def paint(request: Paint, jobs: Jobs, tell: Tell) -> dict:
    found, _, notes, cost = jobs.measured(request, tell, lambda session, tell: _painted(session, request, tell))
    calls = {key: cost[key] + found.forward_calls for key in ("forward_calls", "forward_calls_now")}
    told = {"painting": found.to_json(), "notes": [*notes, *found.notes], "session": cost | calls}
    return told | painted_masks(found, jobs)


def _painted(session: Session, request: Paint, tell: Tell) -> Painting:
    recipe = request.pixel_set("Masking out")
    asked = Question.of(recipe, **request.words)
    score = score_of(session.model, asked.classes[0], asked.score, asked.rivals[0])
    margin = _MARGIN_MM if request.margin_mm is None else float(request.margin_mm)
    region, control = _region(request.region, session.image.grid), bool(request.control)
    return paint_in(session, region, recipe, score, margin_mm=margin, control=control, progress=tell)


def _region(region: Any, grid: Grid) -> Any:
    if not isinstance(region, HottestPart):
        return region
    density = sent_density(region.map, grid)
    return Hottest(density, 0.5 if region.share is None else float(region.share), region.ml, region.outside)
