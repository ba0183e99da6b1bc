"""The logarithmic scale of contact sheets: share of a map's evidence per ml, for the class or of both signs.

With both signs the scale has two arms: red for the class, blue against it, both from the lowest share to the highest.
The closer to the lowest, the more transparent; nothing is drawn where a map says nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .style import Theme, colours, name_signs, signed_alpha


@dataclass(frozen=True)
class ShareScale:
    """low, high: share per ml (in a photo per pixel), above 0.  signed: both signs, on two arms."""

    low: float
    high: float
    signed: bool = False

    def positions(self, values: np.ndarray) -> np.ndarray:
        """Where values lie on the two arms: -1 (``-high``) to 1 (``high``), 0 for |value| <= low; straight in the
        logarithm of |value|."""
        size = np.maximum(np.abs(np.nan_to_num(values)), self.low)
        return np.sign(values) * np.clip(np.log(size / self.low) / math.log(self.high / self.low), 0, 1)

    def draw(self, axis, values: np.ndarray, level: float, **view) -> None:
        """A slice ``[up, right]`` into matplotlib axes. level: of what is smaller nothing is drawn; with both signs it
        is a level of |value|."""
        how: dict = {"interpolation": "nearest", **view}
        if self.signed:
            at = self.positions(values)
            hidden = (np.abs(values) < level) | (values == 0)
            axis.imshow(
                np.ma.masked_array(at, hidden), cmap=colours(True), vmin=-1, vmax=1, alpha=signed_alpha(at, 1.0), **how
            )
            return
        from matplotlib.colors import LogNorm

        hidden = (values < level) | (values <= 0)
        norm = LogNorm(self.low, self.high, clip=True)
        axis.imshow(np.ma.masked_array(values, hidden), cmap=colours(), norm=norm, alpha=0.75, **how)

    def draw_bar(self, figure, place, theme: Theme, fontsize: float = 7.5, per: str = "ml") -> None:
        """The colour bar. place: (left, low, width, height) as parts of the figure."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LogNorm, Normalize
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        low, high = 100 * self.low, 100 * self.high
        locator = LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,))
        norm = Normalize(-1, 1) if self.signed else LogNorm(low, high)
        bar = figure.colorbar(ScalarMappable(norm, colours(self.signed)), cax=figure.add_axes(place))
        if self.signed:
            bar.set_label(f"% of the evidence per {per}", color=theme.ink, fontsize=fontsize)
            name_signs(bar, theme, fontsize)
            ticks = [tick for tick in locator.tick_values(low, high) if low * 1.001 < tick <= high]
            at = self.positions(np.array([*(-tick / 100 for tick in ticks[::-1]), *(tick / 100 for tick in ticks)]))
            words = [f"{tick:g}" for tick in ticks]
            bar.set_ticks([*at, 0.0], labels=[*words[::-1], *words, f"{low:.2g}"], minor=False)
        else:
            bar.set_label(f"% of the positive evidence per {per}", color=theme.ink, fontsize=fontsize)
            bar.ax.yaxis.set_major_locator(locator)
            bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, position: f"{value:g}"))
            bar.ax.yaxis.set_minor_formatter(NullFormatter())
        bar.ax.tick_params(which="both", colors=theme.ink, labelsize=fontsize - 0.5)
        bar.outline.set_edgecolor(theme.faint)
