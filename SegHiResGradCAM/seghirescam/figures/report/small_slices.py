"""A small picture of one map for a page: slices through its strongest place on black, which suits light and dark."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np

from ...evaluation.metrics.body import grey_window
from ...protocol.display.thresholds import signed_threshold_holding, threshold_holding
from ...protocol.grid import Grid, canonical
from ...protocol.image import Image
from ..slices import Slices, strongest, turned
from ..style import Theme, colours, draw_outline, in_colour, new_figure, percent, signed_alpha
from .page import Picture

#: of the positive evidence that is coloured
SHARE = 0.8
_BLACK = Theme("#000000", "#e8e8ea", "#a2a6ae")
#: inches; pixels an inch in the file, and as they are shown
_WIDE, _TALL, _GAP, _TITLE, _EDGE = 5.6, 2.0, 0.08, 0.26, 0.12
_DPI, _SHOWN_DPI = 110, 96


def small_slices(
    density: np.ndarray, grid: Grid, unit: str, what: str, *, image: Image | None = None,
    mask: np.ndarray | None = None, colour: bool = False, signed: bool = False,
) -> Picture:  # fmt: skip
    """density: signed ``[K, J, I]`` on ``grid`` in ``unit``.  what: whose map it is, for the picture's description.

    image: drawn behind it, on the same grid; None for the map alone.  mask: bool, outlined.  colour: the image's first
    three channels are red, green and blue.  signed: both signs, red for the class and blue against it, each as opaque
    as it is large.  Raises DependencyError.
    """
    values = turned(density, grid)
    inside = None if mask is None else turned(mask, grid)
    behind, window = _behind(image, colour)
    bright = np.zeros(values.shape, np.float32) if behind is None else behind.max(axis=-1) if colour else behind
    box = [np.ones(values.shape, bool)] if behind is None else [inside] if inside is not None else []
    slices = Slices(canonical(grid), bright, window, box)
    scale = _Scale.of(density, signed)
    somewhere = inside if inside is not None and inside.any() else np.ones(values.shape, bool)
    at = strongest(values, somewhere, signed)
    panels, wide, tall = slices.laid_out(_WIDE - 2 * _EDGE, _TALL, _TITLE, _GAP)
    wide, tall = max(wide + 2 * _EDGE, 1.6), tall + _EDGE
    figure = new_figure((wide, tall), _BLACK)
    for panel in panels:
        place = (_EDGE + panel.left, tall - panel.top - panel.tall, panel.wide, panel.tall)
        axis = figure.add_axes(tuple(n / whole for n, whole in zip(place, (wide, tall) * 2, strict=True)))
        _slice(axis, slices, panel, at, values, behind, inside, window, scale, colour)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, facecolor=_BLACK.paper, metadata={"Software": None})
    return Picture(file.getvalue(), _alt(what, image), _caption(scale, unit, image, inside), round(wide * _SHOWN_DPI))


@dataclass(frozen=True)
class _Scale:
    """level: what is smaller is not coloured, inf: nothing is.  end: the strongest value; with both signs its size."""

    level: float
    end: float
    signed: bool

    @staticmethod
    def of(density, signed) -> _Scale:
        size = np.abs(density) if signed else density
        level = (signed_threshold_holding if signed else threshold_holding)(density, SHARE)
        return _Scale(level, float(size.max()) if math.isfinite(level) else 1.0, signed)

    def draw(self, axis, shown, alone, **view):
        """alone: without an image behind, the rest of the map is told faintly instead."""
        from matplotlib.colors import ListedColormap

        size = np.abs(shown) if self.signed else shown
        least = -self.end if self.signed else 0
        # on black, a darker colour would look weaker: there the two signs have one colour each
        look = ListedColormap(colours(True)([0.3, 0.7])) if alone and self.signed else colours(self.signed)
        how: dict = {"cmap": look, "vmin": least, "vmax": self.end, "interpolation": "nearest", **view}
        opaque = signed_alpha(shown, self.end) if self.signed else 1.0 if alone else 0.8
        if alone:
            axis.imshow(np.ma.masked_array(shown, size <= 0), alpha=0.35 * opaque, **how)
        axis.imshow(np.ma.masked_array(shown, (size < self.level) | (size <= 0)), alpha=opaque, **how)


def _behind(image, colour):
    """(array with the turned axes or None, window of grey values)."""
    if image is None:
        return None, (0.0, 1.0)
    if colour:
        channels = np.stack([turned(channel, image.grid) for channel in image.array[:3]])
        return in_colour(channels, image.array), (0.0, 1.0)
    grey = turned(image.array[0], image.grid)
    return grey, grey_window(grey)


def _slice(axis, slices, panel, at, values, behind, inside, window, scale, colour):
    plane = panel.plane
    where = at[plane[1]]
    view = {"origin": "lower", "extent": slices.extent(plane)}
    if behind is not None:
        grey = {} if colour else {"cmap": "gray", "vmin": window[0], "vmax": window[1]}
        axis.imshow(slices.cut(behind, plane, where), interpolation="bilinear", **grey, **view)
    scale.draw(axis, slices.cut(values, plane, where), behind is None, **view)
    if inside is not None and inside.any():
        cut = slices.cut(inside, plane, where)
        solid = bool(cut.any())
        cut = cut if solid else slices.cut(inside, plane, None)
        draw_outline(axis, cut, slices.extent(plane), "solid" if solid else "dotted")
    slices.finish(axis, panel, at, _BLACK, fontsize=7)
    if behind is None:  # where the slice ends, nothing else would tell
        _, right, _, top = view["extent"]
        axis.plot((0, right, right, 0, 0), (0, 0, top, top, 0), color=_BLACK.faint, linewidth=0.5, clip_on=False)


def _alt(what, image):
    return f"{what}: slices through the strongest place of the map{'' if image is None else ', over the image'}"


def _caption(scale, unit, image, inside):
    held = f"Coloured: the smallest region with {percent(SHARE)} of the"
    faint = "" if image is not None else "; faint: the rest"
    if math.isfinite(scale.level) and scale.signed:
        text = "Red speaks for the class, blue against it; the weaker, the more transparent. "
        text += f"Strongest, of either sign: {scale.end:.3g} {unit}. {held} evidence of both signs{faint}."
    elif math.isfinite(scale.level):
        text = f"Brightest: {scale.end:.3g} {unit}. {held} positive evidence{faint}."
    elif scale.signed:
        text = "Every value is zero: nothing is coloured."
    else:
        text = "No value is positive: nothing is coloured."
    text += "" if image is not None else " No image was given: the map's own cells."
    if inside is not None and inside.any():
        text += " Outline: the pixel set, dotted where it lies in other slices."
    return text
