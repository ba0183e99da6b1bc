"""A DICOM Parametric Map -> a volume whose frames lie where they say; and the question that one of ours answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..protocol.errors import ImageError
from ..protocol.explanation import Explanation, LayerInfo
from ..protocol.grid import Grid
from .dicom_frames import places_of
from .dicom_series import sop_class

PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
#: UCUM, of densities
PER_ML = "/mL"
_PROVENANCE = (
    "model", "model_kind", "weights_sha256", "engine", "torch", "precision", "device", "image_sha256",
    "pixel_set_sha256",
)  # fmt: skip
_LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: a frame may lie this far from the volume's regular grid, in in-plane pixels
_TOLERANCE = 0.1


def is_parametric_map(path) -> bool:
    return Path(path).is_file() and sop_class(path) == PARAMETRIC_MAP


def read_map(path) -> tuple[np.ndarray, Grid]:
    """(float32 or float64 [K, J, I] in real world values, grid). Raises ImageError."""
    data = _dataset(path)
    try:
        return _volume(data)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ImageError(
            f"'{Path(path).name}' is a DICOM parametric map that cannot be read as one volume of numbers.",
            "Give the .nii.gz or .nrrd of the map.",
        ) from error


def parameters_of(path) -> str:
    """The algorithm parameters of a map of ours, "" where it has none. Raises ImageError."""
    data = _dataset(path, stop_before_pixels=True)
    items = data.get("DerivationAlgorithmSequence") or [{}]
    return str(items[0].get("AlgorithmParameters", "") or "")


def sources_of(path) -> set[str]:
    """The SOP instance UIDs of the slices that a parametric map says it was made from."""
    data = _dataset(path, stop_before_pixels=True, specific_tags=["SourceImageSequence"])
    return {str(one.get("ReferencedSOPInstanceUID", "")) for one in data.get("SourceImageSequence") or ()}


def _dataset(path, **words):
    from .dicom_out.libraries import libraries, unheard

    _, pydicom = libraries()
    try:
        with unheard():
            return pydicom.dcmread(path, **words)
    except (OSError, pydicom.errors.InvalidDicomError) as error:
        raise ImageError(f"'{Path(path).name}' cannot be read as DICOM.", "Copy it again.") from error


def _volume(data):
    places, normal = places_of(data)
    order = np.argsort(places @ normal, kind="stable")
    places = places[order]
    shared, first = data.SharedFunctionalGroupsSequence[0], data.PerFrameFunctionalGroupsSequence[0]

    def group(name):
        return (shared if name in shared else first)[name][0]

    measures = group("PixelMeasuresSequence")
    rows, columns = [float(v) for v in measures.PixelSpacing]
    turn = np.array(group("PlaneOrientationSequence").ImageOrientationPatient, dtype=float)
    step = float(measures.get("SpacingBetweenSlices") or measures.SliceThickness)
    if len(places) > 1:
        step = float((places[-1] - places[0]) @ normal / (len(places) - 1))
    meant = places[0] + np.arange(len(places))[:, None] * step * normal
    if step <= 0 or np.linalg.norm(places - meant, axis=1).max() > _TOLERANCE * min(rows, columns):
        raise ValueError("uneven")
    lps = np.eye(4)
    lps[:3, :3] = np.stack([turn[:3] * columns, turn[3:] * rows, normal * step], axis=1)
    lps[:3, 3] = places[0]
    shape = (len(places), int(data.Rows), int(data.Columns))
    word, kind = ("FloatPixelData", "<f4") if "FloatPixelData" in data else ("DoubleFloatPixelData", "<f8")
    array = np.frombuffer(data[word].value, kind).reshape(shape)[order]
    mapping = group("RealWorldValueMappingSequence")
    slope, intercept = float(mapping.RealWorldValueSlope), float(mapping.RealWorldValueIntercept)
    if (slope, intercept) != (1.0, 0.0):
        array = (array * slope + intercept).astype(array.dtype)
    frame = str(data.get("FrameOfReferenceUID", ""))
    return np.ascontiguousarray(array), Grid(shape, _LPS_RAS @ lps, frame)


def explanation_of(path) -> Explanation:
    """A parametric map of ours as the explanation it was made of: its cells, their unit, and what was asked.

    A map on another grid than the layer's comes back with one cell a voxel.  Raises ImageError for any other map.
    """
    from .dicom_out.parameters import told_by

    text = parameters_of(path)
    told, (array, grid) = told_by(text), read_map(path)
    data = _dataset(path, stop_before_pixels=True)
    mapping = data.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    notes = []
    if str(mapping.MeasurementUnitsCodeSequence[0].CodeValue) == PER_ML:
        array = array * np.float32(grid.voxel_volume)
        notes.append("Read from a map per millilitre: each of its voxels is a cell, and they add up to the total.")
    layer = LayerInfo(
        name=told["layer"], channels=0, cells=grid.shape, stride=(1, 1, 1), part=told["part"], main=False,
        mm_per_cell=grid.spacing_kji,
    )  # fmt: skip
    words = ("unit", "score", "method", "class_index", "class_name", "score_title", "side", "status")
    return Explanation(
        map=array.astype(np.float32), grid=grid, layer=layer, pixel_set_label="the pixel set", notes=tuple(notes),
        method_title=str(data.DerivationAlgorithmSequence[0].AlgorithmName),
        provenance={word: told[word] for word in _PROVENANCE if word in told},
        **{word: told[word] for word in words},
    )  # fmt: skip
