"""Is it simple? The smallest volume that holds the evidence, Gini index, entropy. numpy.

Maps: signed densities on a regular grid, of which the positive part counts.  Simple is not true: noise on one voxel
is simpler than any organ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...protocol.display.thresholds import threshold_holding
from ...protocol.grid import Grid
from ...protocol.value import TOO_SMALL, Value
from .checked import NoValue, evidence_of, fits, valued
from .registry import MAP, SIMPLE, Metric, register


@valued("ml")
def volume_holding(density, grid: Grid, share: float) -> Value:
    """V50 (share 0.5), V90: the smallest volume in ml that holds this share (0..1] of the positive evidence.

    The last voxel and ties at its level count in the proportion that is needed, so a map constant over a volume has
    the same answer on every grid.  chance: evidence spread evenly over the volume.  ValueError for another share.
    """
    density = fits(density, grid)
    if not 0 < share <= 1:
        raise ValueError(f"A share lies between 0 and 1, got {share}.")
    even = share * density.size * grid.voxel_volume
    evidence = evidence_of(density, even)
    level = threshold_holding(evidence, share)
    above = evidence > level
    missing = share * evidence.sum() - evidence[above].sum()
    voxels = np.count_nonzero(above) + missing / level
    return Value.of(voxels * grid.voxel_volume, "ml", even)


@valued()
def gini(density) -> Value:
    """Gini index of A+ over all voxels: 0 evenly spread (chance), 1 - 1/n all in one of n voxels.

    Chalasani et al., ICML 2020 (sparseness).
    """
    evidence = _spread(density, chance=0.0)
    held = np.sort(evidence[evidence > 0])
    count = evidence.size
    # voxels without evidence take the first ranks and add nothing
    rank = np.arange(count - held.size + 1, count + 1)
    return Value.of(float((2 * rank - count - 1) @ held / (count * held.sum())), chance=0.0)


@valued()
def entropy(density) -> Value:
    """Shannon entropy of A+ / sum A+ over log n: 1 evenly spread over the n voxels (chance), 0 all in one.

    Depends on the voxel count, so compare it on one grid only.  Bhatt et al., IJCAI 2020 (complexity), here / log n.
    """
    evidence = _spread(density, chance=1.0)
    held = evidence / evidence.sum()
    held = held[held > 0]
    found = Value.of(max(-float(held @ np.log(held)), 0.0) / float(np.log(evidence.size)), chance=1.0)
    return replace(found, larger_is_more=False)


def _spread(density, chance):
    density = fits(density, None)
    evidence = evidence_of(density, chance)
    if evidence.size < 2:
        raise NoValue(TOO_SMALL, "One voxel says nothing about how evidence is spread.", chance)
    return evidence


register(
    Metric(
        "v50", "Volume of half the evidence", "ml", MAP, lambda at: volume_holding(at.density, at.grid, 0.5), SIMPLE
    ),
    Metric("v90", "Volume of 90 %", "ml", MAP, lambda at: volume_holding(at.density, at.grid, 0.9), SIMPLE),
    Metric("gini", "Gini index", "", MAP, lambda at: gini(at.density), SIMPLE),
    Metric("entropy", "Entropy", "", MAP, lambda at: entropy(at.density), SIMPLE),
)
