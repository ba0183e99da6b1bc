"""Where the evidence is strongest, and the slice views moved there."""

from __future__ import annotations

import numpy as np

import slicer

from .Geometry import gridOfVolume
from .OverlayDisplay import settingsOf
from .SliceViews import jumpTo


def strongestPlace(volumeNode) -> tuple[float, float, float] | None:
    """World RAS in mm of the voxel with the largest value (of either sign, where both are shown); None if all is zero.

    Parent transforms count.  Raises GeometryError for a non-linear one.
    """
    values = slicer.util.arrayFromVolume(volumeNode)
    if settingsOf(volumeNode).signed:
        values = np.abs(values)
    place = int(np.argmax(values))
    if not values.flat[place] > 0:
        return None
    ras = gridOfVolume(volumeNode).ras(np.unravel_index(place, values.shape))
    return tuple(float(mm) for mm in ras)


def jumpToStrongestPlace(volumeNode) -> tuple[float, float, float] | None:
    """Moves every slice view there (by offset: the user's zoom stays) and returns the place."""
    ras = strongestPlace(volumeNode)
    if ras is not None:
        jumpTo(volumeNode.GetScene(), ras)
    return ras
