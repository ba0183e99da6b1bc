"""A map of evidence -> a DICOM Parametric Map (PS3.3, A.75): float32, in the millimetres of the series it explains."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np

from ...protocol.arrays import DiskError
from ...protocol.errors import ImageError
from ...protocol.grid import Grid
from .coded import body_part, quantity, unit
from .frames import Frames
from .libraries import libraries, unheard
from .objects import algorithm, contributors, equipment, finish, save, short, stand_in
from .parameters import written
from .references import coded, point_at_source
from .source import SourceSeries

SERIES_NUMBER = 9100


@unheard()
def write_map(
    path, array: np.ndarray, grid: Grid, facts: dict, series: SourceSeries, *, per: str = "", uid: str | None = None,
    number: int = 1,
) -> str:  # fmt: skip
    """array: float32 [K, J, I] on ``grid``; written as it is, bit by bit. Returns the file's SHA-256.

    facts: what a sidecar tells of it (:mod:`sidecars`), with its request.  per: "ml" for a density, "" for cells that
    each hold their contribution.  uid, number: of the new series, and of this object in it.

    Frames rise along the normal, SpacingBetweenSlices is stated and FrameAnatomySequence shared: dcmqi, by which Slicer
    reads such maps, stacks frames in the order of the file, takes the slices' thickness for a distance that is not
    stated, and crashes without an anatomy (``ParaMapConverter.cpp``, ``ConverterBase.h`` of dcmqi 1.5.7).  Raises
    ImageError for values that are not finite, GeometryError (:mod:`frames`), DiskError.
    """
    hd, pydicom = libraries()
    array = np.asarray(array, dtype="<f4")
    if not np.isfinite(array).all():
        raise ImageError(
            "The map holds values that are no numbers, which a parametric map cannot show.", "Write .nrrd instead."
        )
    frames, size = Frames.of(grid), tuple(array.shape[1:])
    ordered = frames.ordered(array)
    code, about = quantity(facts["method"], facts["layer"]["part"]), f"{facts['unit']}{'/ml' * (per == 'ml')}"
    low, high = float(array.min()), float(array.max())
    found = hd.pm.ParametricMap(
        [stand_in(series, frames, size)] * (len(ordered) if _is_old(hd) else 1),
        ordered,
        series_instance_uid=uid or hd.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=number,
        **equipment(),
        # maps of the image itself follow its outlines, and a head's outline is a face
        contains_recognizable_visual_features=facts["layer"]["part"] == "input",
        real_world_value_mappings=[_mapping(hd, code, about, per, low, high)],
        **_window(hd, low, high),
        content_label="HEATMAP",
        content_description=short(f"{facts['method_title']} of {facts['score_title']}"),
        contributing_equipment=contributors(facts),
        series_description=short(f"{facts['method_title']}: {facts['class_name']}, {facts['layer']['name']}"),
        **frames.as_sequences(),
    )
    # all values of the window, not all but half a step of whole numbers
    found.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0].VOILUTFunction = "LINEAR_EXACT"
    frames.state_spacing(found)
    _in_rising_order(found, frames, ordered)
    words = f"{facts['method_title']} of {facts['score_title']} at the layer {facts['layer']['name']}"
    point_at_source(found, series, code, short(words, 1024))
    found.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [_anatomy(pydicom, series)]
    # "software algorithm used to create the derived image", with its parameters
    found.DerivationAlgorithmSequence = algorithm(facts["method_title"], written(facts))
    finish(found, series)
    digest = save(found, path)
    _refuse_unwritten(path, ordered)
    return digest


def _mapping(hd, code, about, per, low, high):
    found = hd.pm.RealWorldValueMapping(
        lut_label=short(about, 16), lut_explanation=short(f"Evidence, {about}"), unit=unit(per),
        value_range=(low, high), slope=1.0, intercept=0.0, quantity_definition=code,
    )  # fmt: skip
    return found


def _is_old(hd):
    """highdicom 0.27, which Slicer 5.13 brings: it takes a window as numbers, and a source for every frame."""
    return "voi_lut_transformations" not in inspect.signature(hd.pm.ParametricMap.__init__).parameters


def _window(hd, low, high):
    """highdicom's words for it: symmetric about 0 where the map has a sign, else from 0 to its maximum."""
    most = max(abs(low), abs(high)) or 1.0
    window = {"window_center": 0.0 if low < 0 else most / 2, "window_width": 2 * most if low < 0 else most}
    if _is_old(hd):
        return window
    return {"voi_lut_transformations": [hd.VOILUTTransformation(**window)]}


def _in_rising_order(found, frames, ordered):
    """highdicom sorts frames by their coordinates, which for some directions is from the last to the first."""
    groups = list(found.PerFrameFunctionalGroupsSequence)
    normal = np.cross(frames.turn[:3], frames.turn[3:])
    along = [np.array(one.PlanePositionSequence[0].ImagePositionPatient, dtype=float) @ normal for one in groups]
    groups = [groups[n] for n in np.argsort(along)]
    for n, one in enumerate(groups, start=1):
        one.FrameContentSequence[0].DimensionIndexValues = [n]
    found.PerFrameFunctionalGroupsSequence = groups
    found.FloatPixelData = ordered.tobytes()
    if len(groups) > 1:
        found.DimensionOrganizationType = "3D"


def _anatomy(pydicom, series):
    found = pydicom.Dataset()
    found.FrameLaterality = "U"
    found.AnatomicRegionSequence = [coded(body_part(series.body_part))]
    return found


def _refuse_unwritten(path, ordered):
    """The voxels are the end of the file: there they must stand as they were meant."""
    wanted = memoryview(ordered).cast("B")
    with open(path, "rb") as file:
        file.seek(-len(wanted), 2)
        for start in range(0, len(wanted), 2**20):
            part = file.read(min(2**20, len(wanted) - start))
            if part != wanted[start : start + 2**20]:
                raise DiskError(
                    f"'{Path(path).name}' could not be written whole.",
                    "Free some space there, or choose another folder.",
                )
