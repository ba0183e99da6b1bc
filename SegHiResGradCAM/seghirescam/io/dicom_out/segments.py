"""Regions -> a DICOM Segmentation on the voxels of the series: what was asked about, and where its evidence lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...protocol.display.evidence import Evidence
from ...protocol.grid import Grid
from .coded import property_of, region_of_evidence
from .frames import Frames
from .libraries import libraries, unheard
from .objects import algorithm, contributors, equipment, finish, save, short, stand_in
from .parameters import written
from .references import point_at_source
from .source import SourceSeries

SERIES_NUMBER = 9200
#: shares of the positive evidence whose smallest regions become segments
SHARES = (0.5, 0.8, 0.95)
_ASKED, _HOT, _PAINTED = (80, 220, 120), ((230, 60, 30), (245, 140, 40), (250, 220, 110)), (90, 150, 240)


@dataclass(frozen=True, eq=False)
class Region:
    """One segment. mask: bool [K, J, I].  label: our words and the model's, never a user's.  concept: (category, type)
    codes.  colour: RGB.  algorithm: what drew it; "" for what was given, of which nobody has told us."""

    mask: np.ndarray
    label: str
    concept: tuple
    colour: tuple[int, int, int]
    algorithm: str = ""


def asked_about(mask: np.ndarray, facts: dict, given: bool | None = None) -> Region:
    """facts: of a sidecar, see :func:`write_regions`.  given: whether a segment was; None: as the request tells."""
    given = bool(facts["request"]["segment_sha256"]) if given is None else given
    name = facts["class_name"]
    drawn_by = "" if given else facts["provenance"].get("model", "not named")
    return Region(mask, short(f"Asked about: {name}"), property_of(name), _ASKED, drawn_by)


def painted_over(mask: np.ndarray, flips: bool) -> Region:
    """flips: whether the network then decided otherwise (:mod:`intervention`)."""
    from pydicom.sr.codedict import codes

    what = codes.cid7150.SpatialAndRelationalConcept, codes.DCM.SelectedRegion
    return Region(mask, "Masked out, which flips it" if flips else "Masked out", what, _PAINTED, "painting")


def smallest_flip(mask: np.ndarray, order: str) -> Region:
    """order: in which regions were masked out, see :mod:`smallest_flip`; told unless it is the map's."""
    from pydicom.sr.codedict import codes

    what = codes.cid7150.SpatialAndRelationalConcept, codes.DCM.SelectedRegion
    by = "" if order == "map" else f", {order} order"
    return Region(mask, f"Smallest flip found{by}: masked out", what, _PAINTED, "smallest flip")


def regions_of_evidence(density: np.ndarray, facts: dict) -> list[Region]:
    """The smallest regions with 50, 80 and 95 % of the positive evidence; none where there is no evidence."""
    positive = Evidence.of(density).positive
    if not positive.total > 0:
        return []
    concept, title = region_of_evidence(facts["method"], facts["layer"]["part"]), facts["method_title"]
    return [
        Region(density >= positive.holding(share), f"{100 * share:.0f} % of the evidence", concept, colour, title)
        for share, colour in zip(SHARES, _HOT, strict=True)
    ]


@unheard()
def write_regions(
    path, regions: Sequence[Region], grid: Grid, facts: dict, series: SourceSeries, *, uid: str | None = None,
    number: int = 1,
) -> str:  # fmt: skip
    """Segments may overlap. Returns the file's SHA-256.

    grid: the series' own voxels.  facts, uid, number: as in :func:`parametric_map.write_map`.  Raises ImageError for
    another grid, DiskError.
    """
    hd, _ = libraries()
    series.refuse_other(grid)
    frames = Frames.of(grid)
    masks = [frames.ordered(one.mask).astype(bool, copy=False) for one in regions]
    # slices without any of them are left away, as everybody does
    filled = np.flatnonzero(np.any([mask.any(axis=(1, 2)) for mask in masks], axis=0))
    keep = slice(int(filled[0]), int(filled[-1]) + 1) if filled.size else slice(0, 1)
    array = np.stack([mask[keep] for mask in masks], axis=-1).view(np.uint8)
    parameters = written(facts)
    about = [
        hd.seg.SegmentDescription(
            n, one.label, *one.concept, *_drawn_by(one, parameters),
            display_color=hd.color.CIELabColor.from_rgb(*one.colour),
        )
        for n, one in enumerate(regions, start=1)
    ]  # fmt: skip
    found = hd.seg.Segmentation(
        [stand_in(series, frames, tuple(grid.shape[1:]))],
        array,
        "BINARY",
        about,
        series_instance_uid=uid or hd.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=number,
        **equipment(),
        content_label="EVIDENCE",
        content_description=short(f"{facts['method_title']} of {facts['score_title']}"),
        contributing_equipment=contributors(facts),
        series_description=short(f"Evidence for {facts['class_name']}: regions"),
        **frames.as_sequences(keep),
    )
    from pydicom.sr.codedict import codes

    frames.state_spacing(found)
    words = f"Regions of {facts['method_title']} of {facts['score_title']} at the layer {facts['layer']['name']}"
    point_at_source(found, series, codes.cid7203.SegmentationImageDerivation, short(words, 1024))
    finish(found, series)
    return save(found, path)


def _drawn_by(region, parameters):
    if region.algorithm:
        return "AUTOMATIC", algorithm(region.algorithm, parameters)
    return "SEMIAUTOMATIC", algorithm("not known: the segment was given")
