"""The demo case: one button in Slicer's Sample Data module and one in an empty panel. Nothing is downloaded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import slicer
from seghirescam.demo.case import SEGMENTATION_FILE, VOLUME_FILE

from ..nodes.SceneNodes import removeWithOwn

SAMPLE_NAME = "SegHiResGradCAMDemo"
VOLUME_NAME, SEGMENTATION_NAME = "Demo brain", "Demo brain segments"  # no tr
MODEL_FILES = tuple(VOLUME_FILE.with_name(f"{name}.safetensors") for name in ("honest", "shortcut"))
THUMBNAIL_FILE = Path(__file__).resolve().parents[3] / "Resources" / "Icons" / f"{SAMPLE_NAME}.png"


def registerSampleData() -> None:
    """Offers the case, with both demo networks' files, in the Sample Data module; call it when Slicer has started.

    The addresses are file:// ones of this installation: Sample Data copies them into its cache, and copies again when
    the checksum there is another (another version's case).  The nodes come from the copies; the networks are only
    copied, to be picked as model files.
    """
    import SampleData

    files = [path for path in (VOLUME_FILE, SEGMENTATION_FILE, *MODEL_FILES) if path.exists()]
    if VOLUME_FILE not in files or SEGMENTATION_FILE not in files:
        return  # a button that can only fail would be worse than none
    nodeNames = {VOLUME_FILE: VOLUME_NAME, SEGMENTATION_FILE: SEGMENTATION_NAME}
    loadFileTypes = {VOLUME_FILE: "VolumeFile", SEGMENTATION_FILE: "SegmentationFile"}
    logic = SampleData.SampleDataLogic
    logic.registerCustomSampleDataCategory("SegHiResGradCAM", title="Seg-HiRes-Grad CAM")  # no tr
    logic.registerCustomSampleDataSource(
        category="SegHiResGradCAM",
        sampleName=SAMPLE_NAME,
        thumbnailFileName=str(THUMBNAIL_FILE),
        uris=[path.resolve().as_uri() for path in files],
        # the cache is one folder for all extensions
        fileNames=[f"{SAMPLE_NAME}-{path.name}" for path in files],
        checksums=[f"SHA256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files],
        nodeNames=[nodeNames.get(path) for path in files],
        loadFileTypes=[loadFileTypes.get(path) for path in files],
        loadFiles=[path in nodeNames for path in files],
    )


def loadDemoCase(scene: Any) -> Any:
    """Adds the case to the scene: (volume node, segmentation node with Lesion, Ring and Marker).

    Raises OSError if a file is missing or cannot be read; then the scene is as before.
    """
    for path in (VOLUME_FILE, SEGMENTATION_FILE):
        if not path.exists():
            raise OSError(f"The demo case is incomplete: {path.name} is missing. Install the extension again.")
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetSingleFile(1)
    volume = _read(scene, storage, "vtkMRMLScalarVolumeNode", VOLUME_FILE, VOLUME_NAME)
    try:
        storage = slicer.vtkMRMLSegmentationStorageNode()
        segmentation = _read(scene, storage, "vtkMRMLSegmentationNode", SEGMENTATION_FILE, SEGMENTATION_NAME)
    except OSError:
        removeWithOwn(volume)
        raise
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    return volume, segmentation


def _read(scene: Any, storage: Any, nodeClass: str, path: Path, name: str) -> Any:
    # the storage node stays outside the scene: a saved scene then holds the data and no path into the installation
    node = scene.AddNewNodeByClass(nodeClass, scene.GenerateUniqueName(name))
    storage.SetFileName(str(path))
    if not storage.ReadData(node):
        removeWithOwn(node)
        raise OSError(f"The demo case's {path.name} could not be read. Install the extension again.")
    node.CreateDefaultDisplayNodes()
    return node
