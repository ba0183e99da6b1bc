"""A small picture of one map for a page: slices through its strongest place on black, which suits light and dark."""

from __future__ import annotations

import io
import math

import numpy as np

from ...evaluation.metrics.body import grey_window
from ...protocol.display.thresholds import threshold_holding
from ...protocol.grid import Grid, canonical
from ...protocol.image import Image
from ..slices import Slices, strongest, turned
from ..style import Theme, colours, draw_outline, in_colour, new_figure, percent, slice_words
from .page import Picture

#: of the positive evidence that is coloured
SHARE = 0.8
_BLACK = Theme("#000000", "#e8e8ea", "#a2a6ae")
#: inches; pixels an inch in the file, and as they are shown
_WIDE, _TALL, _GAP, _TITLE, _EDGE = 5.6, 2.0, 0.08, 0.26, 0.12
_DPI, _SHOWN_DPI = 110, 96


def small_slices(
    density: np.ndarray, grid: Grid, unit: str, what: str, *, image: Image | None = None,
    mask: np.ndarray | None = None, colour: bool = False,
) -> Picture:  # fmt: skip
    """density: signed ``[K, J, I]`` on ``grid`` in ``unit``.  what: whose map it is, for the picture's description.

    image: drawn behind it, on the same grid; None for the map alone.  mask: bool, outlined.  colour: the image's first
    three channels are red, green and blue.  Raises DependencyError.
    """
    values = turned(density, grid)
    inside = None if mask is None else turned(mask, grid)
    behind, window = _behind(image, colour)
    bright = np.zeros(values.shape, np.float32) if behind is None else behind.max(axis=-1) if colour else behind
    box = [np.ones(values.shape, bool)] if behind is None else [inside] if inside is not None else []
    slices = Slices(canonical(grid), bright, window, box)
    level = threshold_holding(density, SHARE)
    end = float(density.max()) if math.isfinite(level) else 1.0
    at = strongest(values, inside if inside is not None and inside.any() else np.ones(values.shape, bool))
    inch = slices.inch(_WIDE - 2 * _EDGE - _GAP * (len(slices.planes) - 1), _TALL)
    sizes = [(slices.size[p[2]] * inch, slices.size[p[3]] * inch) for p in slices.planes]
    wide = sum(w for w, _ in sizes) + _GAP * (len(sizes) - 1) + 2 * _EDGE
    wide, tall = max(wide, 1.6), slices.tall * inch + _TITLE + _EDGE
    figure = new_figure((wide, tall), _BLACK)
    left = _EDGE
    for plane, (w, h) in zip(slices.planes, sizes, strict=True):
        axis = figure.add_axes((left / wide, (tall - _TITLE - h) / tall, w / wide, h / tall))
        _slice(axis, slices, plane, at, values, behind, inside, window, level, end, colour)
        axis.set_title(slice_words(slices.grid, plane, at), color=_BLACK.ink, fontsize=7, pad=3)
        left += w + _GAP
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, facecolor=_BLACK.paper, metadata={"Software": None})
    return Picture(
        file.getvalue(), _alt(what, image), _caption(level, end, unit, image, inside), round(wide * _SHOWN_DPI)
    )


def _behind(image, colour):
    """(array with the turned axes or None, window of grey values)."""
    if image is None:
        return None, (0.0, 1.0)
    if colour:
        channels = np.stack([turned(channel, image.grid) for channel in image.array[:3]])
        return in_colour(channels, image.array), (0.0, 1.0)
    grey = turned(image.array[0], image.grid)
    return grey, grey_window(grey)


def _slice(axis, slices, plane, at, values, behind, inside, window, level, end, colour):
    where = at[plane[1]]
    view = {"origin": "lower", "extent": slices.extent(plane)}
    axis.set_facecolor("black")
    if behind is not None:
        grey = {} if colour else {"cmap": "gray", "vmin": window[0], "vmax": window[1]}
        axis.imshow(slices.cut(behind, plane, where), interpolation="bilinear", **grey, **view)
    shown = slices.cut(values, plane, where)
    scale = {"cmap": colours(), "vmin": 0, "vmax": end, "interpolation": "nearest"}
    if behind is None:  # alone, the rest of the map is told faintly instead of an image
        axis.imshow(np.ma.masked_array(shown, shown <= 0), alpha=0.35, **scale, **view)
    hidden = np.ma.masked_array(shown, shown < level)
    axis.imshow(hidden, alpha=0.8 if behind is not None else 1.0, **scale, **view)
    if inside is not None and inside.any():
        cut = slices.cut(inside, plane, where)
        solid = bool(cut.any())
        cut = cut if solid else slices.cut(inside, plane, None)
        draw_outline(axis, cut, slices.extent(plane), "solid" if solid else "dotted")
    slices.finish(axis, plane, at, _BLACK)
    if behind is None:  # where the slice ends, nothing else would tell
        for spine in axis.spines.values():
            spine.set(visible=True, color=_BLACK.faint, linewidth=0.5)


def _alt(what, image):
    return f"{what}: slices through the strongest place of the map{'' if image is None else ', over the image'}"


def _caption(level, end, unit, image, inside):
    if math.isfinite(level):
        faint = "" if image is not None else "; faint: the rest"
        text = f"Brightest: {end:.3g} {unit}. Coloured: the smallest region with {percent(SHARE)} of the positive "
        text += f"evidence{faint}."
    else:
        text = "No value is positive: nothing is coloured."
    text += "" if image is not None else " No image was given: the map's own cells."
    if inside is not None and inside.any():
        text += " Outline: the pixel set, dotted where it lies in other slices."
    return text
