"""The masks of a painting (uint8) as files on the image's grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..protocol.recipes import hardened

if TYPE_CHECKING:
    from ..evaluation.painting.intervention import Painting
    from .jobs import Jobs


def painted_masks(found: Painting, jobs: Jobs) -> dict[str, dict]:
    """region (the margin is part of it), before, after: each array and grid."""
    masks = {"region": hardened(found.painted.weights), "before": found.predicted[0], "after": found.predicted[1]}
    grid = found.painted.grid.to_json()
    with jobs.writing() as save:
        return {name: {"array": save(mask.astype(np.uint8)), "grid": grid} for name, mask in masks.items()}
