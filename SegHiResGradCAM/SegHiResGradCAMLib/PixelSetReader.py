"""A segment -> PixelSet in a volume's grid."""

from __future__ import annotations

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import slicer
from seghirescam.errors import EmptyPixelSetError, PixelSetError
from seghirescam.geometry import Grid
from seghirescam.protocol import PixelSet

from .Geometry import arrayFromMatrix, gridOfVolume, localMatrix, matrixFromArray, parentToWorld

_SLAB = 16  # slices resampled at a time where the grids are turned against each other: bounds the memory


def readPixelSet(segmentationNode, segmentId: str, volumeNode) -> PixelSet:
    """The voxels of ``volumeNode`` whose centres lie in the segment (nearest neighbour, as Slicer itself exports).

    Segmentations in another geometry, overlapping segments, parent transforms on both nodes and segments that are only
    a surface are all right.  The segmentation node is not changed: no representation or node is added.
    Raises PixelSetError (unknown segment, outside the volume, between its voxels), EmptyPixelSetError (no voxels),
    GeometryError (non-linear transform).
    """
    segment = _segment(segmentationNode, segmentId)
    name = segment.GetName()
    grid = gridOfVolume(volumeNode)
    toWorld = parentToWorld(segmentationNode, "segmentation")
    mask, ijkToLocal = _binaryLabelmap(segmentationNode, segmentId, name, volumeNode, toWorld)
    if not mask.any():
        raise EmptyPixelSetError(f"The segment '{name}' is empty.", "Paint it first, or choose another segment.")
    weights, reached = _atCentresOf(grid, mask, Grid(mask.shape, toWorld @ ijkToLocal))
    if not reached:
        raise PixelSetError(
            f"The segment '{name}' lies outside the volume.", "Choose the volume it was drawn on, or check transforms."
        )
    if not weights.any():
        raise PixelSetError(
            f"The segment '{name}' lies between the voxel centres of the volume.",
            "Choose a finer volume, or grow the segment.",
        )
    return PixelSet(weights, grid, f"segment '{name}'")


def _segment(segmentationNode, segmentId):
    if segmentationNode is None or segmentationNode.GetSegmentation() is None:
        raise PixelSetError("No segmentation was given.", "Choose the segmentation that holds the segment.")
    segmentation = segmentationNode.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    if segmentId not in ids:  # asked of the list, because GetSegment prints an error of its own
        known = ", ".join(f"'{i}' ({segmentation.GetSegment(i).GetName()})" for i in ids) or "none"
        raise PixelSetError(f"There is no segment with the id '{segmentId}'.", f"The segmentation has: {known}.")
    return segmentation.GetSegment(segmentId)


def _binaryLabelmap(segmentationNode, segmentId, name, volumeNode, toWorld):
    """(mask [K, J, I] bool, 4x4 IJK-to-local) of one segment, cut out to its labelmap's extent."""
    labelmapName = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    image = slicer.vtkOrientedImageData()
    if segmentationNode.GetSegmentation().ContainsRepresentation(labelmapName):
        copied = segmentationNode.GetBinaryLabelmapRepresentation(segmentId, image)
    else:
        copied = _convertedOnACopy(segmentationNode.GetSegmentation(), segmentId, volumeNode, toWorld, image)
    if not copied:
        raise PixelSetError(
            f"The segment '{name}' has no binary labelmap and could not be converted to one.",
            "Create the representation in the Segmentations module.",
        )
    return _arrayOfOrientedImage(image)


