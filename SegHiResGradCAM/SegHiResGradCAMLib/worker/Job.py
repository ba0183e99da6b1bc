"""One request to the worker that is under way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Job:
    """purpose: what for; also the request's name (:mod:`requests`), unless ``request`` is another.

    nodeIds: nodes without which the answer has no place to go.  what: anything that is needed when it comes.  volumes:
    channel name -> id of its volume (in ``nodeIds`` too), where the job looks at the image.  answered(job, answer):
    hears the answer.  title: what the user reads while it runs.  aside: no next question is asked about its maps.
    number: the client's.  fraction, phase: how far it is.
    """

    purpose: str
    nodeIds: tuple[str, ...] = ()
    what: dict = field(default_factory=dict)
    volumes: dict = field(default_factory=dict)
    request: str = ""
    answered: Callable[[Job, dict], object] | None = None
    title: str = ""
    aside: bool = False
    number: int = 0
    fraction: float = 0.0
    phase: str = "Starting"
    cancelling: bool = False
    started: float = field(default_factory=time.monotonic)

    def hasItsNodes(self, scene: Any) -> bool:
        return all(scene.GetNodeByID(nodeId) is not None for nodeId in self.nodeIds)
