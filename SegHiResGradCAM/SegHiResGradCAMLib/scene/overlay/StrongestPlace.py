"""Where the evidence is strongest, and the slice views moved there."""

from __future__ import annotations

from typing import Any

from ..nodes.Geometry import gridOfVolume
from ..views.SliceViews import jumpTo
from .EvidenceCache import evidenceOf
from .OverlayDisplay import settingsOf


def strongestPlace(volumeNode: Any) -> tuple[float, float, float] | None:
    """World RAS in mm of the voxel with the largest value (of either sign, where both are shown); None if all is zero.

    Parent transforms count.  Raises GeometryError for a non-linear one.
    """
    evidence = evidenceOf(volumeNode)
    signed = settingsOf(volumeNode).signed
    if not max(evidence.largest, -evidence.smallest if signed else 0) > 0:
        return None
    ras = gridOfVolume(volumeNode).ras(evidence.strongest if signed else evidence.highest)
    r, a, s = (float(mm) for mm in ras)
    return r, a, s


def jumpToStrongestPlace(volumeNode: Any) -> tuple[float, float, float] | None:
    """Moves every slice view there (by offset: the user's zoom stays) and returns the place."""
    ras = strongestPlace(volumeNode)
    if ras is not None:
        jumpTo(volumeNode.GetScene(), ras)
    return ras
