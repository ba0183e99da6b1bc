"""One axial slice for the demo's pictures: the brain in grey, outlines, what a map colours, in millimetres."""

from __future__ import annotations

import numpy as np

from seghirescam.protocol.display.colours import FIGURE_INFERNO_CUT

DARK, LIGHT, FAINT = "#16181d", "#e8e8ea", "#a2a6ae"
LESION, MARKER = "#ff6b5e", "#5ec8ff"


class AxialView:
    """The slice through the middle of some regions, cut to the brain; the patient's right is on the left.

    image: its first channel is shown.  regions: PixelSets on the image's grid.
    """

    def __init__(self, image, regions):
        self.image, grid = image, image.grid
        self.k = round(np.mean([np.argwhere(one.weights > 0)[:, 0].mean() for one in regions]))
        self.s = float(grid.ras((self.k, 0, 0))[2])
        self.mm_j, self.mm_i = grid.spacing_kji[1:]
        body = image.array[0, self.k] > 0.1 * image.array.max()
        rows, columns = np.where(body.any(axis=1))[0], np.where(body.any(axis=0))[0]
        self.rows = max(rows[0] - 3, 0), rows[-1] + 4
        self.columns = max(columns[0] - 3, 0), columns[-1] + 4
        #: width and height of what is shown, in mm
        self.size = (self.columns[1] - self.columns[0]) * self.mm_i, (self.rows[1] - self.rows[0]) * self.mm_j
        self._view = {"origin": "lower", "extent": [0, body.shape[1] * self.mm_i, 0, body.shape[0] * self.mm_j]}

    def brain(self, axis, image=None) -> None:
        """The slice in grey, of another image of the same grid if one is given, without ticks and frame."""
        grey = self.image.array[0, self.k] if image is None else image.array[0, self.k]
        top = float(self.image.array[0].max())
        axis.imshow(grey, cmap="gray", vmin=0, vmax=top, interpolation="bilinear", **self._view)
        axis.set_xlim(self.columns[1] * self.mm_i, self.columns[0] * self.mm_i)
        axis.set_ylim(self.rows[0] * self.mm_j, self.rows[1] * self.mm_j)
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_visible(False)

    def map(self, axis, values, level, norm, alpha=0.85):
        """``values`` ``[K, J, I]`` where they reach ``level``, in colours; returns what a colour bar needs."""
        shown = np.ma.masked_less(values[self.k], level)
        return axis.imshow(shown, cmap=bright(), norm=norm, alpha=alpha, interpolation="nearest", **self._view)

    def outline(self, axis, mask, colour, width=1.5, style="solid") -> None:
        """The border of a mask ``[K, J, I]``, where it meets the slice."""
        if (mask[self.k] > 0.5).any():
            view = self._view | {"colors": colour, "linewidths": width, "linestyles": style}
            axis.contour(mask[self.k].astype(float), levels=[0.5], **view)

    def middle(self, mask) -> tuple[float, float]:
        """x and y, in mm, of the middle of a mask's part in the slice."""
        j, i = np.argwhere(mask[self.k] > 0.5).mean(axis=0)
        return (i + 0.5) * self.mm_i, (j + 0.5) * self.mm_j

    def scale_bar(self, axis, fontsize=9) -> None:
        left, low = self.columns[1] * self.mm_i - 6, self.rows[0] * self.mm_j + 5
        axis.plot([left, left - 30], [low, low], color=LIGHT, linewidth=2.5)
        axis.text(left - 15, low + 2.5, "30 mm", color=LIGHT, fontsize=fontsize, ha="center")


def bright():
    """inferno without its black end, which would look like a hole in the anatomy."""
    import matplotlib
    from matplotlib.colors import ListedColormap

    return ListedColormap(matplotlib.colormaps["inferno"](np.linspace(FIGURE_INFERNO_CUT, 1, 256)))


def percent_per_ml(found, grid):
    """The positive part of a map on ``grid``, in % of its own total per ml; it integrates to 100."""
    density = np.clip(np.nan_to_num(found.resampled_to(grid).array), 0, None)
    total = density.sum(dtype=np.float64) * grid.voxel_ml
    return 100 * density / total if total else density
