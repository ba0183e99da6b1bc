"""The picture that a network of ``transformers`` is fed: eight bits in red, green and blue, as its processor asks."""

from __future__ import annotations

import numpy as np

from ...io.colour_images import GREY
from ...protocol.image import Image


def picture(image: Image) -> tuple[np.ndarray, tuple[str, ...]]:
    """uint8 ``[J, I, 3]`` of an image ``[1 or 3, 1, J, I]``, and what was done to its values, as sentences.

    Values within 0 to 255 are those of a picture; whole ranges of 0 to 1 are enlarged, others (a CT's, an MR's) scaled
    from the smallest to the largest.
    """
    array = np.asarray(image.array[:, 0], dtype=np.float64)
    notes = []
    if len(array) == 1 or ((array[0] == array[1]).all() and (array[0] == array[2]).all()):
        array = np.repeat(array[:1], 3, axis=0)
        notes += [] if GREY in image.notes else [GREY]
    low, high = float(array.min()), float(array.max())
    fractions = image.array.dtype.kind == "f" and 0 <= low and high <= 1 and bool((array != np.round(array)).any())
    if fractions:
        array = array * 255
        notes.append("Its values lie between 0 and 1; they were multiplied by 255, as a picture's are.")
    elif low < 0 or high > 255:
        array = (array - low) * (255 / (high - low))
        notes.append(
            f"A picture has values from 0 to 255: those of this image ({low:g} to {high:g}) were scaled to that range, "
            "from the smallest to the largest of each slice. Other windows give other predictions."
        )
    return np.moveaxis(np.round(array).astype(np.uint8), 0, -1), tuple(notes)
