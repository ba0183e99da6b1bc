"""One DICOM series in a folder -> a volume whose every slice lies where its own header says."""

from __future__ import annotations

import os

import numpy as np

from .errors import ImageError

#: a slice may lie this far from the volume's regular grid, in in-plane pixels
_TOLERANCE = 0.1
_POSITION = "0020|0032"


def read_series(sitk, folder, number: int | None = None):
    """The 3D SimpleITK image of the folder's only series, or of its ``number``-th (counted from 1).

    Series are told apart by number, slices and size; no text of the headers is repeated.  Raises ImageError: no or
    several series, slices that are missing, uneven, repeated or tilted (gantry tilt).
    """
    found = _series(sitk, folder)
    if not found:
        raise ImageError(
            "The folder holds no DICOM images.", "Give the folder in which the slices themselves lie, or a volume file."
        )
    if number is None and len(found) > 1:
        listed = "; ".join(f"{n}: {len(files)} file(s)" for n, files in enumerate(found, start=1))
        raise ImageError(
            f"The DICOM folder holds {len(found)} series ({listed}).", "Add the number of one to its path, as FOLDER#1."
        )
    if number is not None and not 1 <= number <= len(found):
        raise ImageError(f"The DICOM folder has no series {number}, only {len(found)}.", "Name one of them.")
    files = found[(number or 1) - 1]
    try:
        if len(files) == 1:
            return _volume(sitk, sitk.ReadImage(files[0]))
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(files)
        itk = reader.Execute()
        positions = np.array([_position(sitk, file) for file in files])
    except RuntimeError as error:
        raise ImageError(
            "The DICOM series cannot be read: its slices are damaged or do not belong together.",
            "Export the series again, or convert it to NIfTI with a DICOM tool.",
        ) from error
    _refuse_irregular(itk, positions)
    return itk


def _series(sitk, folder):
    """File names of each series, sorted along its slices; the largest series first."""
    ids = sitk.ImageSeriesReader.GetGDCMSeriesIDs(os.fspath(folder))
    found = [sitk.ImageSeriesReader.GetGDCMSeriesFileNames(os.fspath(folder), one) for one in ids]
    return sorted(found, key=len, reverse=True)


def _volume(sitk, itk):
    return sitk.JoinSeries(itk) if itk.GetDimension() == 2 else itk


def _position(sitk, file):
    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return [float(v) for v in reader.GetMetaData(_POSITION).split("\\")]


def _refuse_irregular(itk, positions):
    """ITK makes a regular, rectangular volume of any slices; here they must really lie like one."""
    meant = np.array([itk.TransformIndexToPhysicalPoint((0, 0, n)) for n in range(len(positions))])
    away = positions - meant
    allowed = _TOLERANCE * min(itk.GetSpacing()[:2])
    if np.linalg.norm(away, axis=1).max() <= allowed:
        return
    normal = np.array(itk.GetDirection()).reshape(3, 3)[:, 2]
    along = positions @ normal
    sideways = float(np.linalg.norm(away - np.outer(away @ normal, normal), axis=1).max())
    if sideways > allowed:
        raise ImageError(
            f"The slices of the DICOM series are shifted against each other by up to {sideways:.1f} mm (gantry tilt).",
            "Correct the tilt first (dcm2niix and Slicer do it on import).",
            shift_mm=sideways,
        )
    gaps = np.diff(along)
    raise ImageError(
        f"The slices of the DICOM series lie {gaps.min():.2f} to {gaps.max():.2f} mm apart: "
        "some are missing or repeated, or it is a time series.",
        "Export the whole series, one time point, again.",
        smallest_mm=float(gaps.min()),
        largest_mm=float(gaps.max()),
    )
