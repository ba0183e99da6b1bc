"""Maps that know nothing about the network's reasons: what every table shows beside the methods. numpy and scipy.

A method that does no better than these has shown nothing, however good its number looks.
"""

from __future__ import annotations

import numpy as np

from ...protocol.display.thresholds import positive
from ...protocol.errors import GeometryError, ImageError
from ...protocol.grid import Grid
from .checked import NoValue, finite, fits


def paint_the_prediction(mask) -> np.ndarray:
    """The predicted segment itself as the map, float32: perfect in every share, and no explanation."""
    weights = getattr(mask, "weights", mask)  # a PixelSet or an array
    return np.array(weights, dtype=np.float32)


def edges(image_array, grid: Grid) -> np.ndarray:
    """Length of the image's gradient by Sobel's filter, float32 ``[K, J, I]``, image units per mm.

    image_array: ``[K, J, I]`` or ``[C, K, J, I]``; of several channels each is divided by its standard deviation
    first, and the root of the summed squares is returned (1 / mm).  A linear ramp has its slope everywhere but in
    the outermost voxels, a plane (depth 1) no slope along K.  GeometryError for another shape.
    """
    from scipy.ndimage import sobel

    channels = np.asarray(image_array, dtype=np.float64)
    channels = channels[None] if channels.ndim == 3 else channels
    if channels.ndim != 4 or channels.shape[1:] != grid.shape:
        raise GeometryError(f"The image has shape {np.shape(image_array)}, its grid {grid.shape}.")
    squares = np.zeros(grid.shape)
    for channel in channels:
        if len(channels) > 1:
            channel = channel / (channel.std() or 1.0)
        for axis, spacing in enumerate(grid.spacing_kji):
            # the filter is a difference over two voxels times (1, 2, 1) across both other axes: 2 * 4 * 4
            squares += (sobel(channel, axis=axis, mode="nearest") / (32 * spacing)) ** 2
    return np.sqrt(squares).astype(np.float32)


def random_map(shape, seed: int) -> np.ndarray:
    """Independent voxels, uniform in 0..1, float32."""
    return np.random.default_rng(seed).random(tuple(shape), dtype=np.float32)


def blur_matched_random(density, grid: Grid, seed: int) -> np.ndarray:
    """Noise exactly as smooth as the map: float32 ``[K, J, I]``, smallest value 0, variance that of A+.

    White noise whose amplitude spectrum is replaced by that of A+, phases kept, then lifted by a constant until no
    voxel is negative: the autocorrelation about the mean, and with it :func:`correlation_length`, is that of A+ along
    every axis.  The values are not those of A+ (no background of zeros), so its V50 and Gini say nothing.  The field is
    periodic: it runs out at one face and in at the other.  A map without evidence gives zeros, a constant one itself.
    Raises ImageError for NaN and infinity, GeometryError for a map of another shape than the grid.
    """
    evidence = _evidence(density, grid)
    if evidence is None:
        return np.zeros(grid.shape, dtype=np.float32)
    if evidence.min() == evidence.max():
        return evidence.astype(np.float32)
    from scipy.fft import irfftn, rfftn

    noise = rfftn(np.random.default_rng(seed).standard_normal(grid.shape))
    field = irfftn(noise / np.abs(noise) * np.abs(rfftn(evidence)), s=grid.shape)
    return (field - field.min()).astype(np.float32)


def correlation_length(density, grid: Grid) -> tuple[float, float, float] | None:
    """Along K, J, I in mm: the shift at which the autocorrelation of A+ about its mean has fallen to one half.

    Linear between whole voxels, periodic volume (power spectrum); an axis on which it does not fall so far within
    half the volume has that half, one of a single voxel its spacing.  None for a map without evidence or a constant
    one.  Raises as :func:`blur_matched_random`.
    """
    evidence = _evidence(density, grid)
    if evidence is None or evidence.min() == evidence.max():
        return None
    from scipy.fft import irfftn, rfftn

    centred = evidence - evidence.mean()
    correlation = irfftn(np.abs(rfftn(centred)) ** 2, s=grid.shape)
    lengths = []
    for axis, (count, spacing) in enumerate(zip(grid.shape, grid.spacing_kji, strict=True)):
        line = np.moveaxis(correlation, axis, 0)[: count // 2 + 1, 0, 0] / correlation[0, 0, 0]
        low = np.flatnonzero(line < 0.5)
        if low.size:
            shift = low[0] - (0.5 - line[low[0]]) / (line[low[0] - 1] - line[low[0]])
        else:
            shift = max(count / 2, 1.0)
        lengths.append(float(shift * spacing))
    return tuple(lengths)


def _evidence(density, grid):
    """A+, float64; None where nothing is positive."""
    try:
        evidence = positive(finite(fits(density, grid)))
    except NoValue as nothing:
        raise ImageError(nothing.note, "Find out why before comparing the map with chance.") from None
    return evidence if evidence.any() else None
