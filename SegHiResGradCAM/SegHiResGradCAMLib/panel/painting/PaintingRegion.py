"""What can be masked out, as the panel offers it; and as the engine is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import vtk

from seghirescam.protocol.recipes import Box, Segment
from seghirescam.protocol.requests import HottestPart

from ...scene.nodes import AttributeNames
from ...scene.nodes.Geometry import arrayFromMatrix, parentToWorld
from ...scene.nodes.Provenance import inputVolumesOf
from ...scene.nodes.SceneNodes import nodesOfClass
from ...scene.overlay.OverlayDisplay import settingsOf
from ...scene.segments.PixelSetReader import pixelSetSteps
from ...schedule.Steps import StepsOf
from ...setup.Translation import _
from ..Option import Option
from ..results.RepeatedQuestion import shownMap

HOTTEST, OUTSIDE, SHOWN, ROI, SEGMENT = "hottest", "outside", "shown", "roi:", "segment:"
#: share of the evidence that the hottest part holds
SHARE = 0.5


def regionOptions(scene: Any, node: Any, segmentation: Any) -> tuple[Option, ...]:
    """The most important region first, then what is coloured, the scene's ROIs, the segmentation's other segments."""
    half = f"{100 * SHARE:.0f} %"
    found = [
        Option(
            HOTTEST,
            _("Most important region ({half})").format(half=half),
            _("The smallest region that holds half the evidence."),
        ),
        Option(
            OUTSIDE,
            _("Most important outside ({half})").format(half=half),
            _("Half the evidence that lies away from the explained pixels."),
        ),
    ]
    share = settingsOf(node).share
    if abs(share - SHARE) > 0.005:
        found.append(
            Option(
                SHOWN,
                _("Coloured region ({percent:.0f} %)").format(percent=100 * share),
                _("What the Evidence slider leaves coloured."),
            )
        )
    for roi in nodesOfClass(scene, "vtkMRMLMarkupsROINode"):
        found.append(
            Option(
                ROI + roi.GetID(),
                _("ROI: {name}").format(name=roi.GetName()),
                _("A box drawn with the Markups module."),
            )
        )
    own = (
        node.GetNodeReference(AttributeNames.SEGMENTATION_ROLE),
        node.GetAttribute(AttributeNames.PREFIX + "SegmentId"),
    )
    for segmentId in segmentation.GetSegmentation().GetSegmentIDs() if segmentation is not None else ():
        if (segmentation, segmentId) != own:
            name = segmentation.GetSegmentation().GetSegment(segmentId).GetName()
            found.append(
                Option(
                    SEGMENT + segmentId,
                    _("Segment: {name}").format(name=name),
                    _("Another segment of the chosen segmentation."),
                )
            )
    return tuple(found)


def regionOf(key: str, scene: Any, results: Any, node: Any, segmentation: Any) -> Any:
    """The ``region`` of :class:`requests.Paint`; of a segment a function that returns a generator."""
    if key.startswith(ROI):
        return _box(scene.GetNodeByID(key.removeprefix(ROI)))
    if key.startswith(SEGMENT):
        steps = partial(pixelSetSteps, segmentation, key.removeprefix(SEGMENT), inputVolumesOf(node)[0])
        return partial(_segmentSteps, steps)
    return HottestPart(shownMap(results, node), settingsOf(node).share if key == SHOWN else SHARE, key == OUTSIDE)


def _segmentSteps(steps: Callable[[], StepsOf[Any]]) -> StepsOf[Segment]:
    return Segment((yield from steps()))


def _box(roi: Any) -> Box:
    """A ROI, turned or not, with the transforms above it."""
    parentToWorld(roi, "ROI")  # refuses a non-linear transform
    matrix, size = vtk.vtkMatrix4x4(), roi.GetSize()
    matrix.DeepCopy(roi.GetObjectToWorldMatrix())
    return Box(arrayFromMatrix(matrix), tuple(size))
