"""Several volumes as the channels of one image, on the first one's grid. numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..protocol.errors import ImageError
from ..protocol.image import Image
from ..protocol.resampling import copied, resampled


def joined(images: Sequence[Image], names: Sequence[str] = ()) -> tuple[Image, tuple[str, ...]]:
    """(one Image with the channels of all, on the grid of the first; notes for the user).

    Those on other grids are resampled linearly; beyond their border they continue with their smallest value.
    names: what the user calls them.  Raises ImageError where one has no voxel in common with the first.
    """
    first = images[0]
    headers = tuple(h for image in images for h in image.headers or ("",))
    kept = {"headers": headers if any(headers) else ()}
    names = list(names) if len(names) == len(images) else [f"channel {n}" for n in range(1, len(images) + 1)]
    arrays, notes = [first.array], []
    told = list(dict.fromkeys(note for image in images for note in image.notes))
    for name, image in zip(names[1:], images[1:], strict=True):
        if image.grid.elsewhere(first.grid):
            told.append(
                f"{name} names another DICOM frame of reference than {names[0]}; that both show one place is assumed."
            )
        if image.grid.same_as(first.grid):
            arrays.append(image.array)
            continue
        # cropped, flipped and reordered copies of one grid, and rounded headers
        everywhere = copied(np.ones(image.grid.shape, bool), image.grid, first.grid)
        if everywhere is not None and everywhere.all():
            arrays.append(np.stack([copied(channel, image.grid, first.grid) for channel in image.array]))
            continue
        covered = resampled(np.ones(image.grid.shape, np.float32), image.grid, first.grid, order=0) > 0
        if not covered.any():
            raise ImageError(
                f"{name} does not overlap {names[0]}: they show different places.",
                "Register the volumes, or choose those of one examination.",
            )
        low = float(image.array.min())
        arrays.append(resampled(image.array.astype(np.float32), image.grid, first.grid, outside=low))
        missing = 1 - float(covered.mean())
        gap = f"; {100 * missing:.1f} % of the voxels lie outside and were filled with {low:g}" if missing else ""
        notes.append(f"{name} was resampled linearly to the grid of {names[0]}{gap}.")
    if len(arrays) == 1:
        return first, ()
    return Image(np.concatenate(arrays), first.grid, tuple(told), **kept), tuple(notes)
