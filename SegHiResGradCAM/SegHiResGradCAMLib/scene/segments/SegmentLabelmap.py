"""The voxels in which a segment is stored, looked at without copying them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import slicer
from seghirescam.protocol.errors import PixelSetError

from ...schedule.Steps import StepsOf
from ...setup.Translation import _
from ..nodes.Geometry import arrayFromMatrix, localMatrix, matrixFromArray, parentToWorld

#: voxels looked at in one step: a few milliseconds
STEP_VOXELS = 2**21


@dataclass(frozen=True, eq=False)
class SegmentLabelmap:
    """labels [K, J, I]: a view of VTK's memory; the segment is where they equal ``value``.  ijkToLocal: 4x4, mm."""

    labels: np.ndarray
    value: int
    ijkToLocal: np.ndarray

    @staticmethod
    def of(segmentationNode: Any, segmentId: str) -> SegmentLabelmap | None:
        """None where the segment has no binary labelmap, or an empty one."""
        name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
        segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
        image = segment.GetRepresentation(name)
        return None if image is None else _fromImage(image, segment.GetLabelValue())

    def boxSteps(self) -> StepsOf[tuple[np.ndarray, np.ndarray] | None]:
        """Generator; returns (first index, last index) of the box around the segment, None if it has no voxel."""
        thick = max(1, STEP_VOXELS // max(1, self.labels[0].size))
        spans: list[Any] = [None, None, None]
        for start in range(0, len(self.labels), thick):
            inside = self.labels[start : start + thick] == self.value
            yield
            if not inside.any():
                continue
            flat = inside.any(axis=0)
            for axis, found in enumerate((inside.any(axis=(1, 2)), flat.any(axis=1), flat.any(axis=0))):
                places = np.flatnonzero(found) + (start if axis == 0 else 0)
                low, high = spans[axis] or (places[0], places[-1])
                spans[axis] = min(low, places[0]), max(high, places[-1])
            yield
        if spans[0] is None:
            return None
        return np.array([span[0] for span in spans]), np.array([span[1] for span in spans])

    def maskSteps(self, low: Any, high: Any) -> StepsOf[np.ndarray]:
        """Generator; returns the segment in that box, bool."""
        box = self.labels[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))]
        mask = np.empty(box.shape, dtype=bool)
        thick = max(1, STEP_VOXELS // box[0].size)
        for start in range(0, len(box), thick):
            np.equal(box[start : start + thick], self.value, out=mask[start : start + thick])
            yield
        return mask


def labelmapOf(segmentationNode: Any, segmentId: str, volumeNode: Any) -> SegmentLabelmap | None:
    """A segment's labelmap as it is stored, or converted (:func:`convertedLabelmap`); None if nothing is drawn."""
    stored = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    if segmentationNode.GetSegmentation().ContainsRepresentation(stored):
        return SegmentLabelmap.of(segmentationNode, segmentId)
    return convertedLabelmap(segmentationNode, segmentId, volumeNode)


def labelmapStamp(segmentationNode: Any, segmentId: str) -> tuple:
    """Changes when the segment is painted, replaced or removed."""
    segmentation, labelmap = segmentationNode.GetSegmentation(), None
    if segmentId in segmentation.GetSegmentIDs():
        name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
        labelmap = segmentation.GetSegment(segmentId).GetRepresentation(name)
    return segmentation.GetMTime(), labelmap.GetMTime() if labelmap is not None else 0


def convertedLabelmap(segmentationNode: Any, segmentId: str, volumeNode: Any) -> SegmentLabelmap | None:
    """The labelmap of a segment that is stored otherwise (as a surface, say), converted in the volume's geometry.

    On a copy that nobody else sees.  None if nothing is drawn.  Raises PixelSetError.
    """
    segmentation = segmentationNode.GetSegmentation()
    labelmapName = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    surfaceName = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    segment = segmentation.GetSegment(segmentId)
    surface = segment.GetRepresentation(surfaceName)
    if segment.GetRepresentation(segmentation.GetSourceRepresentationName()) is None:
        return None
    if surface is not None and surface.GetNumberOfPoints() == 0:
        return None
    copy = slicer.vtkSegmentation()
    copy.SetSourceRepresentationName(segmentation.GetSourceRepresentationName())
    copy.CopyConversionParameters(segmentation)
    copy.CopySegmentFromSegmentation(segmentation, segmentId)
    toWorld = parentToWorld(segmentationNode, "segmentation")
    volumeToSegmentation = np.linalg.inv(toWorld) @ parentToWorld(volumeNode) @ localMatrix(volumeNode)
    geometry = slicer.vtkSegmentationConverter.SerializeImageGeometry(
        matrixFromArray(volumeToSegmentation), volumeNode.GetImageData()
    )
    copy.SetConversionParameter(slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName(), geometry)
    converted = None
    if copy.CreateRepresentation(labelmapName):
        converted = copy.GetSegment(segmentId).GetRepresentation(labelmapName)
    if converted is None:
        raise PixelSetError(
            _("The segment '{name}' has no binary labelmap and could not be converted to one.").format(
                name=segment.GetName()
            ),
            _("Create the representation in the Segmentations module."),
        )
    return _fromImage(converted, copy.GetSegment(segmentId).GetLabelValue())


def _fromImage(image: Any, value: int) -> SegmentLabelmap | None:
    extent = image.GetExtent()
    shape = tuple(extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in (2, 1, 0))
    scalars = image.GetPointData().GetScalars()
    if min(shape) < 1 or scalars is None:
        return None
    shift = np.eye(4)
    shift[:3, 3] = extent[0], extent[2], extent[4]  # array index 0 is extent's lower end, not IJK 0
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return SegmentLabelmap(vtk_to_numpy(scalars).reshape(shape), value, arrayFromMatrix(matrix) @ shift)
