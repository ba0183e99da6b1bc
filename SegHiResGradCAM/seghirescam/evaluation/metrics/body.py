"""What of a volume is body: the grey window without air, and the box around it."""

from __future__ import annotations

import numpy as np

from ...protocol.image import Image


def grey_window(array):
    """Grey values from the image itself: without the air around it, without the brightest specks."""
    sample = array[tuple(slice(None, None, max(1, n // 96)) for n in array.shape)].astype(np.float64)
    low, high = float(sample.min()), float(np.percentile(sample, 99.9))
    body = sample[sample > low + 0.05 * (high - low)]
    if body.size == 0 or not high > low:
        return low, low + 1.0
    if low < -500 and float(np.median(body)) < 200:  # Hounsfield units: soft tissue
        return -160.0, 240.0
    return low, float(np.percentile(body, 99.5))


def body_box(array, window, masks):
    """Per axis (first, end) of what is brighter than the background, with a margin, and of every pixel set."""
    bright = array > window[0] + 0.1 * (window[1] - window[0])
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        inside = bright.mean(axis=others) > 0.002
        for mask in masks:
            inside = inside | mask.any(axis=others)
        found = np.flatnonzero(inside)
        margin = 2 if found.size else 0
        first, last = (int(found[0]), int(found[-1])) if found.size else (0, array.shape[axis] - 1)
        box.append((max(0, first - margin), min(array.shape[axis], last + 1 + margin)))
    return box


def is_ct(image: Image) -> bool:
    """Whether the image is taken for a CT in HU: one channel with air at about -1000 and bone or contrast above 200."""
    return len(image.array) == 1 and bool(image.array.min() <= -900 and image.array.max() >= 200)


def body_of(image: Image) -> np.ndarray | None:
    """Bool ``[K, J, I]``: above -500 HU on a CT, else brighter than the background; None where that tells nothing.

    None in a photo: what is dark there is no air around a body.
    """
    if image.grid.is_photo:
        return None
    if is_ct(image):
        body = image.array[0] > -500
    else:
        low, high = grey_window(image.array[0])
        body = image.array[0] > low + 0.1 * (high - low)
    return body if body.any() and not body.all() else None
