"""How much of a map's evidence lies in every segment, and how far from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...evaluation.metrics.body import body_of
from ...evaluation.metrics.ground import Ground
from ...evaluation.metrics.labels import evidence_by_label_maps
from ...protocol.requests import BySegment
from ...protocol.resampling import labels_on, resampled
from ..sent_density import sent_density
from . import answers

if TYPE_CHECKING:
    from ...protocol.grid import Grid
    from ...protocol.image import Image
    from ...protocol.progress import Tell
    from ..jobs import Jobs


@answers(BySegment)
def by_segment(request: BySegment, jobs: Jobs, tell: Tell) -> dict:
    image = jobs.image(request.image, tell) if request.image else None
    tell(0.0, "placing the map")
    grid = request.labels[0][1]
    density = sent_density(request.map, grid)
    layers = [(labels_on(array, own, grid), names) for array, own, names in request.labels]
    body = None if image is None else _body_on(image, grid)
    rows = evidence_by_label_maps(
        density, layers, grid, body, distances=True,
        progress=lambda fraction, phase: tell(0.1 + 0.9 * fraction, phase),
    )  # fmt: skip
    ground = Ground(body, grid)
    notes = [f"Chance is counted over {ground.words}."]
    return {"rows": [row.to_json() for row in rows], "chance_over": ground.over, "notes": notes}


def _body_on(image: Image, grid: Grid) -> np.ndarray | None:
    """The image's body on another grid; None where it has none there."""
    body = body_of(image)
    if body is None or image.grid.same_as(grid):
        return body
    body = resampled(body.astype(np.float32), image.grid, grid) >= 0.5
    return body if body.any() else None
