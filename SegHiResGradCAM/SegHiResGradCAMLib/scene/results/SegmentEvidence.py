"""Where the evidence lies, segment by segment: label maps for the worker, its answer as a table node."""

from __future__ import annotations

from typing import Any

import numpy as np

from seghirescam.protocol.errors import PixelSetError
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.messages import BoxedPixels

from ...schedule.Steps import StepsOf
from ..nodes.Attachments import SEGMENTS
from ..nodes.Geometry import gridOfVolume, parentToWorld
from ..segments.PixelSetReader import offsetIn, pixelSetSteps
from ..segments.SegmentLabelmap import STEP_VOXELS, SegmentLabelmap, labelmapOf
from .TrustTables import addTable

_MOST_LABELS = 255
#: labels [K, J, I], where they lie, the segments' names
LabelLayer = tuple[np.ndarray, Grid, dict[int, str]]
#: what is stored together, names and ids of its segments by label
Stored = tuple[SegmentLabelmap, dict[int, str], dict[int, str]]


def labelSteps(segmentationNode: Any, volumeNode: Any, leftOut: list[str]) -> StepsOf[list[LabelLayer]]:
    """Generator for Steps; returns [(label map on the volume's voxels, its Grid, {label: segment's name})].

    Segments that are stored together on these voxels are copied together; others are sampled one by one, overlapping
    ones into different label maps.  Names that occur twice are numbered.  leftOut: gets a sentence for each segment
    without a voxel there.  Raises PixelSetError where that is so for all, GeometryError for a non-linear transform.
    """
    grid, toWorld = gridOfVolume(volumeNode), parentToWorld(segmentationNode, "segmentation")
    layers: list[LabelLayer] = []
    sampled: list[tuple[np.ndarray, dict[int, str]]] = []
    for labelmap, names, ids in (yield from _storedSteps(segmentationNode, volumeNode, leftOut)):
        start = offsetIn(Grid(labelmap.labels.shape, toWorld @ labelmap.ijkToLocal), grid)
        if start is not None and not _meets(start, labelmap.labels.shape, grid.shape):
            leftOut += [f"The segment '{name}' lies outside the volume." for name in names.values()]
            continue
        if start is not None:
            layers.append(((yield from _pastedSteps(labelmap.labels, names, start, grid.shape)), grid, names))
            continue
        for label, name in names.items():
            try:
                boxed = yield from pixelSetSteps(segmentationNode, ids[label], volumeNode)
            except PixelSetError as error:
                leftOut.append(error.sentence)
                continue
            _add(sampled, boxed, name)
    layers += [(array, grid, names) for array, names in sampled]
    if not layers:
        raise PixelSetError(
            "No segment of this segmentation has a voxel in the volume.", "Paint one, or choose another one."
        )
    return layers


def addSegmentTable(overlay: Any, rows: list[dict], layerName: str) -> Any:
    """A table node with one row a segment; a former one about the same map is replaced. rows: of the worker."""
    over = next((row["share"]["chance_over"] for row in rows if row["share"].get("chance_over")), "volume")
    even = f"The share of evidence spread evenly over the {over} that would lie inside."
    columns = (
        ("segment", "The segment; elsewhere: what lies in none of them.", lambda row: row["name"]),
        ("ml", "Its volume.", lambda row: row.get("ml")),
        ("voxels", "Its voxels.", lambda row: row.get("voxels", row.get("pixels"))),
        ("share of image", "Its share of the image, 0 to 1.", lambda row: row["share_of_image"]),
        ("share", "Share of the map's positive evidence inside, 0 to 1.", lambda row: row["share"]["value"]),
        (f"chance over {over}", even, lambda row: row["share"]["chance"]),
        (f"lift over {over}", "Share / chance.", lambda row: row["share"]["lift"]),
        (f"evidence per ml over the {over}'s mean", "1: as much as everywhere.", lambda row: row["density"]["value"]),
        ("mean distance, mm", "From the evidence to the segment.", lambda row: row["distance"]["value"]),
        ("status", "ok, or why there is no share.", lambda row: row["share"]["status"]),
    )
    filled = [(title, meaning, [of(row) for row in rows]) for title, meaning, of in columns]
    return addTable(overlay, "Evidence by segment", SEGMENTS, layerName, filled)


def _storedSteps(segmentationNode: Any, volumeNode: Any, leftOut: list[str]) -> StepsOf[list[Stored]]:
    """Generator; returns [(SegmentLabelmap, {label: name}, {label: segment id})], one entry a stored labelmap."""
    segmentation = segmentationNode.GetSegmentation()
    stored: dict[int, Stored] = {}
    used: set[str] = set()
    for segmentId in segmentation.GetSegmentIDs():
        name = _unique(segmentation.GetSegment(segmentId).GetName(), used)
        found = labelmapOf(segmentationNode, segmentId, volumeNode)
        yield
        if found is None:
            leftOut.append(f"The segment '{name}' is empty.")
            continue
        address = found.labels.__array_interface__["data"][0]
        _, names, ids = stored.setdefault(address, (found, {}, {}))
        names[found.value], ids[found.value] = name, segmentId
    return list(stored.values())


def _unique(name: str, used: set[str]) -> str:
    free, n = name, 1
    while free in used:
        n += 1
        free = f"{name} ({n})"
    used.add(free)
    return free


def _meets(start: tuple[int, ...], size: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether a box of this size (K, J, I) that starts at this index shares a voxel with the grid."""
    return all(max(0, s) < min(n, s + m) for s, n, m in zip(start, shape, size, strict=True))


def _pastedSteps(
    labels: np.ndarray, names: dict[int, str], start: tuple[int, ...], shape: tuple[int, ...]
) -> StepsOf[np.ndarray]:
    """Generator; returns the labels on the grid, without those that belong to no segment any more."""
    array = np.zeros(shape, np.uint8 if max(names) <= _MOST_LABELS else np.uint16)
    spans = [(max(0, s), min(n, s + m)) for s, n, m in zip(start, shape, labels.shape, strict=True)]
    wanted = np.array(sorted(names))
    thick = max(1, STEP_VOXELS // max(1, labels[0].size))
    for first in range(spans[0][0], spans[0][1], thick):
        there = (slice(first, min(first + thick, spans[0][1])), *(slice(a, b) for a, b in spans[1:]))
        here = tuple(slice(part.start - s, part.stop - s) for part, s in zip(there, start, strict=True))
        piece = labels[here]
        array[there] = np.where(np.isin(piece, wanted), piece, 0)
        yield
    return array


def _add(layers: list[tuple[np.ndarray, dict[int, str]]], boxed: BoxedPixels, name: str) -> None:
    """Puts a sampled segment into the first label map in which its voxels are free; layers: [(array, names)]."""
    inside = boxed.inner > 0
    box = tuple(slice(s, s + n) for s, n in zip(boxed.start, inside.shape, strict=True))
    for array, names in layers:
        if len(names) < _MOST_LABELS and not array[box][inside].any():
            break
    else:
        array, names = np.zeros(boxed.grid.shape, np.uint8), {}
        layers.append((array, names))
    names[len(names) + 1] = name
    array[box][inside] = len(names)
