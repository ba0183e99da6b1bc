"""An overlay as files: .nrrd for the voxels, .json for the facts, .csv for each table about it; all or none."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

import slicer
from seghirescam.protocol.errors import GeometryError
from seghirescam.protocol.writing.claims import Claim, claim, sweep
from seghirescam.protocol.writing.swap import NEW

from ...setup.Translation import _
from ..nodes import AttributeNames
from ..nodes.Attachments import ANATOMY, CHANNELS, CURVES, NUMBERS, PAINTING, SEGMENTS, aboutLayer
from ..nodes.Geometry import localMatrix, parentToWorld
from ..nodes.NodeFacts import factsOf
from ..nodes.Provenance import explanationFacts
from ..nodes.TableColumns import writeCsv
from ..nodes.TrustFacts import trustOf
from .CausesTable import causesOf
from .PaintingNode import paintingOf

SUFFIX = ".nrrd"
#: kinds of attached tables that are written, each in a file of its own
_TABLES = (NUMBERS, CURVES, SEGMENTS, CHANNELS, ANATOMY)


def whyNotExported(volumeNode: Any) -> str:
    """Why a result cannot be exported now, as one sentence with what to do; "" if it can."""
    if volumeNode is None:
        return _("There is no result to export: press Apply first.")
    if volumeNode.GetImageData() is None:
        return _("This result has lost its voxels: press Apply again.")
    try:
        parentToWorld(volumeNode, "result")
    except GeometryError as error:
        return f"{error.sentence} {error.hint}"
    return ""


def exportToFolder(volumeNode: Any, folder: Any) -> tuple[Path, ...]:
    """As :func:`exportOverlay`, under a name made of class and layer that no file in the folder has yet."""
    folder = Path(folder)
    facts = explanationFacts(volumeNode)
    words = "_".join(("map", facts["class_name"], facts["layer"]["name"]))
    stem = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in words)
    sweep(folder)
    for name in (stem if n == 1 else f"{stem}_{n}" for n in itertools.count(1)):
        path = folder / f"{name}{SUFFIX}"
        if _isFree(path):
            held = claim(folder, path)
            try:
                if _isFree(path):  # else another Slicer has just written it
                    return _written(volumeNode, path, held)
            finally:
                held.release()
    return ()


def exportOverlay(volumeNode: Any, path: Any) -> tuple[Path, ...]:
    """Writes ``path`` (.nrrd), the sidecar of the same name (.json) and the tables about this map (_numbers.csv,
    _curves.csv, _segments.csv, _channels.csv, _anatomy.csv), as far as there are any; returns all paths, voxels and
    sidecar first.

    The voxels are the node's (signed, in their unit; 0 below a millionth of the peak) in the frame of the input's file;
    the sidecar holds the parent transform, and the SHA-256 of voxels and tables.  No file holds a path, or a name of a
    node other than of segments.  Existing files are replaced together, with the tables of the former map, when all new
    ones are complete; wherever that is interrupted, no sidecar lies beside voxels it does not describe, and the next
    export puts it right.  Raises ValueError for another suffix, OSError if a file cannot be written.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(f"The file name must end in {SUFFIX}, got '{path.suffix}'.")
    sweep(path.parent)
    held = claim(path.parent, path)
    try:
        return _written(volumeNode, path, held)
    finally:
        held.release()


def _written(volumeNode: Any, path: Path, held: Claim) -> tuple[Path, ...]:
    layer = explanationFacts(volumeNode)["layer"]["name"]
    tables = {
        f"{path.stem}_{table.GetAttribute(AttributeNames.ATTACHED)}.csv": table
        for table in aboutLayer(volumeNode, layer, *_TABLES)
    }
    sidecar = path.with_suffix(".json")
    names = [path.name, *tables, sidecar.name]
    for name in names:
        if (path.parent / name).is_dir():
            raise IsADirectoryError(_("{name} is a folder; choose another file name.").format(name=name))
    folder = held.prepare()
    _writeVoxels(volumeNode, folder / path.name)
    for name, table in tables.items():
        writeCsv(table, folder / name)
    facts = _sidecar(volumeNode, folder / path.name) | {"tables": {name: _hashOf(folder / name) for name in tables}}
    text = json.dumps(facts, indent=2, sort_keys=True, allow_nan=False)
    (folder / sidecar.name).write_text(text + "\n", encoding="utf-8")
    away = [sidecar.name, *dict.fromkeys((*tables, *_formerTables(sidecar))), path.name]
    held.swap([(f"{NEW}/{name}", name) for name in names], away)
    return path, sidecar, *(path.parent / name for name in tables)


def _isFree(path: Path) -> bool:
    ends = (SUFFIX, ".json", *(f"_{kind}.csv" for kind in _TABLES))
    return not any(os.path.lexists(path.parent / f"{path.stem}{end}") for end in ends)


def _formerTables(sidecar: Path) -> list[str]:
    """Names of the tables that the map there now wrote, as long as nobody has changed them."""
    try:
        tables = json.loads(sidecar.read_text(encoding="utf-8"))["tables"].items()
        return [n for n, digest in tables if Path(n).name == n and _hashOf(sidecar.parent / n) == digest]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _hashOf(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _writeVoxels(volumeNode: Any, path: Path) -> None:
    # a copy outside the scene: the node keeps no file name, and the file gets no attribute or name of the node
    copy = slicer.vtkMRMLScalarVolumeNode()
    copy.CopyOrientation(volumeNode)
    copy.SetAndObserveImageData(volumeNode.GetImageData())
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(path))
    storage.SetUseCompression(1)
    if not storage.WriteData(copy) or not path.is_file():
        raise OSError("The voxels could not be written. Is the disk full, or the folder read-only?")


def _sidecar(volumeNode: Any, voxelFile: Path) -> dict:
    array = slicer.util.arrayFromVolume(volumeNode)
    facts = dict(explanationFacts(volumeNode))
    facts["file"] = {
        "kind": volumeNode.GetAttribute(AttributeNames.PREFIX + "Grid"),
        "unit": volumeNode.GetAttribute(AttributeNames.PREFIX + "Unit"),
        "shape_kji": list(array.shape),
        "dtype": str(array.dtype),
        "ijk_to_ras": localMatrix(volumeNode).tolist(),
        "parent_to_world": parentToWorld(volumeNode).tolist(),
        "sum": float(array.sum(dtype=np.float64)),
        "sha256": _hashOf(voxelFile),
    }
    facts["display"] = factsOf(volumeNode, AttributeNames.SETTINGS)
    if trustOf(volumeNode):
        facts["trust"] = trustOf(volumeNode)
    paintings = aboutLayer(volumeNode, facts["layer"]["name"], PAINTING)
    if paintings:
        facts["painted_over"] = [paintingOf(node) for node in paintings]
    causes = [found for of in (CHANNELS, ANATOMY) if (found := causesOf(volumeNode, of, facts["layer"]["name"]))]
    if causes:
        facts["causes"] = causes
    return facts
