"""honest_vs_shortcut.png: the same slice, two networks, two methods, an early and a late layer, on one scale."""

from __future__ import annotations

import numpy as np

from seghirescam.protocol.display.thresholds import positive, threshold_holding

TITLES = {"seg_hires_grad_cam": "Seg-HiRes-Grad CAM", "seg_grad_cam": "Seg-Grad-CAM"}
DARK, LIGHT = "#16181d", "#e8e8ea"
COLOURS = {"lesion": "#ff6b5e", "marker": "#5ec8ff"}
SHARE = 0.8


def draw_honest_vs_shortcut(path, image, regions, maps, models, methods, layers) -> None:
    """Axial slice through lesion and marker; colour: positive evidence per ml, in per cent of the map's own total.

    Only the region that holds 80 % of the evidence is coloured.  Placed in millimetres, patient's right on the left.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.colors import ListedColormap, LogNorm

    # the black end of inferno would look like a hole in the anatomy
    bright = ListedColormap(plt.get_cmap("inferno")(np.linspace(0.25, 1, 256)))
    grid = image.grid
    k = round(np.mean([np.argwhere(regions[n].weights > 0)[:, 0].mean() for n in ("lesion", "marker")]))
    columns = [(m, layers[0]) for m in methods] + [(methods[0], layers[1])]
    figure, axes = plt.subplots(2, 3, figsize=(12.6, 8.9), facecolor=DARK)
    figure.subplots_adjust(left=0.045, right=0.9, top=0.885, bottom=0.075, wspace=0.03, hspace=0.09)
    body = image.array[0, k] > 0.1 * image.array.max()
    rows, cols = np.where(body.any(axis=1))[0], np.where(body.any(axis=0))[0]
    box = (max(rows[0] - 3, 0), rows[-1] + 4, max(cols[0] - 3, 0), cols[-1] + 4)
    mm_j, mm_i = grid.spacing_kji[1:]
    shown = None
    for axis_row, model in zip(axes, models, strict=True):
        for axis, (method, layer) in zip(axis_row, columns, strict=True):
            density = positive(maps[model, method, layer].resampled_to(grid).array)
            total = density.sum(dtype=np.float64) * grid.voxel_ml
            percent = 100 * density / total if total else density
            level = threshold_holding(percent, SHARE)
            extent = [0, density.shape[2] * mm_i, 0, density.shape[1] * mm_j]
            view = {"origin": "lower", "extent": extent}
            axis.imshow(image.array[0, k], cmap="gray", interpolation="bilinear", **view)
            masked = np.ma.masked_less(percent[k], level)
            shown = axis.imshow(
                masked, cmap=bright, norm=LogNorm(0.02, 10), alpha=0.85, interpolation="nearest", **view
            )
            for name, colour in COLOURS.items():
                axis.contour(
                    regions[name].weights[k], levels=[0.5], colors=colour, linewidths=1.3, origin="lower", extent=extent
                )
            axis.set_xlim(box[3] * mm_i, box[2] * mm_i)  # radiological: the patient's right is on the left
            axis.set_ylim(box[0] * mm_j, box[1] * mm_j)
            axis.set_xticks([])
            axis.set_yticks([])
            for spine in axis.spines.values():
                spine.set_visible(False)
        axis_row[0].set_ylabel(f"{model} network", color=LIGHT, fontsize=13)
    for axis, (method, layer) in zip(axes[0], columns, strict=True):
        where = "stride 4, where it reads" if layer == layers[0] else "last level, where it writes"
        axis.set_title(f"{TITLES[method]}\n{layer}: {where}", color=LIGHT, fontsize=11.5)
    _scale_bar(axes[1, 0], box, mm_i, mm_j)
    bar = figure.colorbar(shown, cax=figure.add_axes([0.915, 0.2, 0.014, 0.56]))
    bar.set_label("evidence for the class: % of the map's own total per ml", color=LIGHT, fontsize=10)
    bar.ax.tick_params(colors=LIGHT)
    bar.ax.set_yticks([0.02, 0.05, 0.1, 0.3, 1, 3, 10], ["0.02", "0.05", "0.1", "0.3", "1", "3", "10"])
    figure.suptitle("Why a lesion, and not a look-alike?", color=LIGHT, fontsize=16, x=0.045, ha="left", y=0.975)
    z = grid.ras((k, 0, 0))[2]
    figure.text(
        0.045, 0.022,
        f"Red outline: the lesion; blue: the marker, which only the shortcut network uses. Axial, S = {z:.0f} mm. "
        f"Coloured: the region that holds {SHARE:.0%} of the evidence in the volume.",
        color=LIGHT, fontsize=9.5,
    )  # fmt: skip
    figure.savefig(path, dpi=110, facecolor=DARK)
    plt.close(figure)


def _scale_bar(axis, box, mm_i, mm_j):
    left = box[3] * mm_i - 6
    low = box[0] * mm_j + 5
    axis.plot([left, left - 30], [low, low], color=LIGHT, linewidth=2.5)
    axis.text(left - 15, low + 2.5, "30 mm", color=LIGHT, fontsize=9, ha="center")
