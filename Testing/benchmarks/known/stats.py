"""AUROC with a bootstrap interval, Wilson's interval, Wilcoxon with Holm's correction, medians with quartiles. scipy.

The unit is the model (or the case), never the voxel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000


def finite(values) -> np.ndarray:
    """The values that are numbers; None and NaN are left out."""
    numbers = np.array([math.nan if v is None else v for v in values], dtype=np.float64)
    return numbers[np.isfinite(numbers)]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); (NaN, NaN) for n = 0."""
    from scipy.stats import binomtest

    if not n:
        return math.nan, math.nan
    low, high = binomtest(hits, n).proportion_ci(method="wilson")
    return float(low), float(high)


def auroc(negatives, positives) -> float:
    """P(a positive scores higher than a negative), ties one half (Mann & Whitney 1947); NaN without one of both."""
    low, high = finite(negatives), finite(positives)
    if not (low.size and high.size):
        return math.nan
    differences = high[:, None] - low
    return float(((differences > 0) + 0.5 * (differences == 0)).mean())


def auroc_interval(negatives, positives, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Percentile bootstrap, 95 %, over models within each group.  Perfect separation gives (1, 1): a bootstrap cannot
    say how much it owes to the small number."""
    low, high = finite(negatives), finite(positives)
    if not (low.size and high.size):
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    table = np.sign(high[:, None] - low) / 2 + 0.5
    found = [
        table[np.ix_(rng.integers(high.size, size=high.size), rng.integers(low.size, size=low.size))].mean()
        for _ in range(resamples)
    ]
    return tuple(float(v) for v in np.quantile(found, [0.025, 0.975]))


def wilcoxon(one, other) -> float:
    """Two-sided p of the signed-rank test over pairs that are both there; exact for few pairs without ties.

    1 where all pairs are equal, NaN for fewer than five pairs (p cannot fall below 0.06 there).
    """
    pairs = np.array([(a, b) for a, b in zip(one, other, strict=True) if finite([a, b]).size == 2])
    if len(pairs) < 5:
        return math.nan
    differences = pairs[:, 0] - pairs[:, 1]
    if not differences.any():
        return 1.0
    from scipy.stats import wilcoxon as test

    return float(test(differences).pvalue)


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979), never falling, at most 1; NaN stays and does not count."""
    order = sorted((i for i, p in enumerate(ps) if not math.isnan(p)), key=lambda i: ps[i])
    adjusted, highest = [math.nan] * len(ps), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - place) * ps[i]))
        adjusted[i] = highest
    return adjusted


def quartiles(values) -> tuple[float, float, float]:
    """Median, lower and upper quartile of the numbers; NaN three times without any."""
    numbers = finite(values)
    if not numbers.size:
        return math.nan, math.nan, math.nan
    return tuple(float(v) for v in np.quantile(numbers, [0.5, 0.25, 0.75]))
