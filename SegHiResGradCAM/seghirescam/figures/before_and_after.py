"""A figure of masking out: slices through region and segment, before above, after below."""

from __future__ import annotations

import textwrap

import numpy as np

from ..evaluation.metrics.body import grey_window
from ..evaluation.painting.painting_words import amount, sentence, short
from ..protocol.grid import canonical
from ..protocol.image import Image
from .slices import Slices, turned
from .style import LIGHT, OUTLINE, draw_outline, new_figure

#: what was masked out; the predicted segment has the outline's colour of all figures, M is white and dotted
REGION, PIXEL_SET = "#ffa940", "#ffffff"
#: inches
_WIDTH, _EDGE, _GAP, _TALLEST, _HEAD, _TITLE, _FOOT, _LINE = 10.0, 0.25, 0.12, 4.0, 0.36, 0.22, 0.74, 0.22


def draw_painting(image: Image, found, region: np.ndarray, theme=LIGHT, window=None):
    """A matplotlib Figure of an :class:`intervention.Painting`; the first channel in grey.

    region: bool ``[K, J, I]``, what was masked out.  window: grey values, None = chosen from the image.  Each plane
    goes through the slice that shows most of both the region and the segment.  Raises DependencyError.
    """
    own = image.grid
    greys = [turned(one.array[0], own) for one in (image, found.image)]
    region, wanted, *predicted = (turned(mask, own) for mask in (region, found.mask, *found.predicted))
    window = window or grey_window(greys[0])
    slices = Slices(canonical(own), greys[0], window, [region, wanted, *predicted])
    panels, _, tall = slices.laid_out(_WIDTH - 2 * _EDGE, _TALLEST, _TITLE, _GAP)
    title = textwrap.wrap(sentence(found), 112)
    height = 2 * _EDGE + _LINE * len(title) + 2 * (_HEAD + tall) + _FOOT
    figure = new_figure((_WIDTH, height), theme)

    def text(x, y, words, **how):
        figure.text(x / _WIDTH, y / height, words, va="top", **how)

    top = height - _EDGE
    text(_EDGE, top, "\n".join(title), color=theme.ink, fontsize=11, linespacing=1.35)
    top -= _LINE * len(title)
    at = {p[1]: _shared_slice(region, predicted[0] | wanted, p[1]) for p in slices.planes}
    heads = ("Before", found.found.before), ("After masking out", found.found.after)
    for grey, mask, (word, outcome) in zip(greys, predicted, heads, strict=True):
        line = f"{word}: mean score {short(outcome.score)}, predicted {found.class_name} {amount(outcome)}"
        text(_EDGE, top - 0.1, line, color=theme.ink, fontsize=12, fontweight="bold")
        ceiling = top - _HEAD
        for panel in panels:
            plane, extent = panel.plane, slices.extent(panel.plane)
            place = (_EDGE + panel.left, ceiling - panel.top - panel.tall, panel.wide, panel.tall)
            axis = figure.add_axes(tuple(n / whole for n, whole in zip(place, (_WIDTH, height) * 2, strict=True)))
            flat = [slices.cut(a, plane, at[plane[1]]) for a in (grey, mask, region, wanted)]
            view = {"origin": "lower", "extent": extent, "vmin": window[0], "vmax": window[1]}
            axis.imshow(flat[0], cmap="gray", interpolation="bilinear", **view)
            drawn = zip(flat[3:0:-1], ("dotted", "dashed", "solid"), (PIXEL_SET, REGION, OUTLINE), strict=True)
            for inside, style, colour in drawn:
                if inside.any():
                    draw_outline(axis, inside, extent, style, 1.3, colour)
            through = [n // 2 for n in slices.grid.shape]
            through[plane[1]] = at[plane[1]]
            slices.finish(axis, panel, tuple(through), theme)
        top = ceiling - tall
    legend = (
        f"Solid, blue: predicted {found.class_name} in that image. Dashed, orange: what was masked out, with its "
        f"margin. Dotted, white: {found.found.pixel_set_label}, over which the score ({found.found.score_title}) is "
        "averaged. Each slice is the one that shows most of region and segment together. Research use, not for "
        "diagnosis."
    )
    wrapped = "\n".join(textwrap.wrap(legend, 134))
    text(_EDGE, top - 0.12, wrapped, color=theme.faint, fontsize=9, linespacing=1.4)
    return figure


def _shared_slice(region, segment, axis) -> int:
    """The slice with most of both (product of their areas), else the one with most of the region."""
    others = tuple(a for a in range(3) if a != axis)
    areas = [np.count_nonzero(mask, axis=others).astype(np.float64) for mask in (region, segment)]
    both = areas[0] * areas[1]
    return int(np.argmax(both if both.any() else areas[0]))
