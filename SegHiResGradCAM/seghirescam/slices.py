"""What a figure looks at in a volume: axes turned to the patient, the strongest place, grey values, the body's box."""

from __future__ import annotations

import numpy as np

from .protocol.grid import Grid, canonical


def turned(array: np.ndarray, grid: Grid) -> np.ndarray:
    """A view of ``array`` with the axes of ``canonical(grid)``: K, J, I run towards S, A, R. Nothing is resampled."""
    mapping = (np.linalg.inv(grid.kji_to_ras) @ canonical(grid).kji_to_ras)[:3, :3]
    order = np.abs(mapping).argmax(axis=0)
    flips = [slice(None, None, -1 if mapping[s, t] < 0 else 1) for t, s in enumerate(order)]
    return array.transpose(order)[tuple(flips)]


def strongest(density: np.ndarray, mask: np.ndarray, signed: bool = False) -> tuple[int, int, int]:
    """Index of the largest value (of either sign); where there is none, of the voxel of M nearest to its middle."""
    values = np.abs(density) if signed else density
    place = np.unravel_index(int(np.argmax(values)), density.shape)
    if not values[place] > 0:
        found = np.argwhere(mask)
        place = found[np.argmin(((found - found.mean(axis=0)) ** 2).sum(axis=1))]
    return tuple(int(n) for n in place)


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
