"""A map and the regions of its evidence, as DICOM objects of the series that it explains: all files or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...io.dicom_out.libraries import libraries
from ...io.dicom_out.parametric_map import write_map
from ...io.dicom_out.segments import asked_about, regions_of_evidence, write_regions
from ...io.dicom_out.source import SourceSeries
from ...protocol.errors import CancelledError, SegHiResCamError
from ...protocol.progress import Progress
from ...protocol.requests import WriteAskedDicom, WriteDicom
from ...protocol.resampling import resampled, spread
from ..asked_again import AskedAgain
from ..dicom_objects import write_objects
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ..jobs import Jobs

_CHANGED = "What was asked about has changed since, so neither it nor the question is written."


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

    def write(map_file: Path, regions_file: Path) -> None:
        write_map(map_file, array, cells, facts, series, per=request.per)
        if regions:
            write_regions(regions_file, regions, series.grid, facts, series)

    return {"files": write_objects(request.folder, facts, write), "notes": []}


@answers(WriteAskedDicom)
def write_asked_dicom(request: WriteAskedDicom, jobs: Jobs, tell: Tell) -> dict:
    libraries()
    told = Progress(tell)
    notes: list[str] = []
    told(0.0, "reading the series' headers")
    series = SourceSeries.of_files(request.files)
    series.refuse_other(jobs.image(request.image, told).grid)
    (array, cells), facts = request.map, request.facts
    again, why = _again(request, jobs, told.part(0.1, 0.4))
    told(0.4, "placing the map")
    regions = regions_of_evidence(spread(array, cells, series.grid), facts)
    if again is not None:
        regions.insert(0, asked_about(again.mask(series), facts, again.given))
    told(0.6, "writing")

    def write(map_file: Path, regions_file: Path) -> None:
        asked, reason = None, why
        if regions:
            write_regions(regions_file, regions, series.grid, facts, series)
        if again is not None:
            asked, reason = again.request(request, regions_file)
        notes.extend(filter(None, [reason]))
        write_map(map_file, array, cells, facts | ({"request": asked} if asked else {}), series)

    return {"files": write_objects(request.folder, facts, write), "notes": notes}


def _again(request: WriteAskedDicom, jobs: Jobs, tell: Tell) -> tuple[AskedAgain | None, str]:
    """(what was asked, "") or (None, why it is not known any more): the map itself can be written all the same."""
    try:
        again, *_ = jobs.measured(request, tell, lambda session, tell: AskedAgain.of(session, request, tell))
    except CancelledError:
        raise
    except SegHiResCamError as error:
        return None, f"Neither what was asked about nor the question is written: {error.sentence}"
    return again, "" if again is not None else _CHANGED
