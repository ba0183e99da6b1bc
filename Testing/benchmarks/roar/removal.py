"""Which pixels go, and what stands in their place."""

from __future__ import annotations

import numpy as np

#: px; half the edge of the smallest window that is averaged
FIRST_REACH = 2


def order(density: np.ndarray, seed: int) -> np.ndarray:
    """Pixels of one map (any shape) from most to least positive evidence, uint16 indices into the flat map.

    Only the positive part counts; ties (all that is not positive, for one) fall in an order drawn from the seed.
    """
    positive = np.maximum(np.asarray(density, dtype=np.float64).ravel(), 0)
    shuffled = np.random.default_rng(seed).permutation(positive.size)
    return shuffled[np.argsort(-positive[shuffled], kind="stable")].astype(np.uint16)


def removed(ranked: np.ndarray, fraction: float, protected: np.ndarray | None = None, keep: bool = False) -> np.ndarray:
    """bool mask of one image: the first round(fraction * n) of its n pixels that are not protected.

    keep: all but those (keep and retrain).  protected: bool mask that is never removed (the context variant); without
    it the image is taken to be square.
    """
    shape = protected.shape if protected is not None else (round(len(ranked) ** 0.5),) * 2
    free = ranked if protected is None else ranked[~protected.ravel()[ranked]]
    count = round(fraction * len(free))
    gone = np.zeros(len(ranked), dtype=bool)
    gone[free[count:] if keep else free[:count]] = True
    return gone.reshape(shape)


def local_mean(image: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """The image ``[J, I]`` with every removed pixel replaced by the mean of the kept pixels around it.

    The window is a square of 5 pixels' edge; where it holds no kept pixel its reach doubles until it does.  Kept pixels
    stay bit for bit; an image of which nothing is kept becomes zero.
    """
    from scipy.ndimage import uniform_filter

    out = image.copy()
    if not gone.any():
        return out
    kept = (~gone).astype(np.float64)
    values = np.where(gone, 0.0, image)
    open_, reach = gone.copy(), FIRST_REACH
    while open_.any():
        edge = 2 * reach + 1
        weight = np.rint(uniform_filter(kept, edge, mode="constant") * edge**2)
        total = uniform_filter(values, edge, mode="constant") * edge**2
        now = open_ & (weight > 0)
        out[now] = total[now] / weight[now]
        open_ &= ~now
        if reach >= max(image.shape):
            out[open_] = 0
            break
        reach *= 2
    return out
