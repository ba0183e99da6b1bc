"""A painting over, to be seen: the region, and what the model drew before and after, as outlines beside the map."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

import slicer

from ...schedule.Steps import StepsOf
from ...setup.Translation import _
from ..nodes import AttributeNames
from ..nodes.Attachments import PAINTING, aboutLayer, attach, attachedTo, replacing
from ..nodes.Geometry import matrixFromArray, parentToWorld
from ..nodes.NodeFacts import factsOf
from ..nodes.Provenance import explanationFacts
from ..segments.SegmentLabelmap import SegmentLabelmap
from ..volumes.Voxels import Voxels

#: of the answer: segment's name and colour, all far from those of the maps
_SEGMENTS = (
    ("region", _("Masked out"), (1.0, 1.0, 1.0)),
    ("before", _("{name} before"), (0.3, 1.0, 0.3)),
    ("after", _("{name} after"), (0.0, 0.9, 1.0)),
)


def paintingSteps(scene: Any, answer: dict, volumeNode: Any, name: str) -> StepsOf[Any]:
    """Generator for Steps; returns a segmentation node that is not in the scene yet, for :func:`addPainting`.

    answer: the worker's, with ``region``, ``before``, ``after`` (voxels, grid in world mm) and ``painting``.  What has
    no voxel gets no segment.  Voxels are cut to what is drawn: the image's own size would be kept three times.
    """
    node = slicer.vtkMRMLSegmentationNode()
    toLocal = np.linalg.inv(parentToWorld(volumeNode))
    stored = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    node.GetSegmentation().SetSourceRepresentationName(stored)
    for key, title, color in _SEGMENTS:
        mask = SegmentLabelmap(answer[key].voxels.array, 1, np.eye(4))
        box = yield from mask.boxSteps()
        if box is None:
            continue
        inside = yield from mask.maskSteps(*box)
        held = Voxels(inside.shape, np.uint8)
        held.array[...] = inside
        matrix = toLocal @ answer[key].grid.ijk_to_ras
        matrix[:3, 3] += matrix[:3, :3] @ box[0][::-1]
        labelmap = slicer.vtkOrientedImageData()
        labelmap.ShallowCopy(held.image)
        labelmap.SetImageToWorldMatrix(matrixFromArray(matrix))
        segment = slicer.vtkSegment()
        segment.SetName(title.format(name=name))
        segment.SetColor(*color)
        segment.AddRepresentation(stored, labelmap)
        node.GetSegmentation().AddSegment(segment, key)
    return node


def addPainting(scene: Any, node: Any, facts: dict, volumeNode: Any, overlay: Any, layerName: str) -> Any:
    """Puts the node of :func:`paintingSteps` beside the overlay, in place of a former painting of the same region.

    facts: the worker's ``painting``, remembered with the node.
    """
    same = [one for one in aboutLayer(overlay, layerName, PAINTING) if paintingOf(one)["region"] == facts["region"]]
    node.SetName(
        same[-1].GetName()
        if same
        else scene.GenerateUniqueName(_("Masked out: {region}").format(region=facts["region"]))
    )
    node.SetAttribute(AttributeNames.PAINTING, json.dumps(facts, sort_keys=True, allow_nan=False))
    with replacing(same) as made:
        scene.AddNode(node)
        made.append(node)
        node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetVisibility2DFill(False)  # a filled one would hide the map
        display.SetSliceIntersectionThickness(2)
        display.SetVisibility3D(False)
        attach(node, overlay, PAINTING, layerName)
    return node


def hidePaintings(overlay: Any, but: Any = None) -> None:
    """Takes paintings out of the views that are not about the map that is shown. but: the only one of these to stay."""
    layerName = explanationFacts(overlay)["layer"]["name"]
    mine = aboutLayer(overlay, layerName, PAINTING)
    stay = mine if but is None else [node for node in mine if node is but]
    for node in overlay.GetScene().GetNodes():
        if (
            node.GetAttribute(AttributeNames.ATTACHED) == PAINTING
            and node not in stay
            and node.GetDisplayNode() is not None
        ):
            node.GetDisplayNode().SetVisibility(False)


def paintingOf(node: Any) -> dict:
    """The facts that a painting's node remembers."""
    return factsOf(node, AttributeNames.PAINTING)


def latestPainting(overlay: Any) -> Any:
    """The node of the last painting that goes with an overlay, None without one."""
    found = attachedTo(overlay, PAINTING)
    return found[-1] if found else None
