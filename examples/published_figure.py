"""published_network.png: the left half of a brain, what its network's map shows, and the right half taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from axial_view import DARK, FAINT, LESION, LIGHT, MARKER, AxialView, percent_per_ml

from seghirescam.protocol.display.thresholds import threshold_holding

#: of the evidence is coloured
SHARE = 0.8


@dataclass(frozen=True, eq=False)
class Told:
    """image, without: with and without the right half.  left: M.  right, drawn: bool ``[K, J, I]``, the right half, and
    the brain that is drawn without it.  scores: mean logit of M in both.  kept: share of M that is still drawn.
    maps: an Explanation a layer, with their densities on the image's grid and the shares of their positive evidence in
    the right half."""

    image: object
    without: object
    left: object
    right: np.ndarray
    drawn: np.ndarray
    scores: tuple[float, float]
    kept: float
    maps: list
    densities: list[np.ndarray]
    shares: list[float]


def draw(path, told: Told) -> None:
    """Four axial slices; placed in millimetres, the patient's right on the left.  Colours: positive evidence per ml, in
    per cent of the map's own total, the region that holds 80 % of it; each map has its own scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.colors import Normalize

    view, grid = AxialView(_from_zero(told.image), [told.left]), told.image.grid
    figure, axes = plt.subplots(1, 4, figsize=(13.2, 5.0), facecolor=DARK)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.80, bottom=0.19, wspace=0.03)
    title = "Does deepbet need the right half of the brain to draw the left?"
    figure.text(0.012, 0.93, title, color=LIGHT, fontsize=16, fontweight="bold")
    titles = ["What is asked: the left half"]
    for axis in axes:
        view.brain(axis, _from_zero(told.without) if axis is axes[3] else None)
    view.outline(axes[0], told.left.weights, LESION, 2)
    for axis, one, held in zip(axes[1:3], told.maps, told.shares, strict=True):
        percent = percent_per_ml(one, grid)
        level = threshold_holding(percent, SHARE)
        view.map(axis, percent, level, Normalize(level, float(percent[view.k].max())))
        view.outline(axis, told.left.weights, LESION, 1.2)
        mm = one.layer.mm_per_cell[0]
        titles.append(f"Evidence at {one.layer.name}, cells of {mm:.2g} mm")
        axis.set_xlabel(f"{held:.0%} of it in the right half", color=MARKER, fontsize=12)
    view.outline(axes[3], told.drawn, LESION, 2)
    titles.append("Without the right half: what it draws")
    axes[0].set_xlabel(f"mean logit {told.scores[0]:.1f}", color=LESION, fontsize=12)
    axes[3].set_xlabel(f"mean logit {told.scores[1]:.1f}, {told.kept:.0%} still drawn", color=LESION, fontsize=12)
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, color=LIGHT, fontsize=12)
    view.scale_bar(axes[0])
    figure.text(
        0.012, 0.03,
        f"Seg-HiRes-Grad CAM, MNI152 template, axial, S = {view.s:.0f} mm, the patient's right on the left. Red: asked "
        "about, and (right) what is drawn. Coloured: the region with "
        f"{SHARE:.0%}\nof the positive evidence in the volume, brighter is more per ml, each map on its own scale. "
        "Research use, not for diagnosis.",
        color=FAINT, fontsize=9, linespacing=1.4,
    )  # fmt: skip
    figure.savefig(path, dpi=120, facecolor=DARK)
    plt.close(figure)


def _from_zero(image):
    """The image with its darkest value at zero, as the view wants it."""
    from seghirescam.protocol.image import Image

    return Image(image.array - image.array.min(), image.grid)
