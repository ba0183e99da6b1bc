"""honest_vs_shortcut.png: two networks draw the same lesion, for different reasons; the one that needs the marker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from axial_view import DARK, FAINT, LESION, LIGHT, MARKER, AxialView, percent_per_ml

from seghirescam.protocol.display.thresholds import threshold_holding

#: of the evidence is coloured
SHARE = 0.8
#: inches: a slice's width, then what stands around the slices
_SLICE, _LEFT, _RIGHT, _GAP, _HEAD, _LINE, _FOOT = 2.75, 0.55, 1.05, 0.1, 0.98, 0.44, 0.62


@dataclass(frozen=True, eq=False)
class Told:
    """One network. found: its map.  before, after: bool ``[K, J, I]``, its lesion in the image, and with the marker
    masked out.  lesion, marker: share of the positive evidence there (0..1; NaN where there is none)."""

    name: str
    found: object
    before: np.ndarray
    after: np.ndarray
    lesion: float
    marker: float


def draw_honest_vs_shortcut(path, image, masked, regions, networks: list[Told], within_mm: float) -> None:
    """A row for each network: what it draws, where its evidence lies, what it draws without the marker.

    masked: the image without its marker.  regions: "lesion" and "marker".  Colours: positive evidence per ml, in per
    cent of the map's own total, one linear scale for both; only the region with 80 % of the evidence.  within_mm: how
    far around a region its evidence was counted.  Placed in millimetres, the patient's right on the left.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.colors import Normalize

    view, grid = AxialView(image, [regions["lesion"], regions["marker"]]), image.grid
    tall = _SLICE * view.size[1] / view.size[0]
    width = _LEFT + 3 * _SLICE + 2 * _GAP + _RIGHT
    height = _HEAD + len(networks) * (tall + _LINE) + _FOOT
    figure = plt.figure(figsize=(width, height), facecolor=DARK)
    densities = [percent_per_ml(one.found, grid) for one in networks]
    norm = Normalize(0, max(float(one[view.k].max()) for one in densities) or 1.0)
    marker = regions["marker"].weights

    def text(x, y, words, size, **how):
        figure.text(x / width, 1 - y / height, words, **{"color": LIGHT, "fontsize": size, "va": "top"} | how)

    def slot(column, row):
        left = _LEFT + column * (_SLICE + _GAP)
        top = _HEAD + row * (tall + _LINE)
        axis = figure.add_axes((left / width, 1 - (top + tall) / height, _SLICE / width, tall / height))
        return axis, left + _SLICE / 2, top + tall + 0.06

    text(_LEFT, 0.16, "Both networks draw the lesion. One of them looks at the marker.", 16, fontweight="bold")
    layer = networks[0].found.layer
    heads = ("What it draws", "Where its evidence lies", "Marker masked out")
    for column, head in enumerate(heads):
        text(_LEFT + column * (_SLICE + _GAP) + _SLICE / 2, 0.62, head, 14, ha="center")
    shown = None
    for row, (one, density) in enumerate(zip(networks, densities, strict=True)):
        axis, x, y = slot(0, row)
        view.brain(axis)
        view.outline(axis, one.before, LESION, 2)
        if row == 0:
            _name(axis, view, marker, "marker", MARKER)
            view.scale_bar(axis)
        text(x, y, "a lesion", 13, ha="center", color=LESION)
        middle = 1 - (_HEAD + row * (tall + _LINE) + tall / 2) / height
        figure.text(
            0.27 / width, middle, f"{one.name} network", color=LIGHT, fontsize=14, rotation=90, ha="center", va="center"
        )

        axis, x, y = slot(1, row)
        view.brain(axis)
        shown = view.map(axis, density, threshold_holding(density, SHARE), norm)
        view.outline(axis, one.before, LESION, 1.2)
        view.outline(axis, marker, MARKER, 1.2)
        text(x - 0.12, y, f"lesion {_share(one.lesion)}", 13, ha="right", color=LESION)
        text(x + 0.12, y, f"marker {_share(one.marker)}", 13, ha="left", color=MARKER)

        axis, x, y = slot(2, row)
        view.brain(axis, masked)
        view.outline(axis, marker, MARKER, 1.2, "dashed")
        view.outline(axis, one.after, LESION, 2)
        gone = not one.after.any()
        text(x, y, "lesion gone" if gone else "still a lesion", 13, ha="center", color=LIGHT if gone else LESION,
             fontweight="bold" if gone else "normal")  # fmt: skip
    tall_bar = len(networks) * tall + (len(networks) - 1) * _LINE
    low = 1 - (_HEAD + 0.9 * tall_bar) / height
    place = ((width - _RIGHT + 0.18) / width, low, 0.15 / width, 0.8 * tall_bar / height)
    bar = figure.colorbar(shown, cax=figure.add_axes(place))
    bar.set_label("evidence for the lesion: % of the map's total per ml", color=LIGHT, fontsize=10)
    bar.ax.tick_params(colors=LIGHT, labelsize=10)
    said = (
        f"Seg-HiRes-Grad CAM at {layer.name} (cells of {layer.mm_per_cell[0]:.0f} mm); axial slice, "
        f"S = {view.s:.0f} mm. Red: the predicted lesion. Coloured: {100 * SHARE:.0f} % "
        f"of the\nevidence. Shares: of the "
        f"positive evidence in the volume, within {within_mm:.0f} mm of each. Research use, not for diagnosis."
    )
    text(_LEFT, height - _FOOT + 0.12, said, 9, color=FAINT, linespacing=1.4)
    figure.savefig(path, dpi=150, facecolor=DARK)
    plt.close(figure)


def _name(axis, view, mask, word, colour):
    """A word beside a region, with a line to it."""
    x, y = view.middle(mask)
    axis.annotate(
        word, (x - 6, y), (x - 34, y + 14), color=colour, fontsize=13, ha="left", va="bottom",
        arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 1.2},
    )  # fmt: skip


def _share(value: float) -> str:
    return "none" if np.isnan(value) else f"{100 * value:.0f} %"
