"""The contact sheet of a comparison: methods down, layers across, one slice, one scale, in millimetres, for a paper."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

import numpy as np

from ..comparison.compare import Comparison
from ..evaluation.metrics.body import body_box, grey_window
from ..evaluation.metrics.checked import chance_in
from ..evaluation.metrics.ground import lift_text
from ..protocol.grid import canonical
from ..protocol.image import Image
from ..protocol.sizes import Size
from ..session.context_methods import INPUT
from .layer_labels import full_names, layer_labels
from .share_scale import ShareScale
from .sheet_cells import AUTO, Sheet, flat, lay_out
from .slices import turned
from .style import (
    LETTER,
    LIGHT,
    Theme,
    bare,
    draw_bearings,
    draw_outline,
    in_colour,
    in_grey,
    new_figure,
    percent,
    slice_words,
    upright,
)

#: inches
_EDGE, _SIDE, _HEAD, _GAP, _BELOW, _BAR = 0.25, 1.6, 0.62, 0.07, 0.2, 0.95
_CELL, _TALLEST, _LEAST = 1.35, 1.9, 7.2
#: a comparison of more than this span is not looked at: the darkest colour stands for less
_DECADES = 4


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
    comparison: Comparison, image: Image, look: SheetLook | None = None, sheet: Sheet | None = None, before: str = ""
):
    """(matplotlib Figure, its caption as text). image: what was compared; its first channel is shown behind, of a
    photo its brightness.

    sheet: made by :func:`sheet_cells.lay_out`, if it is at hand, of this comparison or of the one it is a page of.
    before: how the caption begins.  Raises DependencyError, ImageError.
    """
    look = look or SheetLook()
    sheet = sheet or lay_out(comparison, look.share, look.plane, look.at_ras, signed=look.signed)
    drawing = _Drawing(comparison, image, look, sheet, before)
    return drawing.figure, drawing.caption


class _Drawing:
    """Positions in inches from the upper left corner."""

    def __init__(self, comparison, image, look, sheet, before):
        self.comparison, self.look, self.sheet = comparison, look, sheet
        self.grid = canonical(image.grid)
        #: cells of a single slice are as thick as it is
        self.flat = image.grid.shape[0] == 1
        self._image(image)
        columns = self.columns = [x for x in comparison.layers if x.name != INPUT]
        self.labels = layer_labels(columns)
        rows = [n for n, m in enumerate(comparison.methods) if not m.at_input]
        inputs = [n for n, m in enumerate(comparison.methods) if m.at_input]
        across = max(1, len(columns) or min(6, len(inputs)))
        width = _EDGE + _SIDE + across * (self.wide + _GAP) + _BAR
        # few columns: room for the caption's lines
        self.width = max(width, _LEAST)
        lines = math.ceil(len(inputs) / across)
        self.below = _BELOW + (0.12 if self.sheet.signed else 0)
        step = self.tall + self.below + _GAP
        below = len(rows) * step + (_HEAD if rows else 0.1) + (0.38 * lines + lines * step if inputs else 0)
        self.scale = self._scale()
        self.caption = before + self._words()
        wrapped = textwrap.wrap(self.caption, int((self.width - 2 * _EDGE) * 17.5))
        foot = 0.25 + 0.145 * len(wrapped)
        self.height = _EDGE + below + foot + 0.1
        self.figure = new_figure((self.width, self.height), look.theme)
        y = _EDGE
        if rows:
            self._heads(columns, y)
            y += _HEAD
        first = True
        for n in rows:
            self._side(comparison.methods[n], y)
            for c, layer in enumerate(columns):
                x = _EDGE + _SIDE + c * (self.wide + _GAP)
                cell = next((k for k in comparison.cells[n] if k is not None and k.layer.name == layer.name), None)
                first = self._cell(cell, x, y, first)
            y += step
        for place, n in enumerate(inputs):
            if place % across == 0:
                y += 0 if place == 0 else step
                y += 0.38
                if place == 0:
                    self._text(_EDGE, y + 0.05, "On the image itself", size=9, weight="bold")
            x = _EDGE + _SIDE + (place % across) * (self.wide + _GAP)
            method = comparison.methods[n]
            self._text(x + self.wide / 2, y - 0.05, self._broken(method.title, 22), size=7.5, ha="center", va="bottom")
            cell = next(k for k in comparison.cells[n] if k is not None)
            first = self._cell(cell, x, y, first)
        self._bar(_EDGE + _SIDE + across * (self.wide + _GAP) + 0.08, _EDGE + (_HEAD if rows else 0.48), rows, step)
        self._text(
            _EDGE, _EDGE + below + 0.12, "\n".join(wrapped), size=7.5, va="top", colour=look.theme.faint,
            linespacing=1.35,
        )  # fmt: skip

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
        self.wide = min(_CELL, _TALLEST * self.size[0] / self.size[1])
        self.tall = self.wide * self.size[1] / self.size[0]
        self.wide = max(self.wide, 0.9)

    def _scale(self):
        """Of the colours: share per ml. From evenly spread evidence, or four decades."""
        even = 1 / (math.prod(self.comparison.grid.shape) * self.comparison.grid.voxel_volume)
        top = max(self.sheet.highest, 2 * even)
        return ShareScale(max(even, top / 10**_DECADES), top, self.sheet.signed)

    def _heads(self, columns, y):
        for c, (layer, label) in enumerate(zip(columns, self.labels, strict=True)):
            x = _EDGE + _SIDE + c * (self.wide + _GAP) + self.wide / 2
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

    def _cell(self, cell, x, y, first):
        """Draws one cell; returns whether the next one is the first that shows the image."""
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
            return first
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
        if first:
            draw_bearings(axis, self.grid, self.sheet.plane, *self.size, fontsize=6, start=0.9)
        if panel.facts["reason"]:
            box = {"facecolor": "black", "alpha": 0.6, "edgecolor": "none", "pad": 1.5}
            words = self._fitting(panel.facts["reason"])
            axis.text(
                0.5, 0.5, words, transform=axis.transAxes, color="white", fontsize=6, ha="center", va="center", bbox=box
            )
        self._text(x + self.wide / 2, y + self.tall + 0.03, _numbers(panel), size=7, ha="center", linespacing=1.2)
        return False

    def _fitting(self, sentence):
        wide = max(14, int(self.wide * 22))
        lines = textwrap.wrap(sentence, wide)
        most = max(3, int(self.tall / 0.105))
        return "\n".join(lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][: wide - 3] + " ..."])

    def _bar(self, x, y, rows, step):
        tall = min(max(1, len(rows)) * step - self.below - _GAP, 3.2)
        self.scale.draw_bar(self.figure, self._part(x, y, 0.13, tall), self.look.theme, per=self.grid.volume_unit)

    def _words(self):
        what, sheet = self.comparison, self.sheet
        where = self._where()
        if sheet.chosen and self.grid.shape[sheet.plane[1]] > 1:
            where += " (of those through the pixel set the one with the most evidence, averaged over the cells)"
        outline = "the pixel set" if self.inside.any() else "the pixel set, in other slices"
        pixels, size = what.pixels, Size.of(what.mask, what.grid)
        even = chance_in(what.mask, what.ground.body)
        names = full_names(self.columns)
        named = f"Columns: {names}. " if names else ""
        against = "; and how much of the map's evidence speaks against the class" if sheet.signed else ""
        return (
            f"Evidence {'for and against' if sheet.signed else 'for'} '{what.class_name}' by method (rows) and layer "
            f"(columns). {named}Score: {what.score_title}, summed over {pixels.label} ({size.words}). All cells: "
            f"{where}. {self._colours_words()} Outline: {outline}. Below each cell: share of the positive evidence "
            "inside the pixel set, and how many times chance that is (evidence spread evenly over "
            f"{what.ground.words} would have {percent(even)} there){against}. "
            "Grey cells: the method cannot work there, and says why. Research use, not for diagnosis."
        )

    def _colours_words(self):
        """What the colours of all cells mean."""
        own, adds, held = "positive evidence", "every map adds up", "evidence"
        if self.sheet.signed:
            own, held = "evidence, for and against together", "evidence of both signs"
            adds = "without their signs the values of every map add up"
        both = (
            " Red speaks for the class, blue against it; the smaller the share, the more transparent."
            if self.sheet.signed
            else ""
        )
        return (
            f"Colours: share of a map's own {own}, per {self.grid.volume_unit}, one logarithmic scale for all cells; "
            f"{adds} to 100 % over the whole image, whatever the unit, so any two cells can be compared.{both} The "
            f"scale starts {self._start()}. Coloured is the smallest region with {percent(self.look.share)} of the "
            f"{held}."
        )

    def _where(self):
        plane, at = self.sheet.plane, self.sheet.at
        if self.grid.is_photo:
            return "the photo" if self.grid.shape[plane[1]] == 1 else slice_words(self.grid, plane, at).lower()
        oblique = "" if upright(self.grid) else " along the image's axes"
        mm = self.grid.ras(at)[2 - plane[1]]
        return f"{plane[0].lower()} slice{oblique} at {LETTER[plane[1]]} = {mm:.1f} mm"

    def _start(self):
        even = 1 / (math.prod(self.comparison.grid.shape) * self.comparison.grid.voxel_volume)
        at_even = "at evidence spread evenly over the whole image"
        return at_even if self.scale.low <= even else f"{_DECADES} decades below the highest value"

    @staticmethod
    def _broken(text, wide):
        return "\n".join(textwrap.wrap(text, wide, break_on_hyphens=False) or [text])

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
    return told if panel.against is None else f"{told}\n{percent(panel.against)} against"


def _size(edges, unit):
    """Edges along (K,) J, I; one number where they agree."""
    one = max(edges) - min(edges) < 1e-3 * max(edges)
    return f"{edges[0]:.3g} {unit}" if one else f"{' x '.join(f'{v:.3g}' for v in edges)} {unit}"
