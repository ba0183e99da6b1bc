"""Whose evidence is it? The share of every organ, segment or label, and of what lies outside them all. numpy.

Finds shortcuts in one look: evidence for the liver that lies in the table under the patient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...protocol.errors import PixelSetError
from ...protocol.grid import Grid
from ...protocol.progress import Progress
from ...protocol.sizes import Size
from ...protocol.value import EMPTY_REFERENCE, NOT_MEASURED, Value
from .checked import NoValue, evidence_of, fits, region, tissue
from .ground import Ground
from .location import mean_distance

ELSEWHERE = "elsewhere"
_MOST = 65535


@dataclass(frozen=True)
class LabelRow:
    """One label.  share: of A+, with chance and lift.  density: its evidence per ml over that of evidence spread evenly
    over the body (the volume without one), chance 1: the lift where the label lies in the body.  ml: None in a photo.

    distance: mean distance of the evidence to the label in mm, not_measured unless asked for.
    """

    name: str
    size: Size
    share: Value
    density: Value
    distance: Value

    @property
    def ml(self) -> float | None:
        return self.size.ml

    def to_json(self) -> dict:
        values = {"share": self.share, "density": self.density, "distance": self.distance}
        return {"name": self.name, **self.size.to_json(), **{name: value.to_json() for name, value in values.items()}}


def evidence_by_label(
    density,
    masks: Mapping[str, np.ndarray],
    grid: Grid,
    body=None,
    *,
    distances: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> list[LabelRow]:
    """A row for each mask in its order, and "elsewhere" for the voxels of none; masks may overlap.

    Masks and body as in :mod:`location`.  distances: also the mean distance to each, which costs a distance transform
    a label.  Raises PixelSetError and GeometryError as there.
    """
    table = _Table(density, grid, body)
    regions = {name: region(mask, table.density, grid) for name, mask in masks.items()}
    covered = np.zeros(grid.shape, dtype=bool)
    for mask in regions.values():
        covered |= mask
    counted = [(name, *table.count(mask), mask) for name, mask in regions.items()]
    return table.rows([*counted, (ELSEWHERE, *table.count(~covered), ~covered)], distances, progress)


def evidence_by_label_map(
    density,
    label_map: np.ndarray,
    names: Mapping[int, str],
    grid: Grid,
    body=None,
    **asked,
) -> list[LabelRow]:
    """The same for one label map (whole numbers 0..65535, 0 is "elsewhere"), in one pass over the voxels."""
    return evidence_by_label_maps(density, [(label_map, names)], grid, body, **asked)


def evidence_by_label_maps(
    density,
    layers: Iterable[tuple[np.ndarray, Mapping[int, str]]],
    grid: Grid,
    body=None,
    *,
    distances: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> list[LabelRow]:
    """The same for several label maps with the names of each, as overlapping segments need.

    Rows: per map the named labels in the order of ``names`` (status empty_reference where the map holds none of one),
    then the unnamed ones as "label 7"; "elsewhere" is what no map labels.  Raises PixelSetError for a map of another
    shape or with values that are no labels.
    """
    table = _Table(density, grid, body)
    layers = [(_labels(array, grid), {int(value): names[value] for value in names}) for array, names in layers]
    covered = np.zeros(grid.shape, dtype=bool)
    counted = []
    for labels, names in layers:
        covered |= labels > 0
        voxels, held, in_body = table.count_each(labels)
        unnamed = [int(value) for value in np.flatnonzero(voxels[1:]) + 1 if value not in names]
        for value, name in {**names, **{value: f"label {value}" for value in unnamed}}.items():
            if value == 0:
                continue
            known = 0 < value < voxels.size
            numbers = (int(voxels[value]), float(held[value]), int(in_body[value])) if known else (0, 0.0, 0)
            counted.append((name, *numbers, (labels, value)))
    return table.rows([*counted, (ELSEWHERE, *table.count(~covered), ~covered)], distances, progress)


class _Table:
    """The map and body of one table: counts regions, and turns the counts into rows."""

    def __init__(self, density, grid, body):
        self.grid, self.density = grid, fits(density, grid)
        self.body = tissue(body, self.density, grid)
        self.ground = Ground(self.body, grid)
        self.body_voxels = self.density.size if self.body is None else int(np.count_nonzero(self.body))
        self.problem, self.evidence, self.total = None, None, 0.0
        try:
            self.evidence = evidence_of(self.density)
            self.total = float(self.evidence.sum())
        except NoValue as nothing:
            self.problem = nothing.with_traceback(None)  # which holds this frame, the map, and whoever asked

    def count(self, mask):
        """Voxels, evidence, and voxels in the body of one mask."""
        voxels = int(np.count_nonzero(mask))
        held = 0.0 if self.problem else float(self.evidence[mask].sum())
        return voxels, held, voxels if self.body is None else int(np.count_nonzero(mask & self.body))

    def count_each(self, labels):
        """The same for every value of a label map: three arrays, indexed by the value."""
        flat = labels.reshape(-1)
        voxels = np.bincount(flat)
        held = np.zeros(voxels.size)
        if not self.problem:
            held = np.bincount(flat, weights=self.evidence.reshape(-1))
        in_body = voxels if self.body is None else np.bincount(labels[self.body], minlength=voxels.size)
        return voxels, held, in_body

    def rows(self, counted, distances, progress):
        tell = Progress(progress)
        rows = []
        for place, (name, voxels, held, in_body, where) in enumerate(counted):
            tell(place / len(counted), f"evidence in {name}")
            rows.append(self._row(name, voxels, held, in_body, where, distances))
        tell(1.0, "evidence by label")
        return rows

    def _row(self, name, voxels, held, in_body, where, distances):
        chance = in_body / self.body_voxels
        problem = self.problem
        if not voxels:
            problem, chance = NoValue(EMPTY_REFERENCE, f"{name} holds no voxel."), None
        size, unit = Size.counted(voxels, self.grid), self.grid.length_unit
        distance = Value.without(NOT_MEASURED, "The distance was not asked for.", unit)
        if problem:
            nothing = Value.without(problem.status, problem.note, chance=chance)
            per_ml = Value.without(problem.status, problem.note, chance=1.0)
            if distances:
                distance = problem.value(unit)
            return LabelRow(name, size, self.ground.told(nothing), per_ml, distance)
        share = held / self.total
        if distances:
            mask = where[0] == where[1] if isinstance(where, tuple) else where
            distance = replace(mean_distance(self.density, mask, self.grid, self.body), unit=unit)
        density = replace(Value.of(share * self.body_voxels / voxels, chance=1.0), larger_is_more=False)
        return LabelRow(name, size, self.ground.told(Value.of(share, chance=chance)), density, distance)


def _labels(array, grid):
    """The label map as whole numbers, for bincount."""
    array = np.asarray(array)
    if array.shape != grid.shape:
        raise PixelSetError(
            f"The label map has shape {array.shape}, the map {grid.shape}.", "Bring both onto one grid first."
        )
    # written so that NaN fails too
    if array.dtype.kind not in "fiub" or not (array.min() >= 0 and array.max() <= _MOST):
        raise PixelSetError(f"Labels are whole numbers from 0 to {_MOST}.", "Give a label map, not an image.")
    labels = array.astype(np.uint16)
    if (labels != array).any():
        raise PixelSetError("The label map holds fractions.", "Resample label maps with the nearest neighbour.")
    return labels
