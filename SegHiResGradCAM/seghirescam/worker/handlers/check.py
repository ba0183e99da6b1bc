"""Whether the model is fed as it is meant to be: the rows and the verdict of evaluation/feeding, and a text."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ...evaluation.feeding.check import check_feeding
from ...models.descriptions.description_file import TOML
from ...protocol.arrays import MessageError
from ...protocol.recipes import Segment
from ...protocol.requests import Check
from . import answers

if TYPE_CHECKING:
    from ...evaluation.feeding.check import Feeding
    from ...models.segmentation_model import SegmentationModel
    from ...protocol.progress import Tell
    from ...session.interface import Session
    from ..jobs import Jobs


@answers(Check)
def check(request: Check, jobs: Jobs, tell: Tell) -> dict:
    found, _, notes, cost = jobs.measured(request, tell, lambda session, tell: _checked(session, request, tell))
    return {"check": found.to_json(), "notes": [*notes, *found.notes], "session": cost}


def _checked(session: Session, request: Check, tell: Tell) -> Feeding:
    if not isinstance(request.segment, Segment):
        raise MessageError("A check is about a segment.", "This is an internal error.")
    session.release()  # every change needs its memory
    model = _as_opened(session)
    index = model.class_index(request.class_index)
    words: dict = asdict(session.settings) | {"toml": str(request.model).endswith(TOML)}
    return check_feeding(model, session.image, request.segment.pixels, index, tell, **words)


def _as_opened(session: Session) -> SegmentationModel:
    """The 2D model behind the one that goes through a volume slice by slice."""
    return getattr(session.model, "model", session.model)
