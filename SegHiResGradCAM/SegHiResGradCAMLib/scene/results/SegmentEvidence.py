"""Where the evidence lies, segment by segment: label maps for the worker, its answer as a table node."""

from __future__ import annotations

from typing import Any

import numpy as np

from seghirescam.protocol.errors import PixelSetError
from seghirescam.protocol.grid import Grid

from ...schedule.Steps import StepsOf
from ...setup.Translation import _
from ..nodes.Attachments import SEGMENTS
from ..nodes.Geometry import gridOfVolume
from ..segments.SegmentLabels import labelLayerSteps, uniqueNames
from .TrustTables import addTable

#: labels [K, J, I], where they lie, the segments' names
LabelLayer = tuple[np.ndarray, Grid, dict[int, str]]


def labelSteps(segmentationNode: Any, volumeNode: Any, leftOut: list[str]) -> StepsOf[list[LabelLayer]]:
    """Generator for Steps; returns [(label map on the volume's voxels, its Grid, {label: segment's name})].

    Overlapping segments lie in different label maps.  Names that occur twice are numbered.  leftOut: gets a sentence
    for each segment without a voxel there.  Raises PixelSetError where that is so for all, and what labelLayerSteps
    raises.
    """
    names = uniqueNames(segmentationNode)
    refused = lambda segmentId, sentence: leftOut.append(sentence)  # noqa: E731
    found = yield from labelLayerSteps(segmentationNode, volumeNode, names, refused)
    if not found:
        raise PixelSetError(
            _("No segment of this segmentation has a voxel in the volume."), _("Paint one, or choose another one.")
        )
    grid = gridOfVolume(volumeNode)
    return [(array, grid, {label: names[segmentId] for label, segmentId in ids.items()}) for array, ids in found]


def addSegmentTable(overlay: Any, rows: list[dict], layerName: str) -> Any:
    """A table node with one row a segment; a former one about the same map is replaced. rows: of the worker."""
    over = next((row["share"]["chance_over"] for row in rows if row["share"].get("chance_over")), "volume")
    even = _("The share of evidence spread evenly over the {over} that would lie inside.").format(over=over)
    ofImage, distance = "share of image", "mean distance, mm"  # no tr
    chance, lift = f"chance over {over}", f"lift over {over}"  # no tr
    density = f"evidence per ml over the {over}'s mean"  # no tr
    columns = (
        ("segment", _("The segment; elsewhere: what lies in none of them."), lambda row: row["name"]),
        ("ml", _("Its volume."), lambda row: row.get("ml")),
        ("voxels", _("Its voxels."), lambda row: row.get("voxels", row.get("pixels"))),
        (ofImage, _("Its share of the image, 0 to 1."), lambda row: row["share_of_image"]),
        ("share", _("Share of the map's positive evidence inside, 0 to 1."), lambda row: row["share"]["value"]),
        (chance, even, lambda row: row["share"]["chance"]),
        (lift, _("Share / chance."), lambda row: row["share"]["lift"]),
        (density, _("1: as much as everywhere."), lambda row: row["density"]["value"]),
        (distance, _("From the evidence to the segment."), lambda row: row["distance"]["value"]),
        ("status", _("ok, or why there is no share."), lambda row: row["share"]["status"]),
    )
    filled = [(title, meaning, [of(row) for row in rows]) for title, meaning, of in columns]
    return addTable(overlay, _("Evidence by segment"), SEGMENTS, layerName, filled)
