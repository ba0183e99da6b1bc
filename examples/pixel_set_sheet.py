"""A figure for ``paper_2d.py``: methods down, pixel sets across, one layer, one slice, on the scale of ``compare``."""

from __future__ import annotations

import math
import textwrap

from seghirescam.comparison.compare import shown
from seghirescam.evaluation.metrics.body import body_box, grey_window
from seghirescam.figures.share_scale import ShareScale
from seghirescam.figures.style import (
    LIGHT,
    bare,
    draw_letters,
    draw_outline,
    draw_scale_bar,
    new_figure,
)
from seghirescam.protocol.components import label_components
from seghirescam.protocol.display.thresholds import threshold_holding
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import View, mask_on

SHARE = 0.8
_SIDE, _CELL, _GAP, _HEAD, _BAR, _FOOT = 1.6, 1.6, 0.08, 0.5, 0.95, 0.75


def draw_pixel_sets(image, sets, rows, predicted):
    """(Figure, caption). sets: recipes by name; rows: a method's explanations, in the sets' order; image: one slice,
    axes towards R and A.  predicted: bool [J, I], where the class is predicted."""
    grid = image.grid
    maps = [[shown(e.resampled_to(grid).array, grid)[0] for e in row] for row in rows]
    masks = [_mask(recipe, grid, predicted) for recipe in sets.values()]
    scale = ShareScale(1 / (math.prod(grid.shape) * grid.voxel_ml), max(float(m.max()) for row in maps for m in row))
    window = grey_window(image.array[0])
    _, up, right = body_box(image.array[0], window, [])
    part, mm = (slice(*up), slice(*right)), grid.spacing_kji[1:]
    size = ((right[1] - right[0]) * mm[1], (up[1] - up[0]) * mm[0])
    tall = _CELL * size[1] / size[0]
    width = 0.5 + _SIDE + len(sets) * (_CELL + _GAP) + _BAR
    height = 0.25 + _HEAD + len(rows) * (tall + 0.12) + _FOOT
    figure = new_figure((width, height), LIGHT)

    def text(x, y, words, fontsize, **how):
        figure.text(x / width, 1 - y / height, words, fontsize=fontsize, color=LIGHT.ink, **how)

    for c, (name, mask) in enumerate(zip(sets, masks, strict=True)):
        x = 0.25 + _SIDE + c * (_CELL + _GAP) + _CELL / 2
        text(x, 0.25, name, 10, ha="center", va="top", fontweight="bold")
        text(x, 0.46, f"{int(mask.sum())} pixels", 8, ha="center", va="top")
    for r, (row, explained) in enumerate(zip(maps, rows, strict=True)):
        y = 0.25 + _HEAD + r * (tall + 0.12)
        title = "\n".join(textwrap.wrap(explained[0].method_title, 18))
        text(0.25, y + tall / 2, title, 9, va="center", fontweight="bold")
        for c, (values, mask) in enumerate(zip(row, masks, strict=True)):
            x = 0.25 + _SIDE + c * (_CELL + _GAP)
            axis = figure.add_axes((x / width, 1 - (y + tall) / height, _CELL / width, tall / height))
            extent = (0, size[0], 0, size[1])
            view = {"origin": "lower", "extent": extent}
            axis.imshow(image.array[0, 0][part], cmap="gray", vmin=window[0], vmax=window[1], **view)
            scale.draw(axis, values[part], threshold_holding(values, SHARE), **view)
            draw_outline(axis, mask[part], extent, "solid", 0.9)
            axis.set_xlim(extent[1], 0)
            axis.set_ylim(0, extent[3])
            bare(axis)
            if r == c == 0:
                draw_letters(axis, "RLAP", 7)
                draw_scale_bar(axis, fontsize=7, start=0.9)
    x = 0.25 + _SIDE + len(sets) * (_CELL + _GAP) + 0.06
    low = 1 - (0.25 + _HEAD + len(rows) * (tall + 0.12) - 0.12) / height
    place = (x / width, low, 0.13 / width, 1 - low - (0.25 + _HEAD) / height)
    scale.draw_bar(figure, place, LIGHT, 8)
    first, mm_s = rows[0][0], grid.ras((0, 0, 0))[2]
    caption = (
        f"Evidence for '{first.class_name}' at {first.layer.name} by method (rows) and pixel set M (columns, outlined)"
        f". Axial slice at S = {mm_s:.1f} mm. Colours: share of a map's own positive evidence per ml, one logarithmic "
        f"scale for all cells, from evenly spread evidence upwards; the smallest region with {100 * SHARE:g} % of it "
        f"is coloured. {_parts(predicted)} Research use, not for diagnosis."
    )
    wrapped = "\n".join(textwrap.wrap(caption, int(width * 16.5)))
    text(0.25, height - _FOOT + 0.12, wrapped, 7.5, va="top", linespacing=1.35)
    return figure, caption


def _parts(predicted):
    count = label_components(predicted)[1]
    return "The prediction is one component here." if count == 1 else f"The prediction has {count} components here."


def _mask(recipe, grid, predicted):
    """M on the slice, bool [J, I]."""
    pixels = recipe.resolve(View(grid, grid.shape, 1, "", lambda index: predicted[None]))
    return mask_on(grid, recipe, PixelSet(pixels.weights, grid))[0]
