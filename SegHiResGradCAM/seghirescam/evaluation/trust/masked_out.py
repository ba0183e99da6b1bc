"""The image at one point of the full check's deletion curve: what the network was shown there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...protocol.errors import MethodError
from ...protocol.grid import Grid
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.recipes import Recipe, as_recipe
from ...protocol.resampling import spread
from ...protocol.value import OK, Value
from ..deletion.blocks import falling
from ..deletion.deletion_curves import first_units
from ..painting.rerun import Rerun
from .explained_case import frozen
from .full_tier import probe_of
from .trust_case import Found


def masked_out(
    session,
    pixels: Recipe | PixelSet,
    words: dict,
    fraction: float,
    *,
    sent: tuple[np.ndarray, Grid] | None = None,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[Image, float]:
    """(the image with the first ``fraction`` of what may be removed removed in the map's order, the share of whole
    blocks that this is); arguments as of :func:`full_tier.full`, whose curve "by the map" is the score at such images.

    With a map that was sent the network runs only where finding the pixels takes a prediction.
    Raises MethodError for what is no share, and where the map gives no order or nothing may be removed.
    """
    if not 0 <= fraction <= 1:
        raise MethodError(f"The share to be masked out must lie between 0 and 1, got {fraction:g}.", "0.2 is usual.")
    known = frozen(session, as_recipe(pixels), session.model.class_index(words["class_index"]), progress)
    probe = probe_of(session, known, None, Rerun.of(session))
    if isinstance(probe, Value):
        raise MethodError(probe.note, "Nothing can be masked out around these pixels.")
    if sent is None:
        one = Found.of(session, known, words, None, progress).explanation
        sent = one.map, one.grid
    density = spread(*sent, session.image.grid)
    status, note = probe.refusal(density)
    if status != OK:
        raise MethodError(note, "Such a map has no order in which something could be masked out.")
    removed, reached = first_units(probe.sizes, falling(probe.values(density), seed), fraction)
    return probe.removed(removed), reached
