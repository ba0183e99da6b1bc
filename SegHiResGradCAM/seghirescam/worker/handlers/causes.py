"""What made the network say so: the score shared out among channels or segments, and beforehand what that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...evaluation.causes.anatomy_causes import anatomy_causes, beside_evidence, masks_by_name
from ...evaluation.causes.causes import ANATOMY, CHANNELS
from ...evaluation.causes.channel_causes import channel_causes
from ...evaluation.causes.shapley import PERMUTATIONS
from ...evaluation.causes.stand_ins import BLUR
from ...evaluation.trust.explained_case import frozen
from ...protocol.arrays import MessageError
from ...protocol.progress import Progress
from ...protocol.question import Question
from ...protocol.recipes import mask_on
from ...protocol.requests import Causes, CausesCost
from ...protocol.resampling import labels_on
from ...session.understood import score_of
from ..cost_alone import cost_alone
from ..sent_density import sent_density
from . import answers

if TYPE_CHECKING:
    from ...evaluation.causes.causes import Causes as Found
    from ...protocol.progress import Tell
    from ...session.interface import Session
    from ..jobs import Jobs


@answers(Causes)
def causes(request: Causes, jobs: Jobs, tell: Tell) -> dict:
    _refuse(request)
    found, _, notes, cost = jobs.measured(request, tell, lambda session, tell: _found(session, request, tell))
    calls = {key: cost[key] + found.passes for key in ("forward_calls", "forward_calls_now")}
    return {"causes": found.to_json(), "notes": [*notes, *found.notes], "session": cost | calls}


@answers(CausesCost)
def causes_cost(request: CausesCost, jobs: Jobs, tell: Tell) -> dict:
    _refuse(request)
    text, _, notes, _ = jobs.measured(
        request, tell, lambda session, tell: cost_alone(lambda before: _found(session, request, tell, before))
    )
    return {"text": text, "notes": notes}


def _refuse(request: Causes) -> None:
    if request.of not in (CHANNELS, ANATOMY):
        raise MessageError(f"A score is not shared out among {request.of!r}.", "It is 'channels' or 'anatomy'.")
    if (request.of == ANATOMY) != (request.labels is not None):
        raise MessageError("Segments are sent for the anatomy, and for nothing else.", "Send 'labels' with 'anatomy'.")


def _found(session: Session, request: Causes, tell: Tell, before: Any = None) -> Found:
    recipe = request.pixel_set("What mattered")
    asked, steps = Question.of(recipe, **request.words), Progress(tell)
    score = score_of(session.model, asked.classes[0], asked.score, asked.rivals[0])
    pixels = frozen(session, recipe, score.class_index, steps.part(0.0, 0.1))
    words: dict = {
        "baseline": request.baseline or BLUR, "permutations": request.permutations or PERMUTATIONS,
        "seed": request.draw_seed or 0, "before": before, "progress": steps.part(0.1, 1.0),
    }  # fmt: skip
    if request.of == CHANNELS:
        return channel_causes(session, [pixels], [score], **words)[0]
    grid = session.image.grid
    layers = [(labels_on(array, own, grid), names) for array, own, names in request.labels or ()]
    segments = masks_by_name(layers)
    where = [np.asarray(mask_on(grid, recipe, pixels))]
    (found,) = anatomy_causes(session, segments, [pixels], [score], where=where, **words)
    if request.map is None:
        return found
    return beside_evidence(found, segments, sent_density(request.map, grid), session.image)
