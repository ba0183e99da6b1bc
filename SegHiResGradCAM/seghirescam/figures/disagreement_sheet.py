"""The sheet of two models: where they disagree (first column), and what each looked at; one set of voxels a row.

Colours: the evidence of the mean score over the set, that is the map divided by the set's voxels on the model's grid.
So sets of different size stand on one scale for each model; two models have no common unit, and have a scale each.
With both signs, red speaks for the class and blue against it; the weaker, the more transparent.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

import numpy as np

from ..comparison.two_models.disagreement import SIDES, Asked, DifferenceSet, Disagreement, empty_words
from ..evaluation.metrics.body import body_box, grey_window
from ..evaluation.metrics.ground import lift_text
from ..protocol.display.thresholds import signed_threshold_holding, threshold_holding
from ..protocol.grid import canonical
from ..protocol.image import Image
from .contact_sheet import SheetLook
from .sheet_cells import flat, plane_of
from .slices import turned
from .style import (
    bare,
    colours,
    draw_bearings,
    draw_outline,
    in_colour,
    in_grey,
    name_signs,
    new_figure,
    percent,
    signed_alpha,
    slice_words,
)

#: of the predictions; the set itself is filled
A_COLOUR, B_COLOUR, SET_COLOUR = "#4fe3f0", "#ffa940", (1.0, 0.25, 0.55)
_OUTLINES = (A_COLOUR, B_COLOUR)
#: inches
_EDGE, _HEAD, _GAP, _ROW, _BELOW, _BAR, _FOOT = 0.25, 0.6, 0.12, 0.42, 0.42, 0.95, 0.3
_CELL, _TALLEST = 2.4, 3.0
_WIDEST_CAPTION = 17.5


@dataclass(frozen=True, eq=False)
class _Cut:
    """One map in its slice ``[up, right]``, per voxel of the set. level: what is below it is not coloured."""

    values: np.ndarray
    level: float
    facts: dict


class DisagreementSheet:
    """``add`` every map, then ``draw``: volumes are not kept."""

    def __init__(self, found: Disagreement, image: Image, look: SheetLook | None = None):
        """image: the one on whose grid the sets lie; its first channel is shown behind (look.colour: the first three).
        look: at_ras is not used, every row shows the slice with most of its set."""
        self.found, self.image, self.look = found, image, look or SheetLook()
        self.grid = canonical(image.grid)
        self.plane = plane_of(self.look.plane, self.grid)
        self._cuts: dict[tuple[str, int], _Cut] = {}
        self._at = {one.key: self._slice_of(one.mask) for one in found.sets if not one.is_empty}

    def add(self, one: DifferenceSet, side: int, asked: Asked, density: np.ndarray, facts: dict) -> None:
        """One model's map of a set. density: on the sets' grid.  facts: of :meth:`Disagreement.facts`."""
        cut = flat(turned(density, self.image.grid), self.plane, self._at[one.key]) / asked.weight
        holding = signed_threshold_holding if self.look.signed else threshold_holding
        level = holding(density, self.look.share) / asked.weight
        self._cuts[one.key, side] = _Cut(np.nan_to_num(cut).astype(np.float32), level, facts)

    def draw(self):
        """(matplotlib Figure, its caption). Raises DependencyError."""
        rows = [one for one in self.found.sets if not one.is_empty]
        self._prepare()
        self._ends = [
            max((self._largest(c.values) for (_, s), c in self._cuts.items() if s == side and math.isfinite(c.level)),
                default=0.0) or 1.0
            for side in (0, 1)
        ]  # fmt: skip
        caption = self._caption()
        self.width = 2 * _EDGE + 3 * self.wide + 2 * (_GAP + _BAR)
        lines = textwrap.wrap(caption, int((self.width - 2 * _EDGE) * _WIDEST_CAPTION))
        step = _ROW + self.tall + _BELOW
        self.height = _EDGE + _HEAD + len(rows) * step + _FOOT + 0.145 * len(lines)
        self.figure = new_figure((self.width, self.height), self.look.theme)
        self._heads()
        for n, one in enumerate(rows):
            y = _EDGE + _HEAD + n * step
            self._text(_EDGE, y, f"{one.title}: {one.words(self.found.grid)}", 9.5, weight="bold")
            self._text(_EDGE, y + 0.19, slice_words(self.grid, self.plane, self._at[one.key]), 7.5, faint=True)
            self._sets(one, _EDGE, y + _ROW)
            for side in (0, 1):
                self._map(one, side, self._column(side), y + _ROW)
        self._text(_EDGE, _EDGE + _HEAD + len(rows) * step + 0.05, "\n".join(lines), 7.5, faint=True)
        return self.figure, caption

    def _largest(self, values):
        return float(np.abs(values).max() if self.look.signed else values.max())

    def _prepare(self):
        look, image, found = self.look, self.image, self.found
        _, _, right, up, _ = self.plane
        channels = [turned(c, image.grid) for c in image.array[: 3 if look.colour else 1]]
        bright = np.stack(channels).max(axis=0) if look.colour else channels[0]
        self.window = look.window or grey_window(bright)
        self.predicted = [turned(mask, image.grid) for mask in found.predicted]
        box = body_box(bright, self.window, self.predicted)
        self.part = (slice(*box[up]), slice(*box[right]))
        self._channels = channels
        mm = self.grid.spacing_kji
        self.size = tuple((box[a][1] - box[a][0]) * mm[a] for a in (right, up))
        self.wide = max(1.6, min(_CELL, _TALLEST * self.size[0] / self.size[1]))
        self.tall = self.wide * self.size[1] / self.size[0]

    def _slice_of(self, mask):
        """The place of the slice that shows most of a set."""
        across = self.plane[1]
        seen = turned(mask, self.image.grid)
        at = [n // 2 for n in self.grid.shape]
        at[across] = int(np.argmax(np.count_nonzero(seen, axis=tuple(a for a in range(3) if a != across))))
        return tuple(at)

    def _column(self, side):
        return _EDGE + self.wide + _GAP + side * (self.wide + _BAR + _GAP)

    def _heads(self):
        found = self.found
        self._text(_EDGE, _EDGE, "Where they disagree", 11, weight="bold")
        self._text(_EDGE, _EDGE + 0.24, f"Dice {found.dice:.3f}", 8.5, faint=True)
        for side in (0, 1):
            x = self._column(side)
            self._text(x, _EDGE, f"What {SIDES[side]} looked at", 11, weight="bold")
            name = textwrap.shorten(f"{found.models[side]}: {found.classes[side]}", 44, placeholder=" ...")
            self._text(x, _EDGE + 0.24, name, 8.5, faint=True)

    def _cut(self, array, key):
        return flat(array, self.plane, self._at[key])[self.part]

    def _behind(self, axis, key):
        bare(axis)
        axis.set_facecolor("black")
        view = {"origin": "lower", "extent": (0, self.size[0], 0, self.size[1])}
        slices = np.stack([self._cut(c, key) for c in self._channels])
        low, high = (0, 1) if self.look.colour else self.window
        grey = in_grey(in_colour(slices, self.image.array)) if self.look.colour else slices[0]
        axis.imshow(grey, cmap="gray", vmin=low, vmax=high, interpolation="bilinear", **view)
        return view

    def _finish(self, axis, first=False):
        axis.set_xlim(self.size[0], 0)  # right and anterior on the left
        axis.set_ylim(0, self.size[1])
        if first:
            draw_bearings(axis, self.grid, self.plane, fontsize=7)

    def _sets(self, one, x, y):
        axis = self._axes(x, y, self.wide, self.tall)
        view = self._behind(axis, one.key)
        inside = self._cut(turned(one.mask, self.image.grid), one.key)
        fill = np.zeros((*inside.shape, 4), np.float32)
        fill[inside] = (*SET_COLOUR, 0.75)
        self._outlines(axis, one.key, view["extent"])
        axis.imshow(fill, interpolation="nearest", zorder=3, **view)
        self._finish(axis, first=True)

    def _outlines(self, axis, key, extent):
        for mask, colour, style in zip(self.predicted, _OUTLINES, ("solid", "dashed"), strict=True):
            inside = self._cut(mask, key)
            if inside.any():
                draw_outline(axis, inside, extent, style, 0.8, colour)

    def _map(self, one, side, x, y):
        axis = self._axes(x, y, self.wide, self.tall)
        view = self._behind(axis, one.key)
        cut = self._cuts.get((one.key, side))
        if cut is not None:
            values = cut.values[self.part]
            signed, end = self.look.signed, self._ends[side]
            size = np.abs(values) if signed else values
            shown = axis.imshow(
                np.ma.masked_array(values, (size < cut.level) | (size <= 0)), cmap=colours(signed),
                vmin=-end if signed else 0, vmax=end, alpha=signed_alpha(values, end) if signed else 0.8,
                interpolation="nearest", **view,
            )  # fmt: skip
            self._bar(shown, side, x + self.wide + 0.07, y)
        inside = self._cut(turned(one.mask, self.image.grid), one.key)
        draw_outline(axis, inside, view["extent"], "solid", 1.1, SET_COLOUR)
        self._finish(axis)
        self._text(x, y + self.tall + 0.04, self._numbers(one, side, cut), 7.5)

    def _numbers(self, one, side, cut):
        if cut is None:
            return "\n".join(textwrap.wrap(one.asked[side].reason, int(self.wide * 17)))
        facts = cut.facts
        score, layer = facts["score_per_voxel"], textwrap.shorten(str(facts["layer"]), 30, placeholder=" ...")
        mean = "-" if score is None else f"{score:.3g} {facts['unit']}"
        if facts["inside"] is None:
            return f"{mean} a {self._per}, at {layer}\n{textwrap.shorten(facts['reason'], 60, placeholder=' ...')}"
        return f"{mean} a {self._per}, at {layer}\n{percent(facts['inside'])} inside, {lift_text(facts['lift'])} chance"

    def _bar(self, shown, side, x, y):
        theme = self.look.theme
        bar = self.figure.colorbar(shown, cax=self._axes(x, y + 0.05 * self.tall, 0.11, 0.9 * self.tall))
        bar.solids.set_alpha(1)
        bar.set_label(f"{self._unit(side)} per {self.grid.volume_unit}, {SIDES[side]}", color=theme.ink, fontsize=7.5)
        if self.look.signed:
            name_signs(bar, theme)
        bar.ax.tick_params(colors=theme.ink, labelsize=7)
        bar.formatter.set_powerlimits((-3, 4))
        bar.ax.yaxis.set_offset_position("left")
        bar.ax.yaxis.get_offset_text().set(color=theme.ink, fontsize=7)
        bar.outline.set_edgecolor(theme.faint)

    @property
    def _per(self):
        return "pixel" if self.grid.is_photo else "voxel"

    def _unit(self, side):
        return next((c.facts["unit"] for (_, s), c in self._cuts.items() if s == side), "")

    def _caption(self):
        found = self.found
        empty = "".join(f" {one.title}: {empty_words(found, one)}" for one in found.sets if one.is_empty)
        per = self._per
        ends, held, both = "from 0 to its own highest", "positive evidence", ""
        if self.look.signed:
            ends, held = "from minus to plus its own largest", "evidence, for and against together"
            both = "Red speaks for the class, blue against it; the weaker, the more transparent. "
        scores = " and ".join(dict.fromkeys(found.score_titles))
        return (
            f"A: {found.models[0]}, {found.classes[0]}. B: {found.models[1]}, {found.classes[1]}. First column: the "
            "two predictions (A solid blue, B dashed orange) and the set of the row, filled. Others: evidence of each "
            f"model for the set (its outline), the map of the score ({scores}) divided by the set's {per}s on the "
            f"model's grid, so that sets of different size can be compared. One linear scale for each model, {ends} "
            f"value: the logits of two networks have no common unit, and their sizes are not compared. {both}Coloured "
            f"is the smallest region with {percent(self.look.share)} of a map's {held}. Below: the "
            f"mean score a {per} of the set, the layer, and the share of the positive evidence inside the set, over "
            f"chance (evidence spread evenly over {found.ground.words}). Each row shows the slice with most of its "
            f"set.{empty} Research use, not for diagnosis."
        )

    def _axes(self, x, y, wide, tall):
        place = (x / self.width, 1 - (y + tall) / self.height, wide / self.width, tall / self.height)
        return self.figure.add_axes(place)

    def _text(self, x, y, text, size, weight="normal", faint=False):
        colour = self.look.theme.faint if faint else self.look.theme.ink
        self.figure.text(
            x / self.width, 1 - y / self.height, text, fontsize=size, fontweight=weight, va="top", color=colour,
            linespacing=1.35,
        )  # fmt: skip
