"""A model's own prediction -> a segmentation node beside the volume, named by the model's classes."""

from __future__ import annotations

import colorsys
import json
from typing import Any

import vtk

import slicer
from seghirescam.protocol.errors import GeometryError

from ...setup.Translation import _
from ..nodes import AttributeNames
from ..nodes.SceneNodes import removeWithOwn
from ..nodes.SubjectHierarchy import placeBeside

_GOLDEN = 0.6180339887498949  # hues that are far apart for every number of classes
_TINTS = ((0.75, 0.95), (0.5, 0.8), (0.95, 0.7))


def addPrediction(scene: Any, maps: Any, volumeNode: Any, name: str, facts: dict) -> Any:
    """Adds the classes that have voxels as segments in the volume's geometry, moving with it; returns the node.

    maps: [labels (an object with ``image``, vtkImageData on the volume's voxels, which becomes the node's), classes
    ({"index", "name", "value", "voxels", "ml"})].  facts: JSON-able, remembered with the node.  Segments are outlines
    in the slice views: a filled one would hide the map.  Raises GeometryError if the volume has another size now.
    """
    size = volumeNode.GetImageData().GetDimensions()
    if any(one.labels.image.GetDimensions() != size for one in maps):
        raise GeometryError(_("The volume has another size than when it was predicted."), _("Ask again."))
    node = slicer.vtkMRMLSegmentationNode()
    node.SetName(scene.GenerateUniqueName(name))
    _fill(node.GetSegmentation(), maps, volumeNode)
    node.SetAttribute(AttributeNames.PREDICTION, json.dumps(facts, sort_keys=True))
    scene.AddNode(node)
    try:
        node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetVisibility2DFill(False)
        placeBeside(node, volumeNode)
    except Exception:
        removeWithOwn(node)
        raise
    return node


def classColor(index: int) -> tuple[float, float, float]:
    """Red, green, blue of a class, the same in every prediction; neighbours differ clearly."""
    saturation, value = _TINTS[index // 3 % len(_TINTS)]
    return colorsys.hsv_to_rgb((0.97 + index * _GOLDEN) % 1.0, saturation, value)


def _fill(segmentation: Any, maps: Any, volumeNode: Any) -> None:
    stored = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    segmentation.SetSourceRepresentationName(stored)
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    for one in maps:
        labelmap = slicer.vtkOrientedImageData()
        labelmap.ShallowCopy(one.labels.image)
        labelmap.SetImageToWorldMatrix(matrix)
        for told in one.classes:
            if told["voxels"]:  # segments of one map share it, as those that the editor paints do
                segment = slicer.vtkSegment()
                segment.SetName(told["name"])
                segment.SetColor(*classColor(told["index"]))
                segment.SetLabelValue(told["value"])
                segment.AddRepresentation(stored, labelmap)
                segmentation.AddSegment(segment, segmentation.GenerateUniqueSegmentID(told["name"]))
