"""The figure of a paired comparison: every case a line between its two values, and beside it the differences."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from .style import LIGHT, Theme, new_figure

#: inches
_WIDE, _TALL, _LEFT, _RIGHT, _LOW, _LINE = 6.4, 3.2, 0.85, 0.3, 0.42, 0.19
_PAIRS, _BETWEEN = 3.0, 0.85
#: Okabe and Ito's blue and vermilion, on dark paper sky blue and orange: told apart by all
_ON_LIGHT, _ON_DARK = ("#0072b2", "#d55e00"), ("#56b4e9", "#e69f00")


def draw_pairs(
    a: Sequence[float], b: Sequence[float], names: tuple[str, str], number: str, *, heading: str, caption: str,
    interval: tuple[float, float] | None = None, theme: Theme = LIGHT,
):  # fmt: skip
    """A matplotlib Figure. a, b: one value a case.  number: name and unit of the axis.  interval: of the median of
    a - b.  Raises DependencyError."""
    above, below = textwrap.wrap(heading, 92), textwrap.wrap(caption, 112)
    head = 0.3 + _LINE * len(above)
    foot = 0.15 + _LINE * len(below) * 0.85
    tall = head + _TALL + _LOW + foot
    figure = new_figure((_WIDE, tall), theme)
    figure.text(0.15 / _WIDE, 1 - 0.12 / tall, "\n".join(above), color=theme.ink, fontsize=9, va="top", linespacing=1.3)
    figure.text(0.15 / _WIDE, 0.1 / tall, "\n".join(below), color=theme.faint, fontsize=7.5, va="bottom")
    low, height = (foot + _LOW) / tall, _TALL / tall
    _lines(figure.add_axes((_LEFT / _WIDE, low, _PAIRS / _WIDE, height)), a, b, names, number, theme)
    left = _LEFT + _PAIRS + _BETWEEN
    axis = figure.add_axes((left / _WIDE, low, (_WIDE - left - _RIGHT) / _WIDE, height))
    _differences(axis, np.asarray(a, float) - np.asarray(b, float), names, interval, theme)
    return figure


def _lines(axis, a, b, names, number, theme):
    for one, other in zip(a, b, strict=True):
        colour = _colour(one - other, theme)
        axis.plot((0, 1), (one, other), color=colour, linewidth=0.9, alpha=0.6, marker="o", markersize=3.2,
                  markeredgewidth=0)  # fmt: skip
    for place, values in enumerate((a, b)):
        if len(values):
            middle = float(np.median(values))
            axis.plot((place - 0.16, place + 0.16), (middle, middle), color=theme.ink, linewidth=2.2, zorder=3)
    axis.set_xlim(-0.35, 1.35)
    axis.set_xticks((0, 1), [_short(name) for name in names])
    axis.set_ylabel(number, color=theme.ink, fontsize=8)
    _plain(axis, theme)


def _differences(axis, d, names, interval, theme):
    axis.axhline(0, color=theme.faint, linewidth=0.8)
    places = np.linspace(-0.22, 0.22, len(d)) if len(d) > 1 else np.zeros(len(d))
    order = np.argsort(d, kind="stable")
    colours = [_colour(value, theme) for value in d[order]]
    axis.scatter(places - 0.1, d[order], s=11, c=colours, alpha=0.8, linewidths=0)
    if interval is not None:
        middle = float(np.median(d))
        axis.plot((0.42, 0.42), interval, color=theme.ink, linewidth=1.6)
        axis.plot((0.42,), (middle,), color=theme.ink, marker="D", markersize=5)
    axis.set_xlim(-0.45, 0.6)
    axis.set_xticks((0,), ["difference"])
    axis.set_ylabel(f"{_short(names[0], 24)} minus {_short(names[1], 24)}", color=theme.ink, fontsize=8)
    _plain(axis, theme)


def _colour(difference: float, theme: Theme) -> str:
    up, down = _ON_LIGHT if theme is LIGHT else _ON_DARK
    return up if difference > 0 else down if difference < 0 else theme.faint


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else f"{name[: most - 3]}..."


def _plain(axis, theme):
    axis.set_facecolor(theme.paper)
    axis.tick_params(colors=theme.ink, labelsize=8)
    axis.margins(y=0.08)
    for side, spine in axis.spines.items():
        spine.set_visible(side == "left")
        spine.set_edgecolor(theme.faint)
    axis.tick_params(axis="x", length=0)
