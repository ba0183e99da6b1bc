"""The figure of deletion and insertion: the map's order against the band of random orders."""

from __future__ import annotations

import textwrap

import numpy as np

from .style import LIGHT, Theme, new_figure

#: inches
_WIDE, _TALL, _LEFT, _RIGHT, _LOW, _HEAD, _BETWEEN, _LINE = 3.1, 2.1, 0.8, 0.25, 0.62, 1.0, 0.95, 0.145
_TITLES = {
    "deletion": ("Deletion: the context is removed", "context removed (% of its volume)"),
    "insertion": ("Insertion: the context is brought back", "context present (% of its volume)"),
}


def draw_curves(gains: dict, heading: str, theme: Theme = LIGHT):
    """A matplotlib Figure: a column for each of ``gains`` (name -> :class:`gains.Gain`), mean score above, self-Dice
    below where it was measured; of a single one the two stand side by side.  Band: all random orders; line in it: their
    mean.  Raises DependencyError."""
    kept = {name: gain for name, gain in gains.items() if gain.curve.logits}
    measured = ("logits", "dice")[: 1 + any(gain.curve.dice is not None for gain in kept.values())]
    rows, columns = (1, len(measured)) if len(kept) == 1 else (len(measured), max(1, len(kept)))
    wide = _LEFT + columns * _WIDE + (columns - 1) * _BETWEEN + _RIGHT
    caption = textwrap.wrap(_caption(kept), int((wide - _LEFT - _RIGHT) * 17)) if kept else []
    tall = _HEAD + rows * (_TALL + _LOW) + 0.15 + _LINE * len(caption)
    figure = new_figure((wide, tall), theme)
    figure.text(_LEFT / wide, 1 - 0.16 / tall, heading, color=theme.ink, fontsize=11, va="top")
    for n, (name, gain) in enumerate(kept.items()):
        for k, what in enumerate(measured):
            column, row = (k, 0) if len(kept) == 1 else (n, k)
            left, low = _LEFT + column * (_WIDE + _BETWEEN), tall - _HEAD - _TALL - row * (_TALL + _LOW)
            axis = figure.add_axes((left / wide, low / tall, _WIDE / wide, _TALL / tall))
            _panel(axis, name, gain, what, theme, first=k == 0)
    if kept:
        lines = figure.axes[0].get_legend_handles_labels()
        place = (_LEFT / wide, 1 - 0.4 / tall)
        words = {
            "frameon": False,
            "fontsize": 8,
            "labelcolor": theme.ink,
            "ncols": 2,
            "borderaxespad": 0,
            "borderpad": 0,
        }
        figure.legend(*lines, loc="upper left", bbox_to_anchor=place, **words)
        words = "\n".join(caption)
        figure.text(_LEFT / wide, 0.12 / tall, words, color=theme.faint, fontsize=7.5, va="bottom", linespacing=1.3)
    else:
        why = next((gain.curve.note for gain in gains.values()), "") or "Nothing was measured."
        figure.text(0.5, 0.5, textwrap.fill(why, 60), color=theme.ink, fontsize=9, ha="center", va="center")
    return figure


def _panel(axis, name, gain, what, theme, first):
    own = getattr(gain.curve, what)
    random = [curve for curve in gain.random if getattr(curve, what)]
    # at the map's own steps: random orders' steps differ a little, and their range would have kinks in between
    at = np.array(gain.curve.fractions)
    if random:
        band = np.array([np.interp(at, curve.fractions, getattr(curve, what)) for curve in random])
        axis.fill_between(100 * at, band.min(axis=0), band.max(axis=0), color=theme.faint, alpha=0.25, linewidth=0)
        words = f"{len(random)} random orders"
        axis.plot(100 * at, band.mean(axis=0), color=theme.faint, linewidth=1.2, linestyle="--", label=words)
    if own is not None:
        colour = "#c2410c" if theme is LIGHT else "#fb923c"
        axis.plot(100 * np.array(gain.curve.fractions), own, color=colour, linewidth=1.6, marker="o", markersize=3,
                  label="by the map", clip_on=False, zorder=3)  # fmt: skip
    else:
        axis.text(0.5, 0.5, "no Dice: the class was not predicted there", color=theme.faint, fontsize=8, ha="center",
                  transform=axis.transAxes)  # fmt: skip
    axis.set_xlim(0, 100)
    if what == "dice":
        axis.set_ylim(0, 1.02)
    title, below = _TITLES[name]
    if first:
        axis.set_title(title, color=theme.ink, fontsize=9, loc="left")
    axis.set_xlabel(below, color=theme.ink, fontsize=8)
    score = f"mean score over the pixel set ({gain.curve.unit})"
    axis.set_ylabel(score if what == "logits" else "Dice with the prediction", color=theme.ink, fontsize=8)
    axis.set_facecolor(theme.paper)
    axis.tick_params(colors=theme.ink, labelsize=7.5)
    for side, spine in axis.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_edgecolor(theme.faint)


def _caption(gains):
    told = []
    for name, gain in gains.items():
        if gain.logit.ok:
            spread = "" if gain.logit_sd is None else f" (sd of the random areas {gain.logit_sd:.3g})"
            told.append(
                f"{name.capitalize()}: gain over random {gain.logit.value:.3g} {gain.curve.unit} in area{spread}"
            )
    return (
        "Blocks of the image that do not meet the pixel set are blurred, the strongest of the map first; band: range "
        f"of the random orders at the map's steps. {'. '.join(told)}."
    )
