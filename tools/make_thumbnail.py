"""Draws the Sample Data thumbnail: the demo case's axial slice through the lesion, its segments outlined.

Run once, by hand:  python tools/make_thumbnail.py   (needs SimpleITK, matplotlib, Pillow; the result is committed)
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from extension_facts import ROOT

sys.path.insert(0, str(ROOT / "SegHiResGradCAM"))
OUT = ROOT / "SegHiResGradCAM" / "Resources" / "Icons" / "SegHiResGradCAMDemo.png"
WIDTH, HEIGHT, DPI = 260, 280, 100


def main():
    from seghirescam.demo.case import FOLDER, load_case

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", type=Path, default=FOLDER, help="folder with case.nrrd and case.seg.nrrd")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    image, segments = load_case(options.case)
    # lesion and marker lie at about the same height; each is outlined as in its own middle slice
    masks = {name: pixels.weights > 0 for name, pixels in segments.items()}
    slices = {name: round(np.argwhere(mask)[:, 0].mean()) for name, mask in masks.items()}
    cut = slices["Lesion"]
    draw(image.array[0, cut], {name: mask[slices[name]] for name, mask in masks.items()}, options.out)
    print(f"written: {options.out}; slice {cut}, segments' own slices {slices}")


def draw(anatomy, masks, out):
    """anatomy, masks [rows towards anterior, columns towards the patient's right]."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    from seghirescam.demo.case import COLOURS

    figure = pyplot.figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="black")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(anatomy, cmap="gray", origin="lower", interpolation="bicubic", vmax=np.quantile(anatomy, 0.999))
    for name in ("Marker", "Lesion"):
        axes.contour(masks[name], levels=[0.5], colors=[COLOURS[name]], linewidths=2.0)
    rows, columns = (np.flatnonzero((anatomy > 0.1 * anatomy.max()).any(axis=axis)) for axis in (1, 0))
    # the head fills the picture, seen from the feet as in Slicer: the patient's right, the last column, is on the left
    half = max((rows[-1] - rows[0]) / 2 + 4, ((columns[-1] - columns[0]) / 2 + 4) * HEIGHT / WIDTH)
    middle_row, middle_column = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
    axes.set_ylim(middle_row - half, middle_row + half)
    axes.set_xlim(middle_column + half * WIDTH / HEIGHT, middle_column - half * WIDTH / HEIGHT)
    axes.set_axis_off()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=DPI, facecolor="black", metadata={"Software": None})


if __name__ == "__main__":
    main()
