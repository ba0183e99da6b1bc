"""Parametric maps of ours that came back from an archive, as the explanations they were made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...io.dicom_maps import explanation_of, is_parametric_map, sources_of
from ...protocol.errors import ImageError
from ...protocol.requests import ReadDicom
from ..results import written
from . import answers

if TYPE_CHECKING:
    from ...protocol.progress import Tell
    from ..jobs import Jobs


@answers(ReadDicom)
def read_dicom(request: ReadDicom, jobs: Jobs, tell: Tell) -> dict:
    tell(0.0, "looking for maps")
    folder, known, found, others = Path(request.folder), set(request.instances), [], 0
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    for file in (one for one in inside if is_parametric_map(one)):
        tell(0.1, "reading maps")
        if not known & sources_of(file):
            others += 1
            continue
        try:
            found.append(explanation_of(file))
        except ImageError:
            others += 1  # somebody else's
    if not found:
        raise ImageError(
            "The folder holds no parametric map of ours that explains this volume's series.",
            "Choose the folder with the maps, and the volume that they explain.",
        )
    with jobs.writing() as save:
        return {"explanations": written(found, [], save), "of_others": others}
