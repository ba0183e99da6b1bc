"""A segment -> pixel set in a volume's grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seghirescam.protocol.errors import EmptyPixelSetError, PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.messages import BoxedPixels
from seghirescam.protocol.pixel_set import PixelSet

from ...schedule.Steps import StepsOf, finished
from ...setup.Translation import _
from ..nodes.Geometry import gridOfVolume, parentToWorld
from .SegmentLabelmap import labelmapOf, labelmapStamp

#: voxels sampled in one step: a few milliseconds
_STEP_VOXELS = 2**18


def readPixelSet(segmentationNode: Any, segmentId: str, volumeNode: Any) -> PixelSet:
    """The voxels of ``volumeNode`` whose centres lie in the segment (nearest neighbour, as Slicer itself exports).

    Segmentations in another geometry, overlapping segments, parent transforms on both nodes and segments that are only
    a surface are all right.  The segmentation node is not changed: no representation or node is added.
    Raises PixelSetError (unknown segment, outside the volume, between its voxels), EmptyPixelSetError (no voxels),
    GeometryError (non-linear transform).
    """
    return finished(pixelSetSteps(segmentationNode, segmentId, volumeNode)).whole()


def pixelSetSteps(segmentationNode: Any, segmentId: str, volumeNode: Any) -> StepsOf[BoxedPixels]:
    """Generator for :class:`Steps`; returns what :func:`readPixelSet` reads, as BoxedPixels."""
    segment = _segment(segmentationNode, segmentId)
    name = segment.GetName()
    grid = gridOfVolume(volumeNode)
    toWorld = parentToWorld(segmentationNode, "segmentation")
    stamp = _stamp(segmentationNode, segmentId, volumeNode)
    labelmap = labelmapOf(segmentationNode, segmentId, volumeNode)
    box = (yield from labelmap.boxSteps()) if labelmap is not None else None
    if labelmap is None or box is None:
        raise EmptyPixelSetError(
            _("The segment '{name}' is empty.").format(name=name), _("Paint it first, or choose another segment.")
        )
    mask = yield from labelmap.maskSteps(*box)
    shift = np.eye(4)
    shift[:3, 3] = box[0][::-1]
    source = Grid(mask.shape, toWorld @ labelmap.ijkToLocal @ shift)
    same = offsetIn(source, grid)
    if same is None:
        inner, start = yield from _atCentresSteps(grid, mask, source)
    else:
        inner, start = _cut(mask, same, grid.shape)
    if _stamp(segmentationNode, segmentId, volumeNode) != stamp:
        raise PixelSetError(_("The segment was changed while it was read."), _("Press Apply again."))
    if inner is None or not inner.any():
        if not _anyInside(mask, source, grid):
            raise PixelSetError(
                _("The segment '{name}' lies outside the volume.").format(name=name),
                _("Choose the volume it was drawn on, or check transforms."),
            )
        raise PixelSetError(
            _("The segment '{name}' lies between the voxel centres of the volume.").format(name=name),
            _("Choose a finer volume, or grow the segment."),
        )
    return BoxedPixels(inner, start, grid, f"segment '{name}'")


def offsetIn(source: Grid, grid: Grid) -> tuple[int, ...] | None:
    """Index in the grid of the source's first voxel where its voxels are the grid's, None where they lie otherwise."""
    mapping = np.linalg.inv(grid.kji_to_ras) @ source.kji_to_ras
    start = np.rint(mapping[:3, 3]).astype(int)
    mapping[:3, 3] -= start
    return tuple(int(n) for n in start) if np.abs(mapping - np.eye(4)).max() < 1e-4 else None


def _cut(mask: np.ndarray, start: Sequence[int], shape: Sequence[int]) -> tuple[np.ndarray | None, Any]:
    """As :func:`_atCentresSteps`, of a mask on the target's own voxels: a view of it."""
    first = [max(0, s) for s in start]
    last = [min(n, s + m) for s, m, n in zip(start, mask.shape, shape, strict=True)]
    if any(a >= b for a, b in zip(first, last, strict=True)):
        return None, None
    inside = tuple(slice(a - s, b - s) for a, b, s in zip(first, last, start, strict=True))
    return mask[inside].view(np.uint8), tuple(first)


def _segment(segmentationNode: Any, segmentId: str) -> Any:
    if segmentationNode is None or segmentationNode.GetSegmentation() is None:
        raise PixelSetError(_("No segmentation was given."), _("Choose the segmentation that holds the segment."))
    segmentation = segmentationNode.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    if segmentId not in ids:  # asked of the list, because GetSegment prints an error of its own
        known = ", ".join(f"'{i}' ({segmentation.GetSegment(i).GetName()})" for i in ids) or "none"
        raise PixelSetError(
            _("There is no segment with the id '{segmentId}'.").format(segmentId=segmentId),
            _("The segmentation has: {known}.").format(known=known),
        )
    return segmentation.GetSegment(segmentId)


def _stamp(segmentationNode: Any, segmentId: str, volumeNode: Any) -> tuple:
    """Changes when the user paints or moves what is being read."""
    toWorld = (parentToWorld(segmentationNode, "segmentation"), parentToWorld(volumeNode))
    return labelmapStamp(segmentationNode, segmentId), [matrix.tolist() for matrix in toWorld]


def _atCentresSteps(target: Grid, mask: np.ndarray, source: Grid) -> StepsOf[tuple[np.ndarray | None, Any]]:
    """Generator; returns (uint8 [K, J, I]: 1 where the nearest source voxel is set, first index in the target).

    The array covers the part of the target that the source reaches; (None, None) if it reaches nothing.
    """
    last = np.array(mask.shape) - 1
    corners = np.array([[k, j, i] for k in (0, last[0]) for j in (0, last[1]) for i in (0, last[2])])
    reach = target.kji(source.ras(corners + np.where(corners == 0, -0.5, 0.5)))
    first = np.clip(np.floor(reach.min(axis=0)).astype(int), 0, None)
    final = np.minimum(np.ceil(reach.max(axis=0)).astype(int), np.array(target.shape) - 1)
    if (first > final).any():
        return None, None
    out = np.empty(tuple(final - first + 1), dtype=np.uint8)
    mapping = np.linalg.inv(source.kji_to_ras) @ target.kji_to_ras
    thick = max(1, _STEP_VOXELS // out[0].size)
    for start in range(first[0], final[0] + 1, thick):
        stop = min(start + thick, final[0] + 1)
        axes = np.ogrid[start:stop, first[1] : final[1] + 1, first[2] : final[2] + 1]
        out[start - first[0] : stop - first[0]] = _nearest(mask, mapping, axes)
        yield
    return out, tuple(int(n) for n in first)


def _nearest(mask: np.ndarray, mapping: np.ndarray, axes: Sequence[np.ndarray]) -> np.ndarray:
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


def _anyInside(mask: np.ndarray, source: Grid, target: Grid) -> bool:
    """True if the centre of a set source voxel lies in the target's box (it then fell between the centres)."""
    position = target.kji(source.ras(np.argwhere(mask)))
    return bool(((position > -0.5) & (position < np.array(target.shape) - 0.5)).all(axis=1).any())
