"""An overlay as files: .nrrd for the voxels, .json for the facts, .csv for each table about it; all or none."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import tempfile
from pathlib import Path

import numpy as np

import slicer
from seghirescam.errors import GeometryError

from . import Names
from .Attachments import CURVES, NUMBERS, PAINTING, SEGMENTS, aboutLayer
from .Geometry import localMatrix, parentToWorld
from .PaintNode import paintingOf
from .Provenance import explanationFacts
from .TableColumns import writeCsv
from .TrustFacts import trustOf

SUFFIX = ".nrrd"
#: kinds of attached tables that are written, each in a file of its own
_TABLES = (NUMBERS, CURVES, SEGMENTS)


def whyNotExported(volumeNode) -> str:
    """Why a result cannot be exported now, as one sentence with what to do; "" if it can."""
    if volumeNode is None:
        return "There is no result to export: press Apply first."
    if volumeNode.GetImageData() is None:
        return "This result has lost its voxels: press Apply again."
    try:
        parentToWorld(volumeNode, "result")
    except GeometryError as error:
        return f"{error.sentence} {error.hint}"
    return ""


def exportToFolder(volumeNode, folder) -> tuple[Path, ...]:
    """As :func:`exportOverlay`, under a name made of class and layer that no file in the folder has yet."""
    facts = explanationFacts(volumeNode)
    words = "_".join(("map", facts["class_name"], facts["layer"]["name"]))
    stem = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in words)
    taken = {path.name for path in Path(folder).iterdir()}
    names = (stem if n == 1 else f"{stem}_{n}" for n in itertools.count(1))
    ends = (SUFFIX, ".json", *(f"_{kind}.csv" for kind in _TABLES))
    free = next(name for name in names if not {f"{name}{end}" for end in ends} & taken)
    return exportOverlay(volumeNode, Path(folder) / f"{free}{SUFFIX}")


def exportOverlay(volumeNode, path) -> tuple[Path, ...]:
    """Writes ``path`` (.nrrd), the sidecar of the same name (.json) and the tables about this map (_numbers.csv,
    _curves.csv, _segments.csv), as far as there are any; returns all paths, voxels and sidecar first.

    The voxels are the node's (signed, in their unit; 0 below a millionth of the peak) in the frame of the input's file;
    the sidecar holds the parent transform.  No file holds a path, or a name of a node other than of segments.  Existing
    files are replaced only when all new ones are complete.  Raises ValueError for another suffix, OSError if a file
    cannot be written.
    """
    path = Path(path)
    tables = {
        path.with_name(f"{path.stem}_{table.GetAttribute(Names.ATTACHED)}.csv"): table
        for table in aboutLayer(volumeNode, explanationFacts(volumeNode)["layer"]["name"], *_TABLES)
    }
    if path.suffix != SUFFIX:
        raise ValueError(f"The file name must end in {SUFFIX}, got '{path.suffix}'.")
    sidecar = path.with_suffix(".json")
    for target in (path, sidecar, *tables):
        if target.is_dir():
            raise IsADirectoryError(f"{target.name} is a folder; choose another file name.")
    with tempfile.TemporaryDirectory(prefix=".seghirescam-", dir=path.parent) as folder:
        newVoxels, newSidecar = Path(folder) / "map.nrrd", Path(folder) / "map.json"
        _writeVoxels(volumeNode, newVoxels)
        text = json.dumps(_sidecar(volumeNode, newVoxels), indent=2, sort_keys=True, allow_nan=False)
        newSidecar.write_text(text + "\n", encoding="utf-8")
        for target, table in tables.items():
            writeCsv(table, Path(folder) / target.name)
        os.replace(newVoxels, path)
        os.replace(newSidecar, sidecar)
        for target in tables:
            os.replace(Path(folder) / target.name, target)
    return path, sidecar, *tables


def _writeVoxels(volumeNode, path):
    # a copy outside the scene: the node keeps no file name, and the file gets no attribute or name of the node
    copy = slicer.vtkMRMLScalarVolumeNode()
    copy.CopyOrientation(volumeNode)
    copy.SetAndObserveImageData(volumeNode.GetImageData())
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(path))
    storage.SetUseCompression(1)
    if not storage.WriteData(copy) or not path.is_file():
        raise OSError("The voxels could not be written. Is the disk full, or the folder read-only?")


def _sidecar(volumeNode, voxelFile):
    array = slicer.util.arrayFromVolume(volumeNode)
    facts = explanationFacts(volumeNode)
    facts["file"] = {
        "kind": volumeNode.GetAttribute(Names.PREFIX + "Grid"),
        "unit": volumeNode.GetAttribute(Names.PREFIX + "Unit"),
        "shape_kji": list(array.shape),
        "dtype": str(array.dtype),
        "ijk_to_ras": localMatrix(volumeNode).tolist(),
        "parent_to_world": parentToWorld(volumeNode).tolist(),
        "sum": float(array.sum(dtype=np.float64)),
        "sha256": hashlib.sha256(voxelFile.read_bytes()).hexdigest(),
    }
    facts["display"] = json.loads(volumeNode.GetAttribute(Names.SETTINGS) or "{}")
    if trustOf(volumeNode):
        facts["trust"] = trustOf(volumeNode)
    paintings = aboutLayer(volumeNode, facts["layer"]["name"], PAINTING)
    if paintings:
        facts["painted_over"] = [paintingOf(node) for node in paintings]
    return facts
