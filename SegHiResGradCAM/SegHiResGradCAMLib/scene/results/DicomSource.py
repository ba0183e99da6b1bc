"""The DICOM series that a volume was loaded from, by Slicer's own database; and new objects into that database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import slicer

from ...setup.Translation import _
from ..nodes.Geometry import parentToWorld

#: where Slicer's DICOM module notes the slices of a volume
INSTANCES = "DICOM.instanceUIDs"


def whyNoSeries(volumeNode: Any) -> str:
    """Why a volume's results cannot become DICOM, as one sentence with what to do; "" if they can."""
    if volumeNode is None:
        return _("The volume that was explained is gone.")
    if not _instances(volumeNode):
        return _(
            "The volume was not loaded from DICOM, so that it belongs to no patient's study: load the series "
            "in the DICOM module and explain that."
        )
    if _database() is None:
        return _("Slicer's DICOM database is not open: open the DICOM module.")
    if not np.allclose(parentToWorld(volumeNode), np.eye(4)):
        return _(
            "The volume is under a transform, and its series is not: take it out of the transform and press Apply."
        )
    return ""


def filesOfSeries(volumeNode: Any) -> list[str]:
    """[] where the database has lost one of them."""
    database = _database()
    files = [database.fileForInstance(uid) for uid in _instances(volumeNode)] if database is not None else []
    return [str(one) for one in files] if all(files) else []


def instancesOf(volumeNode: Any) -> list[str]:
    """The UIDs of the slices that a volume was loaded from; [] where it was not loaded from DICOM."""
    return _instances(volumeNode) if volumeNode is not None else []


def hasDatabase() -> bool:
    return _database() is not None


def addToDatabase(files: Iterable[Any]) -> None:
    """Copies new objects into Slicer's DICOM database; they appear in the study of their series."""
    database = _database()
    for file in files:
        database.insert(str(file), True, False)


def _instances(volumeNode: Any) -> list[str]:
    return (volumeNode.GetAttribute(INSTANCES) or "").split()


def _database() -> Any:
    """None where it is not open."""
    database = getattr(slicer, "dicomDatabase", None)
    return database if database is not None and database.isOpen else None
