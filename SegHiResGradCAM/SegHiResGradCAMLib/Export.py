"""An overlay as files: .nrrd for the voxels, .json for everything else; both or neither."""

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
from .Geometry import localMatrix, parentToWorld
from .Provenance import explanationFacts

SUFFIX = ".nrrd"


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


def exportToFolder(volumeNode, folder) -> tuple[Path, Path]:
    """As :func:`exportOverlay`, under a name made of class and layer that no file in the folder has yet."""
    facts = explanationFacts(volumeNode)
    words = "_".join(("map", facts["class_name"], facts["layer"]["name"]))
    stem = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in words)
    taken = {path.name for path in Path(folder).iterdir()}
    names = (stem if n == 1 else f"{stem}_{n}" for n in itertools.count(1))
    free = next(name for name in names if not {f"{name}{SUFFIX}", f"{name}.json"} & taken)
    return exportOverlay(volumeNode, Path(folder) / f"{free}{SUFFIX}")


def exportOverlay(volumeNode, path) -> tuple[Path, Path]:
    """Writes ``path`` (.nrrd) and the sidecar of the same name (.json); returns both paths.

    The voxels are the node's (signed, in their unit; 0 below a millionth of the peak) in the frame of the input's file;
    the sidecar holds the parent transform.  Neither file holds a path or the name of any node.  Existing files are
    replaced only when both new ones are complete.  Raises ValueError for another suffix, OSError if a file cannot be
    written.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(f"The file name must end in {SUFFIX}, got '{path.suffix}'.")
    sidecar = path.with_suffix(".json")
    for target in (path, sidecar):
        if target.is_dir():
            raise IsADirectoryError(f"{target.name} is a folder; choose another file name.")
    with tempfile.TemporaryDirectory(prefix=".seghirescam-", dir=path.parent) as folder:
        newVoxels, newSidecar = Path(folder) / "map.nrrd", Path(folder) / "map.json"
        _writeVoxels(volumeNode, newVoxels)
        text = json.dumps(_sidecar(volumeNode, newVoxels), indent=2, sort_keys=True, allow_nan=False)
        newSidecar.write_text(text + "\n", encoding="utf-8")
        os.replace(newVoxels, path)
        os.replace(newSidecar, sidecar)
    return path, sidecar


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
    return facts
