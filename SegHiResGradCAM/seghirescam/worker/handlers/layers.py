"""Layers of the model for this image; the session is kept for the questions that follow."""

from __future__ import annotations

from ...protocol.messages import layer_to_json
from ...protocol.requests import Layers
from . import answers


@answers(Layers)
def layers(request: Layers, jobs, tell) -> dict:
    return {"layers": [layer_to_json(layer) for layer in jobs.session(request, tell).layers(tell)]}
