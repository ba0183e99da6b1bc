"""The series an object is made from: whose it is, and where its slices lie. Headers only, no voxel is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...protocol.errors import ImageError
from ...protocol.grid import Grid, corners_of
from ..dicom_frames import places_of
from ..dicom_series import files_of_series, refuse_no_image, sop_class
from ..simple_itk import simple_itk
from .identifiers import DEIDENTIFICATION_CODES, NEEDED, TAKEN_OVER, taken_over
from .libraries import libraries, unheard

#: a place may differ by this much from another that is the same, in mm
_SAME_MM = 0.01
_LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_GEOMETRY = (
    "Rows", "Columns", "NumberOfFrames", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "ImagePositionPatient", "ImageOrientationPatient", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
_READ = (*TAKEN_OVER, DEIDENTIFICATION_CODES, *NEEDED, *_GEOMETRY, "Modality", "BodyPartExamined")
#: what a photograph or a microscope gives, and what is made of images and is none
_NO_VOLUME = {"XC", "GM", "SM", "ES", "OP", "OPT", "DX", "CR", "SEG", "SR", "PR", "KO", "REG", "RTDOSE", "DOC"}
_NOT_WRITTEN = "A DICOM object cannot be written for it."


@dataclass(frozen=True)
class Slice:
    """One frame of the source. place: of its first voxel, LPS mm.  frame: its number in a file of many, else None."""

    sop_class: str
    sop_instance: str
    place: np.ndarray
    frame: int | None = None


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """slices: rising along the normal.  grid: RAS, K rises along the normal.  header: a pydicom dataset with what is
    taken over (:mod:`identifiers`) and nothing else.  body_part: a word of the standard's list, or ""."""

    slices: tuple[Slice, ...]
    grid: Grid
    header: Any = field(repr=False)
    series: str = field(repr=False)
    body_part: str = ""

    @staticmethod
    def read(path, number: int | None = None) -> SourceSeries:
        """Of a folder with one series (or its ``number``-th), or of one DICOM file.

        Raises ImageError, one sentence each: no DICOM, several series, slices of several patients or studies, no UID,
        no place in a patient, photographs, uneven slices; DependencyError.
        """
        folder = Path(path)
        refuse_no_image(folder)
        if folder.is_dir():
            files = files_of_series(simple_itk(), folder, number)
        elif sop_class(folder):
            files = (folder,)
        else:
            raise ImageError(
                f"'{folder.name}' is no DICOM, so it belongs to no patient's study. {_NOT_WRITTEN}",
                "Give the folder with the DICOM series that was explained.",
            )
        return SourceSeries.of_files(files)

    @staticmethod
    @unheard()
    def of_files(files) -> SourceSeries:
        """Of the files of one series, in any order. Raises as :meth:`read` does."""
        _, pydicom = libraries()
        if not files:
            raise ImageError("No file of the series was named.", "Give all of its slices.")
        try:
            headers = [pydicom.dcmread(one, stop_before_pixels=True, specific_tags=list(_READ)) for one in files]
        except (pydicom.errors.InvalidDicomError, OSError) as error:
            raise ImageError("A file of the DICOM series cannot be read.", "Export the series again.") from error
        _refuse_what_is_no_volume(headers)
        _refuse_unnamed(headers)
        _refuse_mixed(headers)
        slices, grid = _stack(headers)
        first = headers[0]
        about = pydicom.Dataset()
        taken_over(first, about)
        return SourceSeries(slices, grid, about, str(first.SeriesInstanceUID), str(first.get("BodyPartExamined", "")))

    def holds(self, grid: Grid) -> bool:
        """Whether a volume's voxels are this series' own, whichever way its axes run."""
        if sorted(grid.shape) != sorted(self.grid.shape) or grid.elsewhere(self.grid):
            return False
        ours, theirs = (one.ras(corners_of(one.shape)) for one in (self.grid, grid))
        away = np.linalg.norm(ours[:, None] - theirs[None], axis=2)
        return bool(max(away.min(axis=0).max(), away.min(axis=1).max()) <= _SAME_MM)

    def refuse_other(self, grid: Grid) -> None:
        """Raises ImageError where the result does not lie on this series' voxels."""
        if not self.holds(grid):
            raise ImageError(
                "The DICOM series is not the image that was explained: its voxels lie elsewhere.",
                "Give the series that was explained.",
            )

    @unheard()
    def refuse_other_patient(self, file) -> None:
        """Raises ImageError for a DICOM object (a segment) that belongs to somebody else or another study."""
        _, pydicom = libraries()
        other = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["PatientID", "StudyInstanceUID"])
        for word, what in (("PatientID", "patient"), ("StudyInstanceUID", "study")):
            mine, its = (str(one.get(word, "")) for one in (self.header, other))
            if mine and its and mine != its:
                raise ImageError(
                    f"The DICOM segmentation belongs to another {what} than the series.",
                    "Give the segmentation that was drawn on this series.",
                )


