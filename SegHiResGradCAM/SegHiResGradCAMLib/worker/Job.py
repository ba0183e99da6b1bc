"""One request to the worker that is under way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

DESCRIBE, LAYERS, EXPLAIN, OTHER_LAYER, PLACE = "describe", "layers", "explain", "other layer", "place"
PREDICT, COMPARE = "predict", "compare"
PAINT, CHECK, COST, FULL, BY_SEGMENT = "paint", "check", "cost of the full check", "full check", "by segment"


@dataclass
class Job:
    """purpose: one of the words above.  nodeIds: nodes without which the answer has no place to go.

    volumes: channel name -> id of its volume (in ``nodeIds`` too), where the job looks at the image.  what: anything
    that is needed when the answer comes.  number: the client's.  fraction, phase: how far it is.
    """

    purpose: str
    nodeIds: tuple[str, ...] = ()
    what: dict = field(default_factory=dict)
    volumes: dict = field(default_factory=dict)
    number: int = 0
    fraction: float = 0.0
    phase: str = "Starting"
    cancelling: bool = False
    started: float = field(default_factory=time.monotonic)

    def hasItsNodes(self, scene) -> bool:
        return all(scene.GetNodeByID(nodeId) is not None for nodeId in self.nodeIds)
