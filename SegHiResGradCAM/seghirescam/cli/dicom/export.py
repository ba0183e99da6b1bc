"""Results that lie on disk -> DICOM objects of the series they explain."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import fill
from types import SimpleNamespace

from ...io.file_content import hash_of
from ...protocol.errors import ImageError
from ...protocol.privacy import DICOM_SENTENCE
from ..inputs import refuse_absent
from ..outputs import OutputError, into_folder
from ..sidecars import read_results
from .dicom_files import SUFFIX, DicomFiles, regions_name, series_at

HELP = "Write what 'seghirescam explain', 'paint' or 'flip' wrote as DICOM objects of the series that was explained."
MORE = fill(
    f"""One parametric map for each map, on the grid on which it was stored, and one segmentation with the pixel set,
the smallest regions with 50, 80 and 95 % of the evidence, and what was masked out or the smallest flip that was
found. {DICOM_SENTENCE}""",
    112,
)
EXAMPLE = "seghirescam export why/ --image ct_series/ --out dicom/"
#: what 'paint' and 'flip' write beside their map
_PAINTING, _PAINTED = "result.json", "region"


def add_arguments(parser) -> None:
    parser.add_argument(
        "result", type=Path, metavar="SIDECAR|FOLDER", help="a .json of 'seghirescam explain', or its whole folder"
    )
    parser.add_argument(
        "--image", required=True, metavar="SERIES",
        help="the folder with the DICOM series that was explained (FOLDER#2: its second one); of a model with several "
        "channels, that of the first",
    )  # fmt: skip
    writing = parser.add_argument_group("result")
    writing.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="folder for all of it")
    writing.add_argument(
        "--overwrite", action="store_true", help="replace the run that the folder holds; other files stay"
    )


@into_folder
def run(options, console, place) -> int:
    from ...io.dicom_out.libraries import libraries
    from ...io.volumes import read_volume

    libraries()
    results = _results(options.result)
    refuse_absent([options.image])
    series = series_at(options.image)
    console.note(DICOM_SENTENCE)
    console.progress(0.0, "reading the series")
    image = read_volume(options.image)
    _refuse_other_image(results, image)
    files, told = DicomFiles(series), []
    first = results[0].facts
    model = SimpleNamespace(kind=first["provenance"]["model_kind"], name=first["provenance"]["model"])
    request = {"maps": [one.facts["file"]["sha256"] for one in results], "image_sha256": image.content_hash}
    hashes: dict[str, str] = {}
    with place.filled("export", request, model, hashes) as folder:
        for n, stored in enumerate(results):
            console.progress(n / len(results), "writing")
            told += _write(files, stored, image.grid, folder, hashes)
    console.progress(1.0, "writing")
    console.answer({"files": told}, f"Written: {', '.join(told)}.")
    return 0


def _results(path):
    """Raises OutputError, also for a painting whose map lies elsewhere."""
    try:
        return read_results(path)
    except OutputError:
        if next(path.glob(f"{_PAINTED}.*"), None) is None or not (path / _PAINTING).is_file():
            raise
        raise OutputError(
            "The folder holds what was masked out, but no map: none was made for it.",
            "Run its command again without --map (paint: with --region most-important): the folder then holds both.",
        ) from None


def _refuse_other_image(results, image):
    """The voxels are the proof; places alone would let another phase of the same scan pass."""
    for stored in results:
        if stored.facts["request"]["channels"][0]["sha256"] != image.content_hash:
            raise ImageError(
                f"The series is not the image that '{stored.facts['file']['name']}' explains (its hash differs).",
                "Give the DICOM series that was given to 'explain'; what was explained as NIfTI or another file "
                "is to be explained again from the series.",
            )


def _write(files, stored, grid, folder, hashes):
    """The names of the files written for one result."""
    from ...io.volumes import read_volume

    facts = stored.facts
    if facts["status"] == "nonfinite":
        raise OutputError(
            f"'{facts['file']['name']}' holds values that are no numbers.", "Leave it out: name the others' .json."
        )
    density, mask = stored.density_on(grid)[0], stored.mask(grid)
    name = f"{Path(facts['file']['name']).name.split('.nii')[0].removesuffix('.nrrd').removesuffix(SUFFIX)}{SUFFIX}"
    kind = facts["file"]["kind"]
    own = read_volume(stored.folder / facts["file"]["name"])
    hashes[name] = files.write_map(folder / name, own.array[0], own.grid, facts, kind)
    regions = folder / regions_name(name)
    hashes[regions.name] = files.write_regions(regions, mask, density, grid, facts, _painted(stored, grid))
    return [name, regions.name]


def _painted(stored, grid):
    """What was masked out, where the result is that of 'paint' or 'flip'. Raises OutputError for another region than
    theirs."""
    from ...io.dicom_out.segments import painted_over, smallest_flip
    from ...io.volumes import read_volume

    try:
        about = json.loads((stored.folder / _PAINTING).read_text(encoding="utf-8"))
        name, digest = next(one for one in about["files"].items() if one[0].startswith(f"{_PAINTED}."))
        flips = bool(about["painting"]["flips"])
        found = [one["order"] for one in about.get("flips", ()) if one["found"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return ()
    path = stored.folder / Path(name).name
    if not path.is_file() or hash_of(path) != digest:
        raise OutputError(
            f"'{path.name}' is not the region that '{_PAINTING}' tells of.", "Run the command that wrote it again."
        )
    region = read_volume(path)
    if not region.grid.same_as(grid, 1e-2):
        return ()
    mask = region.array[0] > 0
    return (smallest_flip(mask, found[0]) if found else painted_over(mask, flips),)