def _refuse_what_is_no_volume(headers):
    odd = sorted({str(one.get("Modality", "")) for one in headers} & _NO_VOLUME)
    if odd:
        raise ImageError(
            f"The DICOM files are of the modality {odd[0]}: photographs, projections or results, no slices of a "
            f"patient. {_NOT_WRITTEN}",
            "Give the CT, MR, PET or other series of slices that was explained.",
        )


def _refuse_unnamed(headers):
    for one in headers:
        missing = [what for word, what in NEEDED.items() if not str(one.get(word, ""))]
        if missing:
            raise ImageError(
                f"The DICOM series does not say its {' and its '.join(missing)} (UID). {_NOT_WRITTEN}",
                "Give the series as it came from the scanner or the archive, or write .nii.gz.",
            )


def _refuse_mixed(headers):
    known = {
        "patients": "PatientID", "studies": "StudyInstanceUID", "series": "SeriesInstanceUID",
        "frames of reference": "FrameOfReferenceUID", "modalities": "Modality", "image sizes": "Rows",
        "image widths": "Columns",
    }  # fmt: skip
    for what, word in known.items():
        if len({str(one.get(word, "")) for one in headers}) > 1:
            raise ImageError(
                f"The DICOM files belong to several {what}. {_NOT_WRITTEN}", "Give the files of one series."
            )


def _stack(headers):
    """(slices, grid), both rising along the normal."""
    try:
        slices, turn, spacing, hint = _many_frames(headers[0]) if _has_frames(headers[0]) else _single(headers)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ImageError(
            f"The DICOM series does not say where its slices lie in the patient. {_NOT_WRITTEN}",
            "Give a series of slices with positions, orientations and voxel sizes.",
        ) from error
    normal = np.cross(turn[:3], turn[3:])
    along = np.array([one.place for one in slices]) @ normal
    order = np.argsort(along, kind="stable")
    slices, along = tuple(slices[n] for n in order), along[order]
    gaps = np.diff(along)
    step = float(gaps.mean()) if gaps.size else hint
    places = np.array([one.place for one in slices])
    meant = places[0] + np.arange(len(slices))[:, None] * step * normal
    allowed = 0.1 * min(spacing)
    if step <= 0 or np.linalg.norm(places - meant, axis=1).max() > allowed:
        raise ImageError(
            f"The slices of the DICOM series are no even, upright stack. {_NOT_WRITTEN}",
            "Give a whole series of one time point, without gantry tilt.",
        )
    lps = np.eye(4)
    lps[:3, :3] = np.stack([turn[:3] * spacing[1], turn[3:] * spacing[0], normal * step], axis=1)
    lps[:3, 3] = slices[0].place
    shape = (len(slices), int(headers[0].Rows), int(headers[0].Columns))
    return slices, Grid(shape, _LPS_RAS @ lps, str(headers[0].FrameOfReferenceUID))


def _has_frames(header):
    return "PerFrameFunctionalGroupsSequence" in header


def _single(headers):
    turns = np.array([[float(v) for v in one.ImageOrientationPatient] for one in headers])
    if np.abs(turns - turns[0]).max() > 2e-4:
        raise ValueError("turned against each other")
    slices = [
        Slice(str(one.SOPClassUID), str(one.SOPInstanceUID), np.array(one.ImagePositionPatient, dtype=float))
        for one in headers
    ]
    return slices, turns[0], [float(v) for v in headers[0].PixelSpacing], _thickness(headers[0])


def _many_frames(header):
    places, _ = places_of(header)
    shared = header.SharedFunctionalGroupsSequence[0]
    groups = header.PerFrameFunctionalGroupsSequence

    def group(name):
        return (shared if name in shared else groups[0])[name][0]

    measures = group("PixelMeasuresSequence")
    turn = np.array(group("PlaneOrientationSequence").ImageOrientationPatient, dtype=float)
    slices = [
        Slice(str(header.SOPClassUID), str(header.SOPInstanceUID), place, n) for n, place in enumerate(places, start=1)
    ]
    return slices, turn, [float(v) for v in measures.PixelSpacing], _thickness(measures)


def _thickness(measures):
    return abs(float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 1.0))
