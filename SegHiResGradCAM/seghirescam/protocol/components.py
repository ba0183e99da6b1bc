"""Connected components of a mask, and the box around one. scipy is imported where they are counted."""

from __future__ import annotations

import numpy as np

from .pixel_set import PixelSet


def label_components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """(labels, count); voxels touching by face, edge or corner belong together."""
    from scipy.ndimage import label

    return label(mask, structure=np.ones((3,) * mask.ndim))


def extent(pixels: PixelSet) -> tuple[int, int, int]:
    """Voxels across the largest component along K, J, I: what a layer's cells have to resolve."""
    mask = pixels.weights[bounds(pixels.weights)] > 0
    parts, count = label_components(mask)
    largest = 1 + int(np.argmax(np.bincount(parts.ravel(), minlength=count + 1)[1:]))
    return tuple(part.stop - part.start for part in bounds(parts == largest))


def bounds(array: np.ndarray) -> tuple[slice, slice, slice]:
    """The smallest box with everything that is not zero, found without a copy of the array's size."""
    box = []
    for axis in range(3):
        found = np.flatnonzero(array.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append(slice(int(found[0]), int(found[-1]) + 1))
    return box[0], box[1], box[2]
