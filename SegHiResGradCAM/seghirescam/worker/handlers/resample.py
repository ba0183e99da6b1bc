"""A layer's map on other voxels, with its sorted evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...protocol.requests import Resample
from ..results import shown_to_json
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ..jobs import Jobs


@answers(Resample)
def resample(request: Resample, jobs: Jobs, tell: Tell) -> dict:
    tell(0.1, "placing the map")
    with jobs.writing() as save:
        return {"shown": shown_to_json(*request.map, request.unit, request.target, save)}
