"""The contact sheet of a comparison: methods down, layers across, one slice, one scale, in millimetres, for a paper."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..comparison.compare import Comparison
from ..evaluation.metrics.body import body_box, grey_window
from ..evaluation.metrics.ground import lift_text
from ..protocol.grid import canonical
from ..protocol.image import Image
from .layer_labels import layer_labels
from .share_scale import ShareScale
from .sheet_bands import Band, bands_of
from .sheet_caption import DECADES, caption, even_share
from .sheet_cells import AUTO, Sheet, flat, lay_out
from .slices import turned
from .style import (
    LIGHT,
    Theme,
    bare,
    draw_bearings,
    draw_outline,
    in_colour,
    in_grey,
    new_figure,
    percent,
)

#: inches; _TITLE and _NAME: above maps on the image itself; _BETWEEN: bands
_EDGE, _SIDE, _HEAD, _GAP, _BELOW, _BAR, _TITLE, _NAME, _BETWEEN = 0.25, 1.6, 0.62, 0.07, 0.2, 0.95, 0.2, 0.38, 0.14
_CELL, _LARGEST, _TALLEST, _LEAST = 1.35, 3.0, 1.9, 6.4


@dataclass(frozen=True)
class SheetLook:
    """share: the smallest region that holds it is coloured in each cell.  plane, at_ras: of the slice, as in
    :func:`sheet_cells.lay_out`.  window: grey values, None = chosen from the image.  colour: the image's first three
    channels are red, green and blue.  signed: both signs, instead of what speaks for the class."""

    theme: Theme = LIGHT
    share: float = 0.8
    plane: str = AUTO
    at_ras: tuple[float, float, float] | None = None
    window: tuple[float, float] | None = None
    colour: bool = False
    signed: bool = False


def draw_sheet(
    comparison: Comparison, image: Image, look: SheetLook | None = None, sheet: Sheet | None = None, before: str = "",
    bands: Sequence[Band] | None = None,
):  # fmt: skip
    """(matplotlib Figure, its caption as text). image: what was compared; its first channel is shown behind, of a
    photo its brightness.

    sheet: made by :func:`sheet_cells.lay_out`, if it is at hand.  before: how the caption begins.  bands: what stands
    on this page; None: all of it, however large.  Raises DependencyError, ImageError.
    """
    look = look or SheetLook()
    sheet = sheet or lay_out(comparison, look.share, look.plane, look.at_ras, signed=look.signed)
    drawing = _Drawing(comparison, image, look, sheet, before, bands or bands_of(comparison))
    return drawing.figure, drawing.caption


class _Drawing:
    """Positions in inches from the upper left corner."""

    def __init__(self, comparison, image, look, sheet, before, bands):
        self.comparison, self.look, self.sheet, self.bands = comparison, look, sheet, bands
        self.grid = canonical(image.grid)
        #: cells of a single slice are as thick as it is
        self.flat = image.grid.shape[0] == 1
        self.columns = list({layer.name: layer for band in bands for layer in band.columns}.values())
        self.labels = dict(zip((x.name for x in self.columns), layer_labels(self.columns), strict=True))
        #: methods' names stand beside their cells; maps on the image itself alone need no such room
        self.side = _SIDE if self.columns else 0.0
        self.across = max(band.wide for band in bands)
        self._image(image)
        width = _EDGE + self.side + self.across * (self.wide + _GAP) + _BAR
        # few columns: room for the caption's lines
        self.width = max(width, _LEAST)
        self.below = _BELOW + (0.12 if sheet.signed else 0)
        self.step = self.tall + self.below + _GAP
        top = max(sheet.highest, 2 * even_share(self.grid))
        # from evenly spread evidence, or some decades
        self.scale = ShareScale(max(even_share(self.grid), top / 10**DECADES), top, sheet.signed)
        self.caption = before + caption(
            comparison, sheet, self.scale, self.columns, look.share, bool(self.inside.any())
        )
        wrapped = textwrap.wrap(self.caption, int((self.width - 2 * _EDGE) * 17.5))
        below = sum(self._height(band) for band in bands) + _BETWEEN * (len(bands) - 1)
        self.height = _EDGE + below + 0.35 + 0.145 * len(wrapped)
        self.figure = new_figure((self.width, self.height), look.theme)
        self.first = True
        y = _EDGE
        for n, band in enumerate(bands):
            y += _BETWEEN if n else 0
            (self._layers if band.columns else self._on_image)(band, y)
            y += self._height(band)
        rows = len(bands[0].lines) if bands[0].columns else 1
        top = _EDGE + (_HEAD if bands[0].columns else _TITLE + _NAME)
        tall = min(rows * self.step - self.below - _GAP, 3.2)
        place = self._part(_EDGE + self.side + self.across * (self.wide + _GAP) + 0.08, top, 0.13, tall)
        self.scale.draw_bar(self.figure, place, look.theme, per=self.grid.volume_unit)
        self._text(_EDGE, y + 0.12, "\n".join(wrapped), size=7.5, va="top", colour=look.theme.faint, linespacing=1.35)

    def _height(self, band):
        if band.columns:
            return _HEAD + len(band.lines) * self.step
        return self._title() + len(band.lines) * (_NAME + self.step)

    def _title(self):
        """Of maps on the image itself: beside them, or above where there is no room at the side."""
        return 0 if self.columns else _TITLE

    def _layers(self, band, y):
        self._heads(band.columns, y)
        y += _HEAD
        for method, cells in band.lines:
            self._side(method, y)
            for c, cell in enumerate(cells):
                self._cell(cell, self._x(c), y)
            y += self.step

    def _on_image(self, band, y):
        """Maps that know no layer: each with its method's name above."""
        self._text(_EDGE, y + (_NAME if self.columns else -0.02), "On the image itself", size=9, weight="bold")
        y += self._title()
        for _, cells in band.lines:
            y += _NAME
            for c, cell in enumerate(cells):
                title = "\n".join(textwrap.wrap(cell.method.title, 22, break_on_hyphens=False))
                self._text(self._x(c) + self.wide / 2, y - 0.05, title, size=7.5, ha="center", va="bottom")
                self._cell(cell, self._x(c), y)
            y += self.step

    def _x(self, column):
        return _EDGE + self.side + column * (self.wide + _GAP)

    def _image(self, image):
        look, plane = self.look, self.sheet.plane
        _, across, right, up, _ = plane
        channels = [turned(c, image.grid) for c in image.array[: 3 if look.colour else 1]]
        window = look.window or grey_window(channels[0])
        mask = turned(self.comparison.mask, image.grid)
        bright = channels[0] if not look.colour else np.stack(channels).max(axis=0)
        box = body_box(bright, window, [mask])
        part = (slice(*box[up]), slice(*box[right]))
        slices = np.stack([flat(c, plane, self.sheet.at) for c in channels])[(slice(None), *part)]
        # the photo's own colours would be taken for the map's
        self.behind = in_grey(in_colour(slices, image.array)) if look.colour else slices[0]
        self.part, self.window = part, window
        self.inside = flat(mask, plane, self.sheet.at)[part]
        seen = mask.any(axis=across)
        self.ghost = (seen if up < right else seen.T)[part]
        mm = self.grid.spacing_kji
        self.size = tuple((box[a][1] - box[a][0]) * mm[a] for a in (right, up))
        # few columns: larger cells instead of an empty page
        room = (_LEAST - _EDGE - self.side - _BAR) / self.across - _GAP
        large = min(max(_CELL, room), _LARGEST)
        self.wide = min(large, _TALLEST * max(1, large / _CELL) * self.size[0] / self.size[1])
        self.tall = self.wide * self.size[1] / self.size[0]
        self.wide = max(self.wide, 0.9)

    def _heads(self, columns, y):
        for c, layer in enumerate(columns):
            x, label = self._x(c) + self.wide / 2, self.labels[layer.name]
            self._text(x, y, label, size=9 if len(label) < 16 else 7.5, weight="bold", ha="center")
            edges = _size(layer.mm_per_cell[1 if self.flat else 0 :], layer.length_unit)
            part = f"{layer.part}, " if label == layer.name else ""
            about = f"{part}{layer.channels} ch.\ncells of {edges}"
            self._text(x, y + 0.2, about, size=7, ha="center", colour=self.look.theme.faint, linespacing=1.25)

    def _side(self, method, y):
        middle = y + self.tall / 2
        title = textwrap.wrap(method.title, 18)
        self._text(_EDGE, middle - 0.02, "\n".join(title), size=8.5, weight="bold", va="bottom", linespacing=1.15)
        paper = "\n".join(textwrap.wrap(method.paper, 25))
        self._text(_EDGE, middle + 0.03, paper, size=7, colour=self.look.theme.faint, linespacing=1.2)

    def _cell(self, cell, x, y):
        theme = self.look.theme
        panel = None if cell is None else self.sheet.of(cell)
        axis = self._axes(x, y, self.wide, self.tall)
        bare(axis)
        if panel is None:
            axis.set_facecolor("#eceef1" if theme is LIGHT else "#24272e")
            words = "" if cell is None else self._fitting(cell.refused)
            axis.text(
                0.5, 0.5, words, transform=axis.transAxes, color=theme.faint, fontsize=6, ha="center", va="center"
            )
            return
        extent = (0, self.size[0], 0, self.size[1])
        view = {"origin": "lower", "extent": extent}
        axis.set_facecolor("black")
        low, high = (0, 1) if self.look.colour else self.window
        axis.imshow(self.behind, interpolation="bilinear", cmap="gray", vmin=low, vmax=high, **view)
        self.scale.draw(axis, panel.values[self.part], panel.level, **view)
        if self.inside.any():
            draw_outline(axis, self.inside, extent, "solid", 0.8)
        elif self.ghost.any():
            draw_outline(axis, self.ghost, extent, "dotted", 0.8)
        axis.set_xlim(extent[1], 0)  # right and anterior on the left
        axis.set_ylim(0, extent[3])
        if self.first:
            draw_bearings(axis, self.grid, self.sheet.plane, fontsize=6, start=0.95)
        if panel.facts["reason"]:
            box = {"facecolor": "black", "alpha": 0.6, "edgecolor": "none", "pad": 1.5}
            words = self._fitting(panel.facts["reason"])
            axis.text(
                0.5, 0.5, words, transform=axis.transAxes, color="white", fontsize=6, ha="center", va="center", bbox=box
            )
        self._text(x + self.wide / 2, y + self.tall + 0.03, _numbers(panel), size=7, ha="center", linespacing=1.2)
        self.first = False

    def _fitting(self, sentence):
        wide = max(14, int(self.wide * 22))
        lines = textwrap.wrap(sentence, wide)
        most = max(3, int(self.tall / 0.105))
        return "\n".join(lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][: wide - 3] + " ..."])

    def _axes(self, x, y, wide, tall):
        return self.figure.add_axes(self._part(x, y, wide, tall))

    def _part(self, x, y, wide, tall):
        return x / self.width, 1 - (y + tall) / self.height, wide / self.width, tall / self.height

    def _text(self, x, y, text, size, weight="normal", ha="left", va="top", colour=None, **more):
        self.figure.text(
            x / self.width, 1 - y / self.height, text, fontsize=size, fontweight=weight, ha=ha, va=va,
            color=colour or self.look.theme.ink, **more,
        )  # fmt: skip


def _numbers(panel):
    facts = panel.facts
    told = "-" if facts["inside"] is None else f"{percent(facts['inside'])} inside, {lift_text(facts['lift'])}"
    return told if panel.against is None else f"{told}\n{percent(round(panel.against, 3))} against"


def _size(edges, unit):
    """Edges along (K,) J, I; one number where they agree."""
    one = max(edges) - min(edges) < 1e-3 * max(edges)
    return f"{edges[0]:.3g} {unit}" if one else f"{' x '.join(f'{v:.3g}' for v in edges)} {unit}"