def _convertedOnACopy(segmentation, segmentId, volumeNode, toWorld, image):
    """Converts one segment (a surface, say) in the volume's geometry, on a copy that nobody else sees."""
    labelmapName = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    surfaceName = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    segment = segmentation.GetSegment(segmentId)
    surface = segment.GetRepresentation(surfaceName)
    if segment.GetRepresentation(segmentation.GetSourceRepresentationName()) is None:
        return True  # nothing drawn yet: an empty image says so
    if surface is not None and surface.GetNumberOfPoints() == 0:
        return True
    copy = slicer.vtkSegmentation()
    copy.SetSourceRepresentationName(segmentation.GetSourceRepresentationName())
    copy.CopyConversionParameters(segmentation)
    copy.CopySegmentFromSegmentation(segmentation, segmentId)
    volumeToSegmentation = np.linalg.inv(toWorld) @ parentToWorld(volumeNode) @ localMatrix(volumeNode)
    geometry = slicer.vtkSegmentationConverter.SerializeImageGeometry(
        matrixFromArray(volumeToSegmentation), volumeNode.GetImageData()
    )
    copy.SetConversionParameter(slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName(), geometry)
    if not copy.CreateRepresentation(labelmapName):
        return False
    converted = copy.GetSegment(segmentId).GetRepresentation(labelmapName)
    if converted is None:
        return False
    image.DeepCopy(converted)
    return True


def _arrayOfOrientedImage(image):
    extent = image.GetExtent()
    shape = tuple(extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in (2, 1, 0))
    scalars = image.GetPointData().GetScalars()
    if min(shape) < 1 or scalars is None:
        return np.zeros((1, 1, 1), dtype=bool), np.eye(4)
    mask = vtk_to_numpy(scalars).reshape(shape) > 0
    shift = np.eye(4)
    shift[:3, 3] = extent[0], extent[2], extent[4]  # array index 0 is extent's lower end, not IJK 0
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return mask, arrayFromMatrix(matrix) @ shift


def _atCentresOf(target: Grid, mask: np.ndarray, source: Grid):
    """(uint8 [K, J, I] of the target: 1 where the nearest source voxel is set, whether any set voxel lies inside)."""
    out = np.zeros(target.shape, dtype=np.uint8)
    low, high = _setBox(mask)
    corners = np.array([[k, j, i] for k in (low[0], high[0]) for j in (low[1], high[1]) for i in (low[2], high[2])])
    inTarget = target.kji(source.ras(corners + np.where(corners == low, -0.5, 0.5)))
    first = np.clip(np.floor(inTarget.min(axis=0)).astype(int), 0, None)
    last = np.minimum(np.ceil(inTarget.max(axis=0)).astype(int), np.array(target.shape) - 1)
    if (first > last).any():
        return out, False
    mapping = np.linalg.inv(source.kji_to_ras) @ target.kji_to_ras
    for start in range(first[0], last[0] + 1, _SLAB):
        stop = min(start + _SLAB, last[0] + 1)
        axes = np.ogrid[start:stop, first[1] : last[1] + 1, first[2] : last[2] + 1]
        block = out[start:stop, first[1] : last[1] + 1, first[2] : last[2] + 1]
        block[...] = _nearest(mask, mapping, axes)
    return out, bool(out.any()) or _anyInside(mask, source, target)


def _nearest(mask, mapping, axes):
    inside, index = True, []
    for row in range(3):
        position = np.full((1, 1, 1), mapping[row, 3])
        for column in range(3):
            if abs(mapping[row, column]) > 1e-9:  # aligned grids: the index stays a thin vector along one axis
                position = position + mapping[row, column] * axes[column]
        nearest = np.floor(position + 0.5).astype(np.intp)
        inside = inside & (nearest >= 0) & (nearest < mask.shape[row])
        index.append(np.clip(nearest, 0, mask.shape[row] - 1))
    return mask[tuple(index)] & inside


def _setBox(mask):
    ranges = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    return np.array([r[0] for r in ranges]), np.array([r[-1] for r in ranges])


def _anyInside(mask, source, target):
    """True if the centre of a set source voxel lies in the target's box (it then fell between the centres)."""
    position = target.kji(source.ras(np.argwhere(mask)))
    return bool(((position > -0.5) & (position < np.array(target.shape) - 0.5)).all(axis=1).any())
