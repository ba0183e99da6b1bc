"""What is known about a model before anything of it runs; of one that has been opened its classes, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...models.description import description
from ...protocol.requests import Describe
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ..jobs import Jobs


@answers(Describe)
def describe(request: Describe, jobs: Jobs, tell: Tell) -> dict:
    told, opened = description(request.model), jobs.opened(request.model)
    if opened is not None and not told["classes"]:  # a program without a description
        told["classes"] = [{"index": c.index, "name": c.name} for c in opened.classes]
        told["channels"] = list(opened.channels)
    return told
