"""A map and the regions of its evidence, as DICOM objects of the series that it explains: all files or none."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...io.dicom_out.libraries import libraries
from ...io.dicom_out.parametric_map import write_map
from ...io.dicom_out.segments import regions_of_evidence, write_regions
from ...io.dicom_out.source import SourceSeries
from ...protocol.requests import WriteDicom
from ...protocol.resampling import resampled, spread
from ...protocol.writing.claims import OutputError, claim, sweep
from ...protocol.writing.swap import NEW
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ..jobs import Jobs

_SUFFIX, _REGIONS = ".dcm", "_regions.dcm"


@answers(WriteDicom)
def write_dicom(request: WriteDicom, jobs: Jobs, tell: Tell) -> dict:
    libraries()
    tell(0.0, "reading the series' headers")
    series = SourceSeries.of_files(request.files)
    series.refuse_other(request.volume)
    (array, cells), facts = request.map, request.facts
    tell(0.3, "placing the map")
    carried = resampled if request.per else spread
    regions = regions_of_evidence(carried(array, cells, series.grid), facts)
    tell(0.6, "writing")
    place = Path(request.folder)
    stem = re.sub(r"[^\w.-]+", "-", "_".join(("map", facts["class_name"], facts["layer"]["name"])))
    try:
        sweep(place)
        name = next(
            one for one in (stem if n == 1 else f"{stem}_{n}" for n in itertools.count(1))
            if not any(os.path.lexists(place / f"{one}{end}") for end in (_SUFFIX, _REGIONS))
        )  # fmt: skip
        held = claim(place, place / f"{name}{_SUFFIX}")
    except FileNotFoundError as error:
        raise OutputError("The folder for the DICOM objects is not there.", "Choose another one.") from error
    try:
        new = held.prepare()
        write_map(new / f"{name}{_SUFFIX}", array, cells, facts, series, per=request.per)
        names = [f"{name}{_SUFFIX}"]
        if regions:
            names.append(f"{name}{_REGIONS}")
            write_regions(new / names[1], regions, series.grid, facts, series)
        held.swap([(f"{NEW}/{one}", one) for one in names], names)
    finally:
        held.release()
    return {"files": names}
