"""One DICOM series in a folder -> a volume whose every slice lies where its own header says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from ..protocol.errors import ImageError
from .dicom_frames import unchecked_frames

#: a slice may lie this far from the volume's regular grid, in in-plane pixels
_TOLERANCE = 0.1
#: two slices' directions may differ by this much (of unit vectors)
_TURN = 2e-4
_POSITION, _ORIENTATION, FRAME = "0020|0032", "0020|0037", "0020|0052"
#: meta-data of our own on an image in memory; nothing that is written takes meta-data over
NOTE = "seghirescam_note"
_STORAGE = "1.2.840.10008.5.1.4.1.1."
#: SOP classes: segmentations, and their newer form that holds labels
SEGMENTATIONS = (f"{_STORAGE}66.4", f"{_STORAGE}66.7")
CONTOURS = (f"{_STORAGE}481.3",)
#: what lies among images and is none: reports, presentation states, registrations, contours, plans, documents
_NO_IMAGES = re.compile(re.escape(_STORAGE) + r"(66|88|11|104|481\.(3|4|5|6|7|8|9))(\.|$)")


def sop_class(path) -> str:
    """What a DICOM file says it is, from the fixed beginning of its header (PS3.10, 7.1); "" for other files."""
    try:
        with open(path, "rb") as file:
            head = file.read(1024)
    except OSError:
        return ""
    if head[128:132] != b"DICM":
        return ""
    # (0002,0002) Media Storage SOP Class UID, explicit little endian whatever follows
    found = re.search(rb"\x02\x00\x02\x00UI..([0-9.]+)", head[132:], re.DOTALL)
    return found.group(1).decode() if found else ""


def files_of_class(path, classes) -> list[Path]:
    """The files of these SOP classes: the path itself, or those that lie in the folder, by name."""
    path = Path(path)
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    return [file for file in files if sop_class(file) in classes]


def read_series(sitk, folder, number: int | None = None):
    """The 3D SimpleITK image of the folder's only series, or of its ``number``-th (counted from 1).

    Series are told apart by number, slices and size; no text of the headers is repeated.  Segmentations, contours and
    reports among them are no series of images.  Raises ImageError: no or several series, slices that are missing,
    uneven, repeated, tilted (gantry tilt) or turned against each other.
    """
    return read_slices(sitk, files_of_series(sitk, folder, number))


def read_slices(sitk, files):
    """The same of the files of one series, wherever they lie. files: along its slices, see :func:`sorted_slices`."""
    try:
        if len(files) == 1:
            itk = _volume(sitk, sitk.ReadImage(files[0]))
            check_frames(itk, files[0])
            return itk
        slices = [_header(sitk, file) for file in files]
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(files)
        itk = reader.Execute()
    except RuntimeError as error:
        raise ImageError(
            "The DICOM series cannot be read: its slices are damaged or do not belong together.",
            "Export the series again, or convert it to NIfTI with a DICOM tool.",
        ) from error
    _refuse_turned([orientation for _, orientation, _ in slices])
    _refuse_irregular(itk, np.array([position for position, _, _ in slices]))
    frames = {frame for _, _, frame in slices}
    if len(frames) == 1:
        itk.SetMetaData(FRAME, frames.pop())
    return itk


def sorted_slices(sitk, files):
    """Files of one series in the order in which :func:`files_of_series` gives them: rising along the slices' normal."""
    if len(files) < 2:
        return list(files)
    headers = [_header(sitk, file) for file in files]
    turn = np.array(headers[0][1])
    along = [np.dot(place, np.cross(turn[:3], turn[3:])) for place, _, _ in headers]
    return [files[n] for n in np.argsort(along, kind="stable")]


def files_of_series(sitk, folder, number: int | None = None):
    """The names of the files of the folder's only series, or of its ``number``-th, along its slices.

    Raises ImageError: none, or several and no number.
    """
    found = _series(sitk, folder)
    if not found:
        refuse_no_image(folder)
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
    return found[(number or 1) - 1]


def check_frames(itk, file) -> None:
    """Refuses the frames of one file that lie elsewhere than ITK has them; NOTE tells where that is not known."""
    note = unchecked_frames(itk, file)
    if note:
        itk.SetMetaData(NOTE, note)


def refuse_no_image(path) -> None:
    """One sentence for what holds regions and is given as an image: a DICOM segmentation, or contours."""
    if files_of_class(path, SEGMENTATIONS):
        raise ImageError(
            "This is a DICOM segmentation, not an image.",
            "Give it as --segment, --labels or --reference, and the series it was drawn on as --image.",
        )
    refuse_contours(path)


def refuse_contours(path) -> None:
    """One sentence for a DICOM structure set."""
    if files_of_class(path, CONTOURS):
        raise ImageError(
            "This is a DICOM structure set (RTSTRUCT): contours, not voxels.",
            "Convert it to a DICOM segmentation or a label map first (3D Slicer and plastimatch do it).",
        )


def _series(sitk, folder):
    """File names of each series, sorted along its slices; the largest series first."""
    ids = sitk.ImageSeriesReader.GetGDCMSeriesIDs(os.fspath(folder))
    found = [sitk.ImageSeriesReader.GetGDCMSeriesFileNames(os.fspath(folder), one) for one in ids]
    return sorted((files for files in found if not _NO_IMAGES.match(sop_class(files[0]))), key=len, reverse=True)


def _volume(sitk, itk):
    return sitk.JoinSeries(itk) if itk.GetDimension() == 2 else itk


def _header(sitk, file):
    """(position, orientation, frame of reference or "") of one slice."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    position, orientation = ([float(v) for v in reader.GetMetaData(k).split("\\")] for k in (_POSITION, _ORIENTATION))
    return position, orientation, reader.GetMetaData(FRAME).strip() if reader.HasMetaDataKey(FRAME) else ""


def _refuse_turned(orientations):
    """Localizers and rotating projections (MIP series) are stacks of pictures from several sides: ITK would give every
    one the direction of the first."""
    away = np.abs(np.array(orientations) - orientations[0]).max()
    if away <= _TURN:
        return
    normals = [np.cross(o[:3], o[3:]) for o in orientations]
    angle = max(np.degrees(np.arccos(np.clip(abs(n @ normals[0]), 0, 1))) for n in normals)
    raise ImageError(
        f"The slices of the DICOM series are turned against each other by up to {angle:.1f} degrees: a localizer or "
        "rotating projections, not a volume.",
        "Give the series of slices it was made from.",
        angle_degrees=float(angle),
    )


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
