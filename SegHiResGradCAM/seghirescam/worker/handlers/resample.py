"""A layer's map on other voxels, with its sorted evidence."""

from __future__ import annotations

from ...protocol.requests import Resample
from ..results import shown_to_json
from . import answers


@answers(Resample)
def resample(request: Resample, jobs, tell) -> dict:
    tell(0.1, "placing the map")
    with jobs.writing() as save:
        return {"shown": shown_to_json(*request.map, request.unit, request.target, save)}
