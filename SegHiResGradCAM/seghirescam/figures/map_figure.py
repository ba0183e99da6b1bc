"""A figure of explanations for a paper or a report: slices through the strongest place, in millimetres, with units.

What it shares with other figures stands in :mod:`style`.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

import numpy as np

from ..evaluation.metrics.body import grey_window
from ..protocol.display.thresholds import signed_threshold_holding, threshold_holding
from ..protocol.errors import ImageError
from ..protocol.grid import canonical
from ..protocol.image import Image
from .slices import Slices, strongest, turned
from .style import (
    DARK,
    LIGHT,
    OUTLINE,
    SUFFIXES,
    Theme,
    colours,
    draw_outline,
    in_colour,
    name_signs,
    new_figure,
    percent,
    save,
    signed_alpha,
)

__all__ = ["DARK", "LIGHT", "SUFFIXES", "Look", "Row", "Theme", "draw", "save"]

#: inches
_WIDTH, _EDGE, _GAP, _TITLE, _HEAD, _FOOT, _BAR = 10.0, 0.25, 0.12, 0.24, 0.44, 0.98, 1.15
_TALLEST = 4.2
_INSIDE = "Choose one inside, in mm, RAS (of a photo: column, row, 0)."


@dataclass(frozen=True, eq=False)
class Row:
    """One map. density: signed, per ml, [K, J, I] on the image's grid.  mask: bool, the pixel set M on that grid.

    heading, lines: what stands above; facts for the line below: unit, status and evidence as in a sidecar.
    """

    density: np.ndarray
    mask: np.ndarray
    heading: str
    line: str
    unit: str
    reason: str = ""
    inside: float | None = None
    chance: float | None = None
    chance_over: str = "volume"


@dataclass(frozen=True)
class Look:
    """share: the smallest region that holds it is coloured.  window: grey values, None = chosen from the image.

    maximum: end of the colour scale in the map's unit, None = the map's own; give one to figures that are compared.
    at_ras: the place of the slices, None = where each map is strongest.  colour: the image's first three channels are
    red, green and blue.
    """

    theme: Theme = LIGHT
    share: float = 0.8
    signed: bool = False
    window: tuple[float, float] | None = None
    maximum: float | None = None
    at_ras: tuple[float, float, float] | None = None
    dpi: int = 150
    colour: bool = False


def draw(image: Image, rows: list[Row], look: Look | None = None):
    """A matplotlib Figure, one line of slices for each row, all at one scale; ``image``'s first channel behind it.

    The patient's right (in sagittal slices the front) is on the left.  Raises DependencyError, ImageError (a place
    outside the image).
    """
    look = look or Look()
    channels = np.stack([turned(channel, image.grid) for channel in image.array[: 3 if look.colour else 1]])
    bright = channels.max(axis=0)
    behind = in_colour(channels, image.array) if look.colour else bright
    window = look.window or grey_window(bright)
    slices = Slices(canonical(image.grid), bright, window, [turned(row.mask, image.grid) for row in rows])
    laid_out = slices.laid_out(_WIDTH - 2 * _EDGE - _BAR, _TALLEST, _TITLE, _GAP)
    lines = _HEAD + laid_out[2] + _FOOT
    figure = new_figure((_WIDTH, _EDGE + lines * len(rows)), look.theme)
    for n, row in enumerate(rows):
        top = figure.get_size_inches()[1] - _EDGE / 2 - n * lines
        _Line(figure, image, slices, behind, row, look, window, laid_out, top).draw()
    return figure


class _Line:
    """One row of slices with its heading, colour bar and caption; positions in inches from the lower left corner."""

    def __init__(self, figure, image, slices, behind, row, look, window, laid_out, top):
        self.figure, self.slices, self.behind, self.row, self.look = figure, slices, behind, row, look
        self.window, self.top = window, top
        self.panels, self.wide, self.tall = laid_out
        self.density, self.mask = turned(row.density, image.grid), turned(row.mask, image.grid)
        self.at = self._place()
        level = signed_threshold_holding if look.signed else threshold_holding
        self.level = level(row.density, look.share)
        values = np.abs(row.density) if look.signed else row.density
        self.end = look.maximum or (float(values.max()) if math.isfinite(self.level) else 1.0)

    def draw(self):
        self._heading()
        ceiling, shown = self.top - _HEAD, None
        for panel in self.panels:
            low = ceiling - panel.top - panel.tall
            shown = self._slice(self._axes(_EDGE + panel.left, low, panel.wide, panel.tall), panel)
        self._colour_bar(shown, _EDGE + self.wide + _GAP + 0.05, ceiling - self.tall, self.tall - _TITLE)
        self._caption(ceiling - self.tall - 0.12)

    def _place(self):
        if self.look.at_ras is None:
            return strongest(self.density, self.mask, self.look.signed)
        at = np.round(self.slices.grid.kji(self.look.at_ras)).astype(int)
        if (at < 0).any() or (at >= self.slices.grid.shape).any():
            raise ImageError(
                "The place of the slices lies outside the image.",
                _INSIDE,
            )
        return tuple(int(n) for n in at)

    def _axes(self, left, low, wide, high):
        w, h = self.figure.get_size_inches()
        return self.figure.add_axes((left / w, low / h, wide / w, high / h))

    def _text(self, x, y, text, **how):
        w, h = self.figure.get_size_inches()
        self.figure.text(x / w, y / h, text, **how)

    def _heading(self):
        ink, faint = self.look.theme.ink, self.look.theme.faint
        self._text(_EDGE, self.top, self.row.heading, color=ink, fontsize=13, va="top", fontweight="bold")
        self._text(_EDGE, self.top - 0.27, self.row.line, color=faint, fontsize=9, va="top")

    def _slice(self, axis, panel):
        plane = panel.plane
        at, extent = self.at[plane[1]], self.slices.extent(plane)
        view = {"origin": "lower", "extent": extent}
        low, high = self.window
        grey = {} if self.look.colour else {"cmap": "gray", "vmin": low, "vmax": high}
        axis.imshow(self.slices.cut(self.behind, plane, at), interpolation="bilinear", **grey, **view)
        values = self.slices.cut(self.density, plane, at)
        hidden = np.abs(values) < self.level if self.look.signed else values < self.level
        alpha = signed_alpha(values, self.end) if self.look.signed else 0.8
        shown = axis.imshow(
            np.ma.masked_array(values, hidden),
            cmap=colours(self.look.signed),
            vmin=-self.end if self.look.signed else 0,
            vmax=self.end,
            alpha=alpha,
            interpolation="nearest",
            **view,
        )
        inside = self.slices.cut(self.mask, plane, at)
        if inside.any():
            draw_outline(axis, inside, extent, "solid")
        elif self.mask.any():
            draw_outline(axis, self.slices.cut(self.mask, plane, None), extent, "dotted")
        self.slices.finish(axis, panel, self.at, self.look.theme)
        if len(self.slices.planes) > 1:
            self._ticks(axis, plane)
        return shown

    def _ticks(self, axis, plane):
        """Short lines at the border where the other two slices cut this one."""
        grid, box = self.slices.grid, self.slices.box
        x, y = ((self.at[a] + 0.5 - box[a][0]) * grid.spacing_kji[a] for a in plane[2:4])
        (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
        length = 0.045 * min(left - right, high - low)
        how = {"color": OUTLINE, "linewidth": 0.9, "alpha": 0.9}
        for end, inward in ((low, length), (high, -length)):
            axis.plot([x, x], [end, end + inward], **how)
        for end, inward in ((right, length), (left, -length)):
            axis.plot([end, end + inward], [y, y], **how)

    def _colour_bar(self, shown, left, low, tall):
        theme = self.look.theme
        bar = self.figure.colorbar(shown, cax=self._axes(left, low + 0.08 * tall, 0.14, 0.84 * tall))
        bar.solids.set_alpha(1)
        bar.ax.set_facecolor(theme.paper)
        bar.set_label(self.row.unit.replace("/", " per "), color=theme.ink, fontsize=9)
        bar.ax.tick_params(colors=theme.ink, labelsize=8)
        bar.formatter.set_powerlimits((-3, 4))
        bar.ax.yaxis.set_offset_position("right")
        bar.ax.yaxis.get_offset_text().set(color=theme.ink, fontsize=8)
        bar.outline.set_edgecolor(theme.faint)
        if self.look.signed:
            name_signs(bar, theme, 8)
        if math.isfinite(self.level) and self.level < self.end:
            for level in (self.level, -self.level) if self.look.signed else (self.level,):
                bar.ax.axhline(level, color=OUTLINE, linewidth=1.5)

    def _caption(self, y):
        row, look = self.row, self.look
        of = "evidence, for and against" if look.signed else "evidence for the class"
        if math.isfinite(self.level):
            first = f"Coloured: the smallest region with {percent(look.share)} of the {of} (the line on the scale)."
            if look.signed:
                first = f"Red speaks for the class, blue against it; the weaker, the more transparent. {first}"
        else:
            first = row.reason or "No value is positive: nothing is coloured."
        crossing = [not self.mask[(slice(None),) * p[1] + (self.at[p[1]],)].any() for p in self.slices.planes]
        dotted = ", dotted where it lies in other slices" if any(crossing) else ""
        second = f"Outline: the pixel set{dotted}."
        if row.inside is not None:
            even = (
                f"chance over the {row.chance_over}: {percent(row.chance)}" if row.chance is not None else "no chance"
            )
            second += f" {percent(row.inside)} of the positive evidence lies in it ({even})."
        if len(self.slices.planes) > 1:
            second += " Ticks: where the other slices lie."
        text = "\n".join([*textwrap.wrap(f"{first} {second}", 134), "Research use, not for diagnosis."])
        self._text(_EDGE, y, text, color=self.look.theme.faint, fontsize=9, va="top", linespacing=1.4)
