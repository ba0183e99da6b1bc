"""Where is the evidence? Shares in and near a reference R, distances in mm, pointing. numpy and scipy.

Plausibility, never proof that the network used it.  Maps: signed densities ``[K, J, I]`` on a regular grid, of which
the positive part A+ counts.  Masks: bool, 0/1 or weights (counted from one half) on the same grid, or a PixelSet.
body: where tissue is; it changes the chance level only, evidence in air still counts as evidence elsewhere.
An empty reference is answered with that status, never with a hit; a mask of another shape raises PixelSetError, a map
that does not fit its grid GeometryError.  Distances run between voxel centres, so they depend on the grid by up to
one voxel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...protocol.grid import Grid
from ...protocol.value import TOO_SMALL, Value
from .checked import NoValue, chance_in, evidence_of, fits, reference, region, valued, with_evidence
from .registry import REGION, Metric, register
from .shares import ROUNDING_MM, dilated, share

#: share_in's taus in mm, after evaluation.md 2.1
DISTANCES_MM = (0.0, 2.0, 5.0, 10.0, 20.0)


@valued()
def share_in(density, mask, body=None, *, grid: Grid | None = None) -> Value:
    """sum_R A+ / sum A+ (relevance mass accuracy, energy-based pointing game); chance |R| / |body|.

    Driven by the size of R: read ``lift``.  Arras et al., Information Fusion 2022; Wang et al., CVPRW 2020.
    """
    inside, body = reference(density, mask, body, grid)
    expected = chance_in(inside, body)
    return Value.of(share(with_evidence(density, expected), inside), chance=expected)


def within(density, mask, grid: Grid, distances_mm: Sequence[float] = DISTANCES_MM, body=None) -> dict[float, Value]:
    """share_in of R grown by each distance (mm, 0 or more), a Value each with its own chance."""
    taus = _taus(distances_mm)
    inside = region(mask, fits(density, grid), grid)
    box, distance = _near(inside, grid, max(taus))
    grown = {tau: _placed(distance <= tau + ROUNDING_MM, box, grid) for tau in taus}
    return {tau: share_in(density, near, body, grid=grid) for tau, near in grown.items()}


@valued()
def within_area(density, mask, grid: Grid, distances_mm: Sequence[float] = DISTANCES_MM, body=None) -> Value:
    """Area under share-against-tau from 0 to the largest distance, divided by that distance T; 1: all inside R.

    The exact integral of the step curve, 1 - mean of min(d, T) / T over the evidence, whatever taus are listed.
    """
    longest = max(_taus(distances_mm))
    if not longest > 0:
        raise ValueError("An area under the curve needs a distance above 0 mm.")
    inside, body = reference(density, mask, body, grid)
    box, distance = _near(inside, grid, longest)
    closeness = _placed(1 - np.minimum(distance, longest) / longest, box, grid)
    expected = _evenly(closeness, body)
    return Value.of(_mean(closeness, evidence_of(density, expected)), chance=expected)


@valued("mm")
def mean_distance(density, mask, grid: Grid, body=None) -> Value:
    """sum A+ d / sum A+ in mm, d = distance to the nearest voxel of R, 0 inside.

    chance: the mean distance of evenly spread evidence (no share; lower is nearer).
    """
    inside, body = reference(density, mask, body, grid)
    distance = _distance(inside, grid)
    expected = _evenly(distance, body)
    return Value.of(_mean(distance, evidence_of(density, expected)), "mm", expected)


@valued()
def pointing(density, mask, grid: Grid, tolerance_mm: float = 0.0, body=None) -> Value:
    """Share of the voxels at the map's maximum that lie within the tolerance of R: a hit's expectation under ties.

    tolerance_mm: half the diagonal of the layer's cell is a fair one.  chance: that of a random voxel of the body.
    Zhang et al., IJCV 2018; ties, tolerance in mm and chance are ours.
    """
    inside, body = reference(density, mask, body, grid)
    box, distance = _near(inside, grid, tolerance_mm)
    near = _placed(distance <= tolerance_mm + ROUNDING_MM, box, grid)
    expected = chance_in(near, body)
    highest = evidence_of(density, expected) == 1
    return Value.of(float(np.mean(near[highest])), chance=expected)


@valued()
def rank_share(density, mask, body=None, *, grid: Grid | None = None) -> Value:
    """Expected share of the |R| highest voxels that lie in R (relevance rank accuracy), ties in random order.

    Closed form: all voxels above the level at rank |R| count, those at the level in proportion.  Voxels without
    positive evidence are one tie.  Arras et al., Information Fusion 2022; the tie rule is ours.
    """
    inside, body = reference(density, mask, body, grid)
    expected = chance_in(inside, body)
    evidence = evidence_of(density, expected)
    wanted = int(np.count_nonzero(inside))
    level = np.partition(evidence, evidence.size - wanted, axis=None)[evidence.size - wanted]
    above, tied = evidence > level, evidence == level
    open_places = wanted - np.count_nonzero(above)
    hits = np.count_nonzero(above & inside) + open_places * float(np.mean(inside[tied]))
    return Value.of(hits / wanted, chance=expected)


@valued()
def boundary_share(density, mask, grid: Grid, width_mm: float, body=None) -> Value:
    """Share of A+ within +-width of R's border: voxels that have one of the other side within width_mm.

    TOO_SMALL where R has no border in the volume, or the width (mm) is less than the step to the next voxel.
    """
    if not width_mm > 0:
        raise ValueError(f"A border's width is more than 0 mm, got {width_mm}.")
    inside, body = reference(density, mask, body, grid)
    if inside.all():
        raise NoValue(TOO_SMALL, "The reference fills the volume and has no border in it.")
    box, distance = _near(inside, grid, width_mm)
    # dilated() only reads the grid's spacing, so a part of the array will do
    near = (distance <= width_mm + ROUNDING_MM) & dilated(~inside[box], grid, width_mm)
    band = _placed(near, box, grid)
    if not band.any():
        raise NoValue(TOO_SMALL, f"No two voxels on both sides of the border lie within {width_mm:g} mm.")
    expected = chance_in(band, body)
    return Value.of(share(with_evidence(density, expected), band), chance=expected)


@valued("mm")
def centre_distance(density, mask, grid: Grid, body=None) -> Value:
    """Distance in mm between the centre of A+ and the centre of R, in patient space (RAS).

    chance: the same for evidence spread evenly over the body.
    """
    inside, body = reference(density, mask, body, grid)
    target = _centre(inside, grid)
    even = _centre(np.ones(grid.shape) if body is None else body, grid)
    expected = float(np.linalg.norm(even - target))
    evidence = evidence_of(density, expected)
    return Value.of(float(np.linalg.norm(_centre(evidence, grid) - target)), "mm", expected)


def _distance(inside, grid):
    from scipy.ndimage import distance_transform_edt

    return distance_transform_edt(~inside, sampling=grid.spacing_kji)


def _near(inside, grid, reach_mm):
    """The box that holds all within reach of R, and the distances in it: exact, as all of R is in the box."""
    if not reach_mm >= 0:
        raise ValueError(f"A distance is 0 mm or more, got {reach_mm}.")
    box = []
    for axis, spacing in enumerate(grid.spacing_kji):
        others = tuple(a for a in range(3) if a != axis)
        filled = np.flatnonzero(inside.any(axis=others))
        if not filled.size:
            return (slice(0, 0),) * 3, np.zeros((0, 0, 0))
        steps = int(min(reach_mm / spacing + 1, inside.shape[axis]))
        box.append(slice(max(filled[0] - steps, 0), filled[-1] + steps + 1))
    return tuple(box), _distance(inside[tuple(box)], grid)


def _placed(part, box, grid):
    whole = np.zeros(grid.shape, dtype=part.dtype)
    whole[box] = part
    return whole


def _taus(distances_mm):
    taus = [float(tau) for tau in distances_mm]
    if not taus or not min(taus) >= 0:
        raise ValueError(f"Distances are 0 mm or more, got {distances_mm}.")
    return taus


def _mean(values, evidence):
    return float(np.vdot(evidence, values) / evidence.sum())


def _evenly(values, body):
    return float(np.mean(values if body is None else values[body]))


def _centre(weights, grid):
    profiles = [weights.sum(axis=tuple(a for a in range(3) if a != axis)) for axis in range(3)]
    return grid.ras([float(profile @ np.arange(profile.size)) / profile.sum() for profile in profiles])


def _within(at):
    found = within(at.density, at.region, at.grid, body=at.body)
    return {f"share_within_{tau:g}_mm": value for tau, value in found.items() if tau > 0}


def _pointing_half_cell(at):
    return pointing(at.density, at.region, at.grid, at.half_cell, at.body)


def _boundary_share(at):
    return boundary_share(at.density, at.region, at.grid, max(2.0, *at.grid.spacing_kji), at.body)


def _on_grid(metric):
    return lambda at: metric(at.density, at.region, at.grid, body=at.body)


def _on_voxels(metric):
    return lambda at: metric(at.density, at.region, at.body)


register(
    Metric("share", "Share inside", "", REGION, _on_voxels(share_in)),
    Metric("share_within", "Share within a distance", "", REGION, _within),
    Metric("share_within_area", "Area under share against distance", "", REGION, _on_grid(within_area)),
    Metric("mean_distance", "Mean distance", "mm", REGION, _on_grid(mean_distance)),
    Metric("centre_distance", "Distance of the centres", "mm", REGION, _on_grid(centre_distance)),
    Metric("pointing", "Pointing game", "", REGION, _on_grid(pointing)),
    Metric("pointing_half_cell", "Pointing game within half a cell", "", REGION, _pointing_half_cell),
    Metric("rank_share", "Rank share", "", REGION, _on_voxels(rank_share)),
    Metric("boundary_share", "Share at the border", "", REGION, _boundary_share),
)
