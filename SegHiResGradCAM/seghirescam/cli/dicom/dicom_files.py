"""The results of one run as DICOM objects of the series that was explained: one series of maps, one of regions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...io.dicom_out.source import SourceSeries
from ...protocol.display.map_grids import LAYER
from ...protocol.errors import ImageError
from ...protocol.grid import Grid
from ...protocol.privacy import DICOM_SENTENCE
from ..outputs import DICOM

#: how the files of --format dicom end
SUFFIX = ".dcm"
#: behind a map's name: the segmentation that belongs to it
REGIONS = "_regions"


def suffix_of(word: str) -> str:
    """How the files of a --format end."""
    return SUFFIX if word == DICOM else f".{word}"


class DicomFiles:
    """series: what the objects belong to."""

    def __init__(self, series: SourceSeries):
        from ...io.dicom_out.libraries import libraries

        hd, _ = libraries()
        self.series = series
        self._maps, self._regions, self._number = hd.UID(), hd.UID(), 0

    @staticmethod
    def of(options, channels: Sequence[str], grid: Grid, console) -> DicomFiles | None:
        """Of an open case; None where no DICOM is asked for. Raises ImageError, GeometryError.

        channels: of the model.  grid: of the image.
        """
        if getattr(options, "format", "") != DICOM:
            return None
        from ...io.dicom_out.frames import refuse_unholdable
        from ..inputs import assigned, in_colour

        refuse_unholdable(grid)
        paths = options.image if in_colour(options.image, channels) else assigned(options.image, channels)
        found = series_at(paths[0])
        found.refuse_other(grid)
        refuse_other_patients(options, found)
        console.note(DICOM_SENTENCE)
        return DicomFiles(found)

    def write_map(self, path: Path, array: np.ndarray, grid: Grid, facts: dict, kind: str) -> str:
        """kind: one of :mod:`map_grids`. Returns the file's SHA-256; raises as :func:`parametric_map.write_map`."""
        from ...io.dicom_out.parametric_map import write_map

        self._number += 1
        per = "" if kind == LAYER else "ml"
        return write_map(path, array, grid, facts, self.series, per=per, uid=self._maps, number=self._number)

    def write_regions(self, path: Path, mask: np.ndarray, density: np.ndarray, grid: Grid, facts: dict, more=()) -> str:
        """The pixel set, and where its evidence lies. more: other regions."""
        from ...io.dicom_out.segments import asked_about, regions_of_evidence, write_regions

        regions = [asked_about(mask, facts), *regions_of_evidence(density, facts), *more]
        return write_regions(path, regions, grid, facts, self.series, uid=self._regions, number=max(self._number, 1))


def regions_name(name: str) -> str:
    """The file of a map's regions."""
    return f"{Path(name).name.removesuffix(SUFFIX)}{REGIONS}{SUFFIX}"


def series_at(text: str) -> SourceSeries:
    """Of the words after --image. Raises ImageError."""
    from ...io.volumes import exists, series_of

    path = text if exists(text) else re.sub(r"^[^=]*=", "", text)
    folder, number = series_of(path)
    return SourceSeries.read(folder or path, number)


def refuse_before(options) -> None:
    """Before anything is opened: an image that is no DICOM, a segment of somebody else's. Raises ImageError."""
    if getattr(options, "format", "") != DICOM:
        return
    from ...io.dicom_out.libraries import libraries
    from ...io.dicom_series import sop_class
    from ...io.volumes import exists, series_of

    libraries()
    paths = [text if exists(text) else re.sub(r"^[^=]*=", "", text) for text in options.image]
    for path in paths:
        if exists(path) and series_of(path)[0] is None and not sop_class(path):
            raise ImageError(
                f"'{Path(path).name}' is no DICOM, so it belongs to no patient's study, and no DICOM object can be "
                "written for it.",
                "Give the folder with the DICOM series as --image, or write .nii.gz.",
            )


def refuse_other_patients(options, series: SourceSeries) -> None:
    """Of a segment that is DICOM."""
    from ...io.dicom_seg import segmentation_file
    from ...io.label_maps import split_label

    file = segmentation_file(split_label(options.segment)[0]) if getattr(options, "segment", None) else None
    if file is not None:
        series.refuse_other_patient(file)
