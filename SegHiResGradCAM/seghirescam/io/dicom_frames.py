"""The places of the frames of one DICOM file (enhanced CT and MR, segmentations)."""

from __future__ import annotations

import numpy as np

from ..protocol.errors import ImageError

#: a frame may lie this far from the volume's regular grid, in in-plane pixels
_TOLERANCE = 0.1
_FRAMES = "0028|0008"


def places_of(data) -> tuple[np.ndarray, np.ndarray]:
    """(first voxel of every frame [N, 3] in LPS mm, unit normal of the frames) of a pydicom dataset.

    Raises ValueError for frames turned against each other, AttributeError or KeyError for frames without a place.
    """
    shared = data.SharedFunctionalGroupsSequence[0]
    frames = data.PerFrameFunctionalGroupsSequence
    turns = {tuple(map(float, _group(f, shared, "PlaneOrientationSequence").ImageOrientationPatient)) for f in frames}
    if np.ptp(np.array(list(turns)), axis=0).max() > 1e-4:
        raise ValueError("turned against each other")
    turn = next(iter(turns))
    places = [_group(frame, shared, "PlanePositionSequence").ImagePositionPatient for frame in frames]
    normal = np.cross(turn[:3], turn[3:])
    return np.array(places, dtype=float), normal / np.linalg.norm(normal)


def unchecked_frames(itk, path) -> str:
    """ "" for a file of one frame, or one whose frames lie where ITK puts them: it takes the first two and counts on.

    Else a note why that is not known.  Raises ImageError for frames that lie elsewhere.
    """
    if not itk.HasMetaDataKey(_FRAMES) or int(itk.GetMetaData(_FRAMES) or 1) < 2:
        return ""
    try:
        import pydicom
    except ImportError:
        return (
            "The DICOM file holds many frames; that they lie in even steps is assumed (checked where highdicom is "
            "installed)."
        )
    try:
        places, _ = places_of(pydicom.dcmread(path, stop_before_pixels=True))
    except (AttributeError, KeyError, IndexError, TypeError):
        return "The frames of the DICOM file do not tell where they lie; that they lie in even steps is assumed."
    except ValueError as error:
        raise _uneven() from error
    if len(places) != itk.GetSize()[2]:
        raise _uneven()
    meant = np.array([itk.TransformIndexToPhysicalPoint((0, 0, n)) for n in range(len(places))])
    if np.linalg.norm(places - meant, axis=1).max() > _TOLERANCE * min(itk.GetSpacing()[:2]):
        raise _uneven()
    return ""


def _uneven():
    return ImageError(
        "The frames of the DICOM file are no even stack of slices: some are missing, repeated, out of order or turned.",
        "Export the series as single slices, or convert it to NIfTI with a DICOM tool (dcm2niix).",
    )


def _group(frame, shared, name):
    return (frame if name in frame else shared)[name][0]
