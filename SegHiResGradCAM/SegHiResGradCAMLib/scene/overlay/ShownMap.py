"""A map as a volume node will hold it."""

from __future__ import annotations

from dataclasses import dataclass

from seghirescam.protocol.display.displayed import on_voxels
from seghirescam.protocol.display.evidence import Evidence
from seghirescam.protocol.explanation import Explanation
from seghirescam.protocol.grid import Grid

from ..volumes.Voxels import Voxels


@dataclass(frozen=True, eq=False)
class ShownMap:
    """voxels: Voxels, finite.  unit: of a voxel's value.  evidence: theirs, sorted."""

    voxels: Voxels
    unit: str
    evidence: Evidence


def placedHere(explanation: Explanation, target: Grid | None) -> ShownMap:
    """A layer's map on the target's voxels (None: on its own cells), computed here and now: seconds at 512^3.

    The worker does the same for the panel, where the result is larger than :func:`isSmall` says.
    """
    values, unit = on_voxels(explanation.map, explanation.grid, explanation.unit, target)
    return ShownMap(Voxels.of(values), unit, Evidence.of(values))


def isSmall(explanation: Explanation, target: Grid | None) -> bool:
    """True where computing the shown map here takes less time than a user notices: a tenth of a second."""
    shape = explanation.grid.shape if target is None else target.shape
    return shape[0] * shape[1] * shape[2] <= 2**21
