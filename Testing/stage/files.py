"""Files into the scene by Slicer's own storage nodes, as the application's readers do it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import slicer


def readVolume(scene, path, name: str):
    """A scalar volume node from .nrrd, .nii.gz or .mha; raises OSError if it cannot be read."""
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetSingleFile(1)
    return _read(scene, storage, "vtkMRMLScalarVolumeNode", path, name)


def readSegmentation(scene, path, name: str):
    """A segmentation node from a .seg.nrrd file; raises OSError if it cannot be read."""
    return _read(scene, slicer.vtkMRMLSegmentationStorageNode(), "vtkMRMLSegmentationNode", path, name)


def segmentationFromLabels(scene, labels: np.ndarray, volumeNode, names: dict[int, str]):
    """A segmentation node with one segment for each label value; ids and names as given, geometry of the volume."""
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    for value, name in names.items():
        segmentId = segmentation.GetSegmentation().AddEmptySegment(name, name)
        mask = (labels == value).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segmentId, volumeNode)
    return segmentation


def _read(scene, storage, nodeClass, path, name):
    node = scene.AddNewNodeByClass(nodeClass, name)
    storage.SetFileName(str(Path(path)))
    if not storage.ReadData(node):
        scene.RemoveNode(node)
        raise OSError(f"{Path(path).name} could not be read.")
    # the storage node stays outside the scene: a saved bundle then holds the data and no path of this machine
    node.CreateDefaultDisplayNodes()
    return node
