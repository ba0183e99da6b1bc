"""Writes SegHiResGradCAM/Resources/ColorTables/*.txt in Slicer's colour-table text format.

Inferno and Hot metal start at a dark violet and a dark red: their black end would paint weak evidence as holes in the
anatomy, because slice views draw every visible colour opaque.

Run once, by hand:  python Testing/stage/make_color_tables.py   (needs matplotlib; the result is committed)
"""

import sys
from pathlib import Path

import numpy as np

MODULE = Path(__file__).resolve().parents[2] / "SegHiResGradCAM"
FOLDER = MODULE / "Resources" / "ColorTables"
sys.path.insert(0, str(MODULE))
from seghirescam.protocol.display.colours import TABLE_INFERNO_CUT, TABLE_SIGNED  # noqa: E402

# (position 0..1, red, green, blue), straight lines in between
HOT_METAL = [(0, 0.42, 0, 0), (0.25, 0.75, 0.02, 0), (0.6, 1, 0.5, 0), (0.85, 1, 0.9, 0.3), (1, 1, 1, 1)]


def main():
    import matplotlib

    FOLDER.mkdir(parents=True, exist_ok=True)
    listed = "matplotlib, by N. J. Smith, S. van der Walt and E. Firing, released under CC0"
    own = "this repository (straight lines between a few colours), Apache-2.0"
    inferno = matplotlib.colormaps["inferno"](np.linspace(TABLE_INFERNO_CUT, 1, 256))[:, :3]
    for name, colors, origin in (
        ("Inferno", inferno, f"upper part of inferno in {listed}"),
        ("Viridis", np.array(matplotlib.colormaps["viridis"].colors), f"viridis in {listed}"),
        ("Hot metal", lines(HOT_METAL), own),
        ("Blue-white-red", lines(TABLE_SIGNED), own),
    ):
        write(name, colors, origin)


def lines(points):
    position, *channels = np.array(points, dtype=float).T
    return np.stack([np.interp(np.linspace(0, 1, 256), position, channel) for channel in channels], axis=1)


def write(name, colors, origin):
    rows = [f"# Color table {name}", f"# Origin: {origin}", f"# {len(colors)} values"]
    rows += ["# index name red green blue alpha"]
    for index, rgb in enumerate(np.round(colors * 255).astype(int)):
        rows.append(f"{index} {name.replace(' ', '_')}_{index} {rgb[0]} {rgb[1]} {rgb[2]} 255")
    (FOLDER / f"{name.replace(' ', '-')}.txt").write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
