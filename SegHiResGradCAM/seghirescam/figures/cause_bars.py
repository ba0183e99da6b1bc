"""The figure of causes: a bar for each channel or segment, to the right what spoke for the class, to the left against.

Beside a segment's bar a mark tells its share of the map's evidence: correlation and cause side by side.
"""

from __future__ import annotations

import textwrap

from ..evaluation.causes.cause_words import sentence
from .style import LIGHT, Theme, new_figure

#: inches
_WIDE, _BAR, _HEAD, _LOW, _LEFT, _RIGHT, _BETWEEN = 7.2, 0.3, 0.35, 0.6, 1.9, 0.9, 0.25
#: of a line of text, of the foot, and of the axis above that tells the evidence
_LINE, _FOOT, _ABOVE = 0.19, 0.3, 0.5
#: Okabe and Ito's blue and vermilion, told apart by all
_FOR, _AGAINST = "#0072b2", "#d55e00"


def draw_causes(found: list, theme: Theme = LIGHT):
    """A matplotlib Figure: one row of bars for each of ``found`` (:class:`causes.Causes`). Raises DependencyError."""
    told = [textwrap.wrap(sentence(one), 100) for one in found]
    heights = [
        _HEAD + _LINE * len(text) + _ABOVE * _has_evidence(one) + _BAR * len(one.causes) + _LOW
        for one, text in zip(found, told, strict=True)
    ]
    tall = sum(heights) + _BETWEEN * (len(found) - 1) + _FOOT
    figure = new_figure((_WIDE, tall), theme)
    top = tall
    for one, text, height in zip(found, told, heights, strict=True):
        words = {"color": theme.ink, "va": "top", "linespacing": 1.35}
        figure.text(0.2 / _WIDE, (top - 0.15) / tall, "\n".join(text), fontsize=9, **words)
        low = top - height + _LOW
        wide = (_WIDE - _LEFT - _RIGHT) / _WIDE
        axis = figure.add_axes((_LEFT / _WIDE, low / tall, wide, _BAR * len(one.causes) / tall))
        _bars(axis, one, theme)
        top -= height + _BETWEEN
    sampled = "" if all(one.exact for one in found) else " A whisker is two standard errors."
    foot = f"Right: share of the change.{sampled} Research use, not for diagnosis."
    figure.text(0.2 / _WIDE, 0.1 / tall, foot, color=theme.faint, fontsize=7.5)
    return figure


def _has_evidence(one):
    return any(cause.evidence.ok for cause in one.causes)


def _bars(axis, one, theme):
    ranked = one.ranked[::-1]
    places = range(len(ranked))
    values = [cause.value for cause in ranked]
    errors = None if one.exact else [2 * cause.error for cause in ranked]
    colours = [_FOR if value >= 0 else _AGAINST for value in values]
    axis.barh(places, values, height=0.62, color=colours, xerr=errors, ecolor=theme.ink)
    axis.axvline(0, color=theme.ink, linewidth=0.8)
    axis.set_yticks(list(places), [textwrap.shorten(cause.name, 24, placeholder="...") for cause in ranked])
    axis.set_ylim(-0.5, len(ranked) - 0.5)
    axis.set_xlabel(f"adds to the mean {one.score_title} ({one.unit})", color=theme.ink, fontsize=8)
    for place, cause in zip(places, ranked, strict=True):
        share = "" if cause.share.value is None else f"{100 * cause.share.value:.0f} %"
        axis.annotate(
            share, (1.02, place), xycoords=("axes fraction", "data"), va="center", color=theme.ink, fontsize=8,
        )  # fmt: skip
    if _has_evidence(one):
        shares = axis.twiny()
        known = [
            (place, cause.evidence.value) for place, cause in zip(places, ranked, strict=True) if cause.evidence.ok
        ]
        shares.plot(
            [100 * share for _, share in known], [place for place, _ in known], linestyle="none", marker="D",
            markersize=4.5, markerfacecolor=theme.paper, markeredgecolor=theme.ink, clip_on=False,
        )  # fmt: skip
        _aligned(axis, shares, [100 * share for _, share in known])
        shares.set_xlabel("diamond: % of the map's positive evidence", color=theme.faint, fontsize=7.5)
        _plain(shares, theme, "top")
    _plain(axis, theme, "bottom")


def _aligned(axis, shares, percents):
    """Both zeros at one place."""
    low, high = axis.get_xlim()
    most = max(percents, default=1.0) * 1.08 or 1.0
    shares.set_xlim(most * low / high if high > 0 else -most, most)
    shares.set_xticks([tick for tick in shares.get_xticks() if 0 <= tick <= most])


def _plain(axis, theme, kept):
    axis.set_facecolor(theme.paper)
    axis.tick_params(colors=theme.ink, labelsize=7.5)
    for side, spine in axis.spines.items():
        spine.set_visible(side == kept)
        spine.set_edgecolor(theme.faint)
