"""How alike are two maps of one grid? Spearman's rank correlation, relative L2, 3D SSIM. numpy and scipy.

Signed maps are compared as they are; pass :func:`positive` of both to compare the evidence alone.  A map that
is zero everywhere is answered with that status, never with a likeness.  GeometryError for maps of different shapes.
"""

from __future__ import annotations

import numpy as np

from ...protocol.errors import GeometryError
from ...protocol.value import TOO_SMALL, ZERO_MAP, Value
from .checked import NoValue, finite, fits, valued

#: standard deviation of SSIM's Gaussian window in voxels, cut off at 3.5 of it; K1 and K2 of Wang et al.
SSIM_SIGMA, SSIM_CUT, SSIM_K = 1.5, 3.5, (0.01, 0.03)


@valued()
def spearman(a, b) -> Value:
    """Pearson correlation of the ranks, ties at their average rank: -1..1, chance 0.

    TOO_SMALL for a constant map and for fewer than 3 voxels.
    """
    from scipy.stats import rankdata

    a, b = _both(a, b)
    if a.size < 3:
        raise NoValue(TOO_SMALL, f"{a.size} voxel(s) are too few for a rank correlation.", 0.0)
    _varied(a, b, 0.0)
    ranks = [rankdata(each, axis=None) - (a.size + 1) / 2 for each in (a, b)]
    lengths = [np.sqrt(each @ each) for each in ranks]
    return Value.of(float(np.clip((ranks[0] / lengths[0]) @ (ranks[1] / lengths[1]), -1, 1)), chance=0.0)


@valued()
def relative_l2(a, b) -> Value:
    """|a - b| / |a| (Euclidean norms over the voxels), a the map that stands; 0 only for equal maps."""
    a, b = _both(a, b)
    size_a, size_b = np.abs(a).max(), np.abs(b).max()
    scale = max(size_a, size_b)
    return Value.of(float(np.linalg.norm(a / scale - b / scale) / np.linalg.norm(a / size_a) * (scale / size_a)))


@valued()
def ssim(a, b, *, each_to_its_maximum: bool = False) -> Value:
    """Mean structural similarity over all voxels, 3D Gaussian window (sigma 1.5 voxels, radius 5), mirrored borders.

    L, the range in its constants, is that of both maps together, max - min, so both are on one scale.  A volume of
    depth 1 gives the 2D index.  each_to_its_maximum: divide each map by its largest |value| first, where only the
    pattern matters (maps of a randomised network differ in size by powers of ten).
    Wang et al., IEEE TIP 2004, Gaussian weights, population variances.
    """
    from scipy.ndimage import gaussian_filter

    a, b = _both(a, b)
    _varied(a, b)
    size = (np.abs(a).max(), np.abs(b).max())
    a, b = (a / size[0], b / size[1]) if each_to_its_maximum else (a / max(size), b / max(size))
    width = max(a.max(), b.max()) - min(a.min(), b.min())
    c1, c2 = ((k * width) ** 2 for k in SSIM_K)

    def mean(values):
        return gaussian_filter(values, SSIM_SIGMA, truncate=SSIM_CUT, mode="reflect")

    mean_a, mean_b = mean(a), mean(b)
    squares = mean_a**2 + mean_b**2
    product = mean_a * mean_b
    spread = mean(a * a) + mean(b * b) - squares
    together = mean(a * b) - product
    index = (2 * product + c1) * (2 * together + c2) / ((squares + c1) * (spread + c2))
    return Value.of(float(index.mean()))


def _both(a, b):
    a, b = fits(a, None), fits(b, None)
    if a.shape != b.shape:
        raise GeometryError(f"The maps have shapes {a.shape} and {b.shape}.", "Bring both onto one grid first.")
    a, b = finite(a), finite(b)
    if not (a.any() and b.any()):
        raise NoValue(ZERO_MAP, "One of the maps is zero everywhere: there is no likeness to measure.")
    return a, b


def _varied(a, b, chance=None):
    if a.min() == a.max() or b.min() == b.max():
        raise NoValue(TOO_SMALL, "One of the maps is constant: it has no pattern to compare.", chance)
