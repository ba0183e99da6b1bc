"""One explanation as a file, and back: a volume with its sidecar, or a picture."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from ..io.volumes import MAP_SUFFIXES, read_volume, write_volume
from ..protocol.display.map_grids import INPUT, LAYER, QUARTER, map_grid
from ..protocol.errors import SegHiResCamError
from ..protocol.explanation import USUAL_UNIT, Explanation, LayerInfo
from ..protocol.grid import Grid
from ..protocol.value import Value
from ..protocol.writing.claims import OutputError, claim

FORMAT = "seghirescam-explanation-1"
#: the words of a sidecar (:mod:`map_grids`)
_KINDS = {"image": INPUT, "quarter": QUARTER, "layer": LAYER}
_PICTURES = (".png", ".pdf", ".svg")


def write(shown, path, grid: str, overwrite: bool, look: dict) -> Path:
    """All files or none; see :meth:`shown.Explanation.save`."""
    path = Path(path)
    ends = [one for one in (*MAP_SUFFIXES, *_PICTURES) if path.name.lower().endswith(one)]
    if not ends or path.name.lower() == ends[0]:
        raise OutputError(
            f"'{path.name}' has no ending that is written.", f"Known: {', '.join((*MAP_SUFFIXES, *_PICTURES))}."
        )
    if grid not in _KINDS:
        raise OutputError(f"A map lies on no grid called {grid!r}.", "Write 'image', 'quarter' or 'layer'.")
    suffix = ends[0]
    sidecar = path.with_name(path.name[: -len(suffix)] + ".json")
    files = [path] if suffix in _PICTURES else [path, sidecar]
    there = [file.name for file in files if file.exists()]
    if there and not overwrite:
        raise OutputError(f"'{there[0]}' is already there.", "Give another name, or overwrite=True.")
    try:
        held = claim(path.parent, path)
    except OSError as error:
        if isinstance(error, SegHiResCamError):
            raise
        raise OutputError(f"Nothing can be written to the folder of '{path.name}'.", "Choose another one.") from error
    try:
        new = held.prepare()
        if suffix in _PICTURES:
            from ..figures.map_figure import save

            figure = shown.plot(**look)
            save(figure, new / path.name, look.get("dpi", 150))
        else:
            _write_map(shown, new, path.name, sidecar.name, grid)
        # the sidecar seals the pair
        held.swap([(f"new/{file.name}", file.name) for file in files], [file.name for file in reversed(files)])
    finally:
        held.release()
    return path


def _write_map(shown, folder, name, sidecar, grid):
    if grid == "layer":
        array, where, unit = shown.map, shown.grid, shown.unit
    else:
        placed = shown.resampled_to(map_grid(_KINDS[grid], shown.grid, shown._image().grid))
        array, where, unit = placed.array, placed.grid, placed.unit
    write_volume(folder / name, array, where)
    facts = shown.to_json()
    facts["file"] = {
        "name": name,
        "kind": _KINDS[grid],
        "unit": unit,
        "shape_kji": list(array.shape),
        "dtype": str(array.dtype),
        **{key: value for key, value in where.to_json().items() if key != "shape_kji"},
        "sum": float(array.sum(dtype=np.float64)),
        "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
    }
    (folder / sidecar).write_text(json.dumps(facts, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read(path) -> Explanation:
    """The explanation without its image; a map that is no layer's own comes back with one cell a voxel, and says so."""
    facts, file = _facts(Path(path))
    try:
        stored = read_volume(file)
        if hashlib.sha256(file.read_bytes()).hexdigest() != facts["file"]["sha256"]:
            raise OutputError(f"'{file.name}' is not the map its sidecar describes.", "Ask again.")
        return _explanation(facts, stored)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, SegHiResCamError):
            raise
        raise OutputError(f"The sidecar of '{file.name}' is damaged.", "Ask again.") from error


def _facts(path):
    """(facts of the sidecar, the map's file)"""
    suffix = next((one for one in MAP_SUFFIXES if path.name.lower().endswith(one)), None)
    sidecar = path if suffix is None else path.with_name(path.name[: -len(suffix)] + ".json")
    try:
        facts = json.loads(sidecar.read_text(encoding="utf-8"))
        if facts["format"] != FORMAT:
            raise ValueError
        name = str(facts["file"]["name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"'{sidecar.name}' is no sidecar of an explanation.", "Give a map that was saved, its .json beside it."
        ) from error
    # the name in the file is its own folder's: what leads elsewhere is not followed
    return facts, sidecar.parent / Path(name).name


def _explanation(facts, stored):
    grid, array, notes = stored.grid, stored.array[0].astype(np.float32, copy=False), list(facts["notes"])
    if "ijk_to_pixels" in facts["file"]:
        grid = Grid.from_json({**facts["file"], "shape_kji": array.shape})
    if facts["file"]["kind"] != LAYER:
        array = (array * grid.voxel_volume).astype(np.float32)
        on = "quarters of cells" if facts["file"]["kind"] == QUARTER else "the image's grid"
        notes.append(f"Read from a map on {on}: each of its voxels is a cell, and they add up to the total.")
    layer = facts["layer"]
    size = layer.get("mm_per_cell_kji") or layer.get("pixels_per_cell_kji")
    unit = "pixels" if layer.get("pixels_per_cell_kji") else "mm"
    info = LayerInfo(
        name=layer["name"], channels=layer["channels"], cells=tuple(layer["cells_kji"]),
        stride=tuple(layer["stride_kji"]), part=layer["part"], main=False, placement=layer["placement"],
        mm_per_cell=None if size is None else tuple(size), length_unit=unit,
    )  # fmt: skip
    numbers = {
        name: Value(
            one["value"], one["unit"], one["status"], one["chance"], one["note"], over=one.get("chance_over", "")
        )
        for name, one in facts.get("numbers", {}).items()
    }
    words = (
        "unit", "score", "method", "method_title", "class_index", "class_name", "score_title", "side", "status",
        "reason", "provenance",
    )  # fmt: skip
    return Explanation(
        map=array, grid=grid, layer=info, pixel_set_label=facts["pixel_set"], notes=tuple(notes), numbers=numbers,
        **{word: facts[word] for word in words}, score_unit=facts.get("score_unit", USUAL_UNIT),
    )  # fmt: skip
