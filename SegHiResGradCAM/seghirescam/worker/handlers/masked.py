"""The image at one point of the deletion curve, as voxels to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...evaluation.trust.masked_out import masked_out
from ...protocol.requests import Masked
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ..jobs import Jobs


@answers(Masked)
def masked(request: Masked, jobs: Jobs, tell: Tell) -> dict:
    recipe = request.pixel_set("Masking out")
    (image, reached), _, notes, cost = jobs.measured(
        request, tell,
        lambda session, tell: masked_out(
            session, recipe, request.words, float(request.fraction), sent=request.map, progress=tell
        ),
    )  # fmt: skip
    with jobs.writing() as save:
        told = {"array": save(np.asarray(image.array[0], dtype=np.float32)), "grid": image.grid.to_json()}
    return {"masked": told, "fraction": reached, "notes": notes, "session": cost}
