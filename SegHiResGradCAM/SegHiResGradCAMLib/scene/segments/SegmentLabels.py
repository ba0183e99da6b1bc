"""Many segments as label maps on a volume's voxels: one where they do not overlap, else as many as overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

import slicer
from seghirescam.protocol.errors import PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.messages import BoxedPixels, LabelledPixels

from ...schedule.Steps import StepsOf
from ...setup.Translation import _
from ..nodes.Geometry import gridOfVolume, parentToWorld
from .PixelSetReader import offsetIn, pixelSetSteps
from .SegmentLabelmap import STEP_VOXELS, SegmentLabelmap, labelmapStamp

#: of all label maps together; more is refused before it is allocated
MOST_BYTES = 2**31
#: voxels whose boxes are looked for in one step: a few milliseconds, also where all of them are drawn
_BOX_VOXELS = 2**18
#: labels [K, J, I], {label: segment id}
LabelLayer = tuple[np.ndarray, dict[int, str]]
#: index of the first voxel, voxels along K, J, I
Box = tuple[tuple[int, ...], tuple[int, ...]]


def manyPixelSteps(
    segmentationNode: Any, volumeNode: Any, segmentIds: Sequence[str], refused: Callable[[str, str], object]
) -> StepsOf[list[LabelledPixels | BoxedPixels]]:
    """Generator for Steps; returns the pixel set of each of these segments, as pixelSetSteps would read it.

    They share label maps.  refused(segment id, sentence): of a segment without a voxel in the volume; its set is empty.
    Raises PixelSetError where that is so for all, and what labelLayerSteps raises.
    """
    grid, names = gridOfVolume(volumeNode), uniqueNames(segmentationNode)
    found: dict[str, LabelledPixels] = {}
    told: set[str] = set()

    def tell(segmentId: str, sentence: str) -> None:
        told.add(segmentId)
        refused(segmentId, sentence)

    for labels, ids in (yield from labelLayerSteps(segmentationNode, volumeNode, segmentIds, tell)):
        boxes = yield from boxSteps(labels, max(ids))
        for value, segmentId in ids.items():
            if value in boxes:
                label = f"segment '{names[segmentId]}'"
                found[segmentId] = LabelledPixels(labels, value, *boxes[value], grid, label)
    for segmentId in segmentIds:
        if segmentId not in found and segmentId not in told:
            refused(segmentId, _("The segment '{name}' has no voxel in the volume.").format(name=names[segmentId]))
    if not found:
        raise PixelSetError(_("None of the segments has a voxel in the volume."), _("Paint one, or check transforms."))
    nothing = np.zeros((1, 1, 1), np.uint8)
    empty = (BoxedPixels(nothing, (0, 0, 0), grid, f"segment '{names[one]}'") for one in segmentIds)
    return [found.get(segmentId, none) for segmentId, none in zip(segmentIds, empty, strict=True)]


def labelLayerSteps(
    segmentationNode: Any, volumeNode: Any, segmentIds: Iterable[str], refused: Callable[[str, str], object]
) -> StepsOf[list[LabelLayer]]:
    """Generator for Steps; returns label maps on the volume's voxels, whose labels are these segments.

    Segments that are stored together on these voxels are copied together; each other one goes into the first label map
    in which its voxels are free.  refused(segment id, sentence): of a segment without a voxel there (of one that is
    stored with others and has lost its last voxel nothing is said).  Raises PixelSetError where the maps would take
    more than MOST_BYTES or a segment is changed meanwhile, GeometryError for a non-linear transform.
    """
    wanted = tuple(segmentIds)
    grid, toWorld = gridOfVolume(volumeNode), parentToWorld(segmentationNode, "segmentation")
    stamps = _stamps(segmentationNode, wanted)
    layers: list[LabelLayer] = []
    alone: list[str] = []
    for labelmap, ids in (yield from _storedSteps(segmentationNode, wanted, alone)):
        start = offsetIn(Grid(labelmap.labels.shape, toWorld @ labelmap.ijkToLocal), grid)
        if start is None or len(ids) == 1:
            alone += ids.values()
        elif not _meets(start, labelmap.labels.shape, grid.shape):
            for segmentId in ids.values():
                refused(
                    segmentId,
                    _("The segment '{name}' lies outside the volume.").format(name=_name(segmentationNode, segmentId)),
                )
        else:
            array = _newLayer(layers, grid, np.uint8 if max(ids) <= 255 else np.uint16)
            yield from _pasteSteps(labelmap.labels, array, sorted(ids), start)
            layers.append((array, ids))
    for segmentId in alone:
        try:
            boxed = yield from pixelSetSteps(segmentationNode, segmentId, volumeNode)
        except PixelSetError as error:
            refused(segmentId, error.sentence)
            continue
        _add(layers, boxed, segmentId)
    if _stamps(segmentationNode, wanted) != stamps:
        raise PixelSetError(_("A segment was changed while all were read."), _("Press the button again."))
    return layers


def boxSteps(labels: np.ndarray, most: int) -> StepsOf[dict[int, Box]]:
    """Generator; returns the box around each label from 1 to ``most`` that has a voxel."""
    low = np.full((most + 1, 3), np.iinfo(np.intp).max)
    high = np.full((most + 1, 3), -1)
    thick = max(1, _BOX_VOXELS // max(1, labels[0].size))
    for start in range(0, len(labels), thick):
        slab = labels[start : start + thick]
        places = np.nonzero(slab)
        found = slab[places]
        for axis, place in enumerate(places):
            met = np.zeros((most + 1, slab.shape[axis]), dtype=bool)
            met[found, place] = True
            here = np.flatnonzero(met.any(axis=1))
            shift = start if axis == 0 else 0
            low[here, axis] = np.minimum(low[here, axis], met[here].argmax(axis=1) + shift)
            last = met.shape[1] - 1 - met[here, ::-1].argmax(axis=1) + shift
            high[here, axis] = np.maximum(high[here, axis], last)
        yield
    drawn = (label for label in range(1, most + 1) if high[label, 0] >= 0)
    return {n: (tuple(map(int, low[n])), tuple(int(size) for size in high[n] - low[n] + 1)) for n in drawn}


def uniqueNames(segmentationNode: Any) -> dict[str, str]:
    """{segment id: its name}; names that occur twice are numbered, a segment without a name has its id."""
    found: dict[str, str] = {}
    used: set[str] = set()
    for segmentId in segmentationNode.GetSegmentation().GetSegmentIDs():
        name = free = _name(segmentationNode, segmentId) or segmentId
        n = 1
        while free in used:
            n += 1
            free = f"{name} ({n})"
        found[segmentId] = free
        used.add(free)
    return found


def _name(segmentationNode: Any, segmentId: str) -> str:
    return segmentationNode.GetSegmentation().GetSegment(segmentId).GetName()


def _stamps(segmentationNode: Any, segmentIds: tuple[str, ...]) -> list[tuple]:
    return [labelmapStamp(segmentationNode, segmentId) for segmentId in segmentIds]


def _storedSteps(
    segmentationNode: Any, segmentIds: tuple[str, ...], alone: list[str]
) -> StepsOf[list[tuple[SegmentLabelmap, dict[int, str]]]]:
    """Generator; returns [(SegmentLabelmap, {label: segment id})], one entry a stored labelmap.

    alone: gets those that are stored otherwise, or not drawn at all.
    """
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    isStored = segmentationNode.GetSegmentation().ContainsRepresentation(name)
    stored: dict[int, tuple[SegmentLabelmap, dict[int, str]]] = {}
    for segmentId in segmentIds:
        found = SegmentLabelmap.of(segmentationNode, segmentId) if isStored else None
        yield
        if found is None:
            alone.append(segmentId)
        else:
            address = found.labels.__array_interface__["data"][0]
            stored.setdefault(address, (found, {}))[1][found.value] = segmentId
    return list(stored.values())


def _meets(start: tuple[int, ...], size: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether a box of this size (K, J, I) that starts at this index shares a voxel with the grid."""
    return all(max(0, s) < min(n, s + m) for s, n, m in zip(start, shape, size, strict=True))


