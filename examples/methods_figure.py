"""methods_and_layers.png: the same slice, two networks, two methods, an early and a late layer, on one scale."""

from __future__ import annotations

from axial_view import DARK, LESION, LIGHT, MARKER, AxialView, percent_per_ml

from seghirescam.protocol.display.thresholds import threshold_holding

TITLES = {"seg_hires_grad_cam": "Seg-HiRes-Grad CAM", "seg_grad_cam": "Seg-Grad-CAM"}
SHARE = 0.8


def draw_methods_and_layers(path, image, regions, maps, models, methods, layers) -> None:
    """Axial slice through lesion and marker; colour: positive evidence per ml, in per cent of the map's own total.

    maps: Explanations by (model, method, layer).  Only the region that holds 80 % of the evidence is coloured.  Placed
    in millimetres, patient's right on the left.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.colors import LogNorm

    view = AxialView(image, [regions["lesion"], regions["marker"]])
    columns = [(m, layers[0]) for m in methods] + [(methods[0], layers[1])]
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 7.3), facecolor=DARK)
    figure.subplots_adjust(left=0.05, right=0.89, top=0.89, bottom=0.085, wspace=0.03, hspace=0.05)
    shown = None
    for axis_row, model in zip(axes, models, strict=True):
        for axis, (method, layer) in zip(axis_row, columns, strict=True):
            percent = percent_per_ml(maps[model, method, layer], image.grid)
            view.brain(axis)
            shown = view.map(axis, percent, threshold_holding(percent, SHARE), LogNorm(0.02, 20))
            view.outline(axis, regions["lesion"].weights, LESION, 1.3)
            view.outline(axis, regions["marker"].weights, MARKER, 1.3)
        axis_row[0].set_ylabel(f"{model} network", color=LIGHT, fontsize=13)
    for axis, (method, layer) in zip(axes[0], columns, strict=True):
        found = maps[models[0], method, layer].layer
        where = f"{found.name}, cells of {found.mm_per_cell[0]:.3g} mm"
        axis.set_title(f"{TITLES[method]}\n{where}", color=LIGHT, fontsize=12)
    view.scale_bar(axes[1, 0])
    bar = figure.colorbar(shown, cax=figure.add_axes([0.905, 0.2, 0.014, 0.56]))
    bar.set_label("% of the map's own evidence per ml", color=LIGHT, fontsize=10)
    bar.ax.tick_params(colors=LIGHT)
    ticks = ["0.02", "0.05", "0.1", "0.3", "1", "3", "10"]
    bar.ax.set_yticks([float(tick) for tick in ticks], ticks)
    figure.text(
        0.05, 0.02,
        f"Red: the lesion; blue: the marker, which only the shortcut network uses. Axial, S = {view.s:.0f} mm.\n"
        f"Coloured: the region that holds {100 * SHARE:.0f} % of the evidence in the volume. "
        "Research use, not for diagnosis.",
        color=LIGHT, fontsize=9.5, linespacing=1.4,
    )  # fmt: skip
    figure.savefig(path, dpi=150, facecolor=DARK)
    plt.close(figure)
