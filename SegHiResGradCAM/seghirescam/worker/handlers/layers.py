"""Layers of the model for this image; the session is kept for the questions that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...protocol.messages import layer_to_json
from ...protocol.requests import Layers
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ..jobs import Jobs


@answers(Layers)
def layers(request: Layers, jobs: Jobs, tell: Tell) -> dict:
    return {"layers": [layer_to_json(layer) for layer in jobs.session(request, tell).layers(tell)]}
