"""The sorted evidence of the overlays of a scene: a slider asks for it with every move."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

import slicer
from seghirescam.protocol.display.evidence import Evidence

_MOST = 16
_known: OrderedDict[str, tuple] = OrderedDict()


def rememberEvidence(volumeNode: Any, evidence: Evidence) -> None:
    """Keeps what is known about the voxels that a node holds now."""
    _known[volumeNode.GetID()] = (_stamp(volumeNode), evidence)
    _known.move_to_end(volumeNode.GetID())
    while len(_known) > _MOST:
        _known.popitem(last=False)


def evidenceOf(volumeNode: Any) -> Evidence:
    """What is remembered, or, of a node of a reloaded scene or with changed voxels, sorted now (about 1 s at 512^3)."""
    stamp, evidence = _known.get(volumeNode.GetID(), (None, None))
    if evidence is None or stamp != _stamp(volumeNode):
        evidence = Evidence.of(np.asarray(slicer.util.arrayFromVolume(volumeNode)))
        rememberEvidence(volumeNode, evidence)
    return evidence


def _stamp(volumeNode: Any) -> tuple[int, int]:
    scalars = volumeNode.GetImageData().GetPointData().GetScalars()
    return scalars.GetMTime(), scalars.GetNumberOfTuples()
