"""One explanation as files: the map, a JSON sidecar with everything but the voxels, and the pixel set it is about."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..io.dicom_series import sop_class as is_dicom
from ..io.file_content import hash_of
from ..io.label_maps import read_labels
from ..io.volumes import read_volume, write_volume
from ..protocol.display.map_grids import INPUT, LAYER, QUARTER, map_grid
from ..protocol.errors import ImageError, PixelSetError
from ..protocol.explanation import Explanation, PlacedMap
from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.resampling import resampled, spread
from .dicom.dicom_files import DicomFiles
from .manifest import read_manifest, write_json
from .outputs import MAPS, OutputError, swept

FORMAT = "seghirescam-explanation-1"
#: of a segmentation that belongs to a map: the pixel set
_FIRST = "1"


def map_name(number: int, explanation: Explanation, suffix: str) -> str:
    """Order, layer and method; names of classes and segments stay inside the sidecar."""
    return re.sub(r"[^\w.-]+", "-", f"{number:02d}_{explanation.layer.name}_{explanation.method}") + suffix


def write_result(
    folder: Path, name: str, suffix: str, explanation, on_image: PlacedMap, more: dict, dicom: DicomFiles | None = None
) -> dict:  # fmt: skip
    """Map and sidecar; returns the facts. on_image: the density on the image's grid.  dicom: writes the map.

    Which one is written, the question in ``more`` says (:mod:`map_grids`).
    """
    kind = more["request"]["question"]["grid"]
    placed = _asked(kind, explanation, on_image)
    array, grid = (explanation.map, explanation.grid) if placed is None else (placed.array, placed.grid)
    about = explanation.to_json()
    if dicom is None:
        digest = write_volume(folder / name, array, grid)
    else:
        digest = dicom.write_map(folder / name, array, grid, about | more, kind)
    facts = about | {
        "file": {
            "name": name,
            "kind": kind,
            "unit": explanation.unit if placed is None else placed.unit,
            "shape_kji": list(array.shape),
            "dtype": str(array.dtype),
            **{key: value for key, value in grid.to_json().items() if key != "shape_kji"},
            "sum": float(array.sum(dtype=np.float64)),
            "sha256": digest,
        },
        **more,
    }
    return write_json(folder / f"{name.removesuffix(suffix)}.json", facts)


def _asked(kind: str, explanation: Explanation, on_image: PlacedMap) -> PlacedMap | None:
    """None: the layer's cells."""
    target = map_grid(kind, explanation.grid, on_image.grid)
    return on_image if kind == INPUT else target and explanation.resampled_to(target)


@dataclass(frozen=True, eq=False)
class Stored:
    """One result read back. folder: where its files lie."""

    folder: Path
    facts: dict

    def density_on(self, grid: Grid) -> tuple[np.ndarray, str]:
        """(map per ml on that grid, its unit), from whichever form was written. Raises ImageError, OutputError."""
        path = self.folder / self.facts["file"]["name"]
        stored = _as_image(read_volume(path), grid)
        if hash_of(path) != self.facts["file"]["sha256"]:
            raise OutputError(f"'{path.name}' is not the map its sidecar describes.", "Run explain again.")
        unit = self.facts["file"]["unit"]
        if self.facts["file"]["kind"] == LAYER:
            return spread(stored.array[0], stored.grid, grid), f"{unit}/{grid.volume_unit}"
        if self.facts["file"]["kind"] == QUARTER:
            return resampled(stored.array[0], stored.grid, grid), unit
        if not stored.grid.same_as(grid, 1e-2):
            raise ImageError("The image lies on another grid than the map.", "Give the image that was explained.")
        return stored.array[0], unit

    def mask(self, grid: Grid) -> np.ndarray:
        """Bool [K, J, I]: the pixel set on the image's grid."""
        path = self.folder / self.facts["pixel_set_file"]
        if is_dicom(path):
            return read_labels(path, grid).pixel_set(_FIRST).on(grid).weights > 0
        stored = read_volume(path)
        if not stored.grid.same_as(grid, 1e-2):
            raise PixelSetError(
                "The image lies on another grid than the pixel set.", "Give the image that was explained."
            )
        return stored.array[0] > 0


def _as_image(stored: Image, grid: Grid) -> Image:
    """Frames of a DICOM map rise along their normal; where the image's slices run the other way, so does the map."""
    turned = stored.grid.strided((-1, 1, 1), (stored.grid.shape[0] - 1, 0, 0), stored.grid.shape)
    if stored.grid.same_as(grid, 1e-2) or not turned.same_as(grid, 1e-2):
        return stored
    return Image(stored.array[:, ::-1], turned)


def read_sidecar(path: Path) -> Stored:
    """Raises OutputError for what is no sidecar of ours."""
    return _read(swept(Path(path)))


def _read(path):
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        good = facts["format"] == FORMAT and {"file", "request", "pixel_set_file"} <= facts.keys()
    except (OSError, ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise OutputError(
            f"'{path.name}' is no sidecar that 'seghirescam explain' wrote.", "Name one of its .json files."
        )
    return Stored(path.parent, facts)


def read_results(path: Path) -> list[Stored]:
    """The result of a sidecar, or all results of a folder, in the order in which they were written."""
    path = swept(Path(path))
    if not path.is_dir():
        return [_read(path)]
    run, found = read_manifest(path), []
    for file in (*sorted(path.glob("*.json")), *sorted((path / MAPS).glob("*.json"))):
        name = file.relative_to(path).as_posix()
        if run is not None and name in run.files and not run.holds(path, name):
            raise OutputError(f"'{file.name}' is not what the run in this folder wrote.", "Run the command again.")
        try:
            found += [_read(file)] if run is None or name in run.files else []
        except OutputError:
            continue
    if len({stored.facts["request"].get("weights_sha256") for stored in found}) > 1:
        raise OutputError("The folder holds maps of more than one model.", "Name one of its .json files.")
    if not found:
        raise OutputError(
            "The folder holds no result of 'seghirescam explain'.", "Name the folder given to it as --out."
        )
    return found