def _newLayer(layers: list[LabelLayer], grid: Grid, dtype: Any) -> np.ndarray:
    need = sum(array.nbytes for array, _ in layers) + int(np.prod(grid.shape)) * np.dtype(dtype).itemsize
    if need > MOST_BYTES:
        raise PixelSetError(
            _("The segments overlap so much that their label maps take more than {limit:.0f} GiB.").format(
                limit=MOST_BYTES / 2**30
            ),
            _("Move some of them into another segmentation, or use a coarser volume."),
            needed_bytes=need,
            available_bytes=MOST_BYTES,
        )
    return np.zeros(grid.shape, dtype)


def _pasteSteps(labels: np.ndarray, array: np.ndarray, wanted: list[int], start: tuple[int, ...]) -> StepsOf[None]:
    """Generator: puts the labels onto the grid's voxels, without those that belong to no segment any more."""
    spans = [(max(0, s), min(n, s + m)) for s, n, m in zip(start, array.shape, labels.shape, strict=True)]
    known = np.array(wanted)
    thick = max(1, STEP_VOXELS // max(1, labels[0].size))
    for first in range(spans[0][0], spans[0][1], thick):
        there = (slice(first, min(first + thick, spans[0][1])), *(slice(a, b) for a, b in spans[1:]))
        here = tuple(slice(part.start - s, part.stop - s) for part, s in zip(there, start, strict=True))
        piece = labels[here]
        array[there] = np.where(np.isin(piece, known), piece, 0)
        yield


def _add(layers: list[LabelLayer], boxed: BoxedPixels, segmentId: str) -> None:
    """Puts a segment into the first label map in which its voxels are free."""
    inside = boxed.inner > 0
    box = tuple(slice(s, s + n) for s, n in zip(boxed.start, inside.shape, strict=True))
    for array, ids in layers:
        if max(ids) < np.iinfo(array.dtype).max and not array[box][inside].any():
            break
    else:
        array, ids = _newLayer(layers, boxed.grid, np.uint8), {}
        layers.append((array, ids))
    label = max(ids, default=0) + 1
    ids[label] = segmentId
    array[box][inside] = label
