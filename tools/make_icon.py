"""Draws the extension's icon by computation: a brain from above, and the heat of an explanation in its cells.

Run once, by hand:  python tools/make_icon.py   (needs matplotlib and Pillow; the result is committed)
"""

from __future__ import annotations

import numpy as np
from extension_facts import ICON, ROOT

SIZE = 128
FINE = 8  # drawn this many times larger and averaged, for smooth edges
CELLS = 16  # cells of the heat map across the icon: a multiple of the 32 px icon's pixels
GROUND, LINE = np.array([0.075, 0.067, 0.118]), np.array([0.86, 0.88, 0.94])


def main():
    path = ROOT / ICON
    path.parent.mkdir(parents=True, exist_ok=True)
    save(draw(), path)
    print(f"written: {path.relative_to(ROOT)}")


def draw() -> np.ndarray:
    """RGBA [SIZE, SIZE, 4], 0..1. Coordinates -1..1, y upwards."""
    import matplotlib

    n = SIZE * FINE
    axis = (np.arange(n) + 0.5) / n * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    outside = brain(x, y)
    image = np.broadcast_to(GROUND, (n, n, 3)).copy()

    middle = (np.floor((axis + 1) * CELLS / 2) + 0.5) * 2 / CELLS - 1
    heat = evidence(*np.meshgrid(middle, -middle))
    # the dark end of inferno is the ground itself: weak evidence fades into it
    colours = matplotlib.colormaps["inferno"](0.13 + 0.83 * heat)[..., :3]
    image[outside < 0] = colours[outside < 0]

    image = over(image, LINE, band(outside, 0.030))
    image = over(image, LINE * 0.62, fissure(x, y))
    return shrink(np.concatenate([image, corners(x, y)[..., None]], axis=-1))


def brain(x, y):
    """About the distance to the outline, negative inside: two lobes, longer than wide, with shallow folds."""
    px, py = x / 0.77, (y + 0.01) / 0.88
    angle = np.arctan2(py, px)
    radius = 1 + 0.020 * np.cos(14 * angle) - 0.085 * np.exp(-((px / 0.11) ** 2)) + 0.03 * np.sin(angle) ** 2
    radius = radius - 0.045 * py * (1 - np.abs(py).clip(0, 1) ** 2)  # a little narrower in front
    return (np.hypot(px, py) - radius) * 0.82


def evidence(x, y):
    """Heat 0..1: one hot spot and a little of it elsewhere."""
    spot = np.exp(-(((x - 0.34) / 0.23) ** 2 + ((y - 0.20) / 0.23) ** 2))
    weak = 0.34 * np.exp(-(((x + 0.34) / 0.20) ** 2 + ((y + 0.36) / 0.22) ** 2))
    return np.clip(spot + weak, 0, 1)


def fissure(x, y):
    """The line between the hemispheres, ending before the outline."""
    along = np.clip((0.60 - np.abs(y)) / 0.05, 0, 1)
    return along * np.clip((0.020 - np.abs(x)) / 0.006 + 1, 0, 1)


def band(distance, half_width):
    return np.clip((half_width - np.abs(distance)) / 0.006 + 1, 0, 1)


def corners(x, y, radius=0.26):
    """Alpha of a square with round corners."""
    dx, dy = np.abs(x) - (1 - radius), np.abs(y) - (1 - radius)
    outside = np.hypot(dx.clip(0), dy.clip(0)) + np.minimum(np.maximum(dx, dy), 0) - radius
    return (outside < 0).astype(float)


def over(image, colour, alpha):
    return image * (1 - alpha[..., None]) + colour * alpha[..., None]


def shrink(rgba):
    """Average of FINE x FINE, weighted with alpha so that no dark seam appears at the corners."""
    alpha = rgba[..., 3:]
    weighted = np.concatenate([rgba[..., :3] * alpha, alpha], axis=-1)
    sums = weighted.reshape(SIZE, FINE, SIZE, FINE, 4).mean(axis=(1, 3))
    sums[..., :3] /= np.maximum(sums[..., 3:], 1e-6)
    return sums


def save(image, path):
    from PIL import Image

    Image.fromarray(np.round(image * 255).clip(0, 255).astype(np.uint8)).save(path, optimize=True)


if __name__ == "__main__":
    main()
