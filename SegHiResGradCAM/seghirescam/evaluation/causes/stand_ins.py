"""What takes the place of what is taken away: the image blurred, a constant, or another case. numpy and scipy.

Every answer about causes is an answer against such a baseline, and says against which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...protocol.errors import ImageError
from ...protocol.image import Image
from ...protocol.resampling import resampled
from ..deletion.removal import SIGMA_MM, blurred, in_type
from ..metrics.body import body_of

BLUR, MEAN, ZERO, OTHER = STAND_INS = ("blur", "mean", "zero", "other")


@dataclass(frozen=True, eq=False)
class StandIn:
    """image: on the grid of what it stands in for, voxel by voxel.  words: what it is, for the sentence."""

    image: Image
    words: str


def stand_in(image: Image, kind: str = BLUR, other: Image | None = None) -> StandIn:
    """kind: "blur" (a Gaussian of 10 mm), "mean" (of each channel over the body, or over the image where no body can
    be told), "zero" (no prompt in a channel of prompts), or "other" (``other``, another case, brought to this grid).

    Raises ImageError for an unknown kind, and for another case that is missing, has other channels, does not cover this
    image, or holds values that are not finite.
    """
    if kind not in STAND_INS:
        raise ImageError(f"Unknown baseline {kind!r}.", f"Use one of: {', '.join(STAND_INS)}.")
    if (other is not None) != (kind == OTHER):
        raise ImageError("Another case and the baseline 'other' go together.", "Give both, or leave both away.")
    if kind == BLUR:
        unit = image.grid.length_unit
        return StandIn(blurred(image), f"the image blurred (Gaussian, {SIGMA_MM:g} {unit})")
    if kind == MEAN:
        body = body_of(image)
        values = [float((c if body is None else c[body]).mean(dtype=np.float64)) for c in image.array]
        over = "the image" if body is None else "the body"
        return StandIn(_constant(image, values), f"each channel's mean over {over}")
    if kind == ZERO:
        return StandIn(_constant(image, [0.0] * len(image.array)), "zero")
    assert other is not None
    return StandIn(_brought(other, image), "another case")


def _constant(image, values):
    array = np.empty_like(image.array)
    for channel, value in zip(array, values, strict=True):
        channel[...] = in_type(np.float64(value), array.dtype)
    return Image(array, image.grid)


def _brought(other, image):
    """The other case on the image's grid, by their places in space; an image and not a copy of this one."""
    if len(other.array) != len(image.array):
        raise ImageError(
            f"The other case has {len(other.array)} channel(s), this one {len(image.array)}.",
            "Give the same channels of another case.",
        )
    if other.grid.is_photo and other.grid.shape != image.grid.shape:
        raise ImageError("The other photo has another size.", "Give one of the same size.")
    inside = resampled(np.ones((1, *other.grid.shape), np.float32), other.grid, image.grid)
    missing = float((inside < 0.5).mean())
    if missing > 0:
        raise ImageError(
            f"The other case leaves {100 * missing:.3g} % of the image uncovered: it cannot stand in for it.",
            "Register and resample it to this image first, or use another baseline.",
        )
    if other.grid.same_as(image.grid):
        found = other.array
    else:
        found = resampled(other.array.astype(np.float32), other.grid, image.grid)
    wrong = int(np.count_nonzero(~np.isfinite(found)))
    if wrong:
        raise ImageError(
            f"The other case holds {wrong} voxel(s) that are NaN or infinite.",
            "Replace them first, or use another baseline.",
        )
    found = Image(in_type(found, image.array.dtype), image.grid)
    if np.array_equal(found.array, image.array):
        raise ImageError("The other case is this case: nothing would be taken away.", "Name another one.")
    return found
