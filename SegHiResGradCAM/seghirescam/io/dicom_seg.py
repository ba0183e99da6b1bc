"""A DICOM segmentation (SEG) -> a label map, by highdicom: frames lie where they say, frames left out are empty."""

from __future__ import annotations

import numpy as np

from ..protocol.errors import DependencyError, ImageError
from ..protocol.grid import Grid
from .dicom_frames import places_of
from .dicom_series import SEGMENTATIONS, files_of_class

#: a frame may lie this far from the volume's regular grid, in pixels and in slices, as a slice of a series may
_TOLERANCE = 0.1
_UNTOLD = "The frames of the DICOM segmentation do not tell how thick they are"
_KJI_IJK = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
_LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def segmentation_file(path):
    """The DICOM segmentation that a path means: the file itself, or the only one in a folder; else None.

    Raises ImageError where a folder holds several.
    """
    found = files_of_class(path, SEGMENTATIONS)
    if len(found) > 1:
        raise ImageError(
            f"The folder holds {len(found)} DICOM segmentations.", "Name the one file you mean instead of the folder."
        )
    return found[0] if found else None


def wants_image(notes) -> bool:
    """Whether the image's slices would tell what the file does not, by the notes of a reading without it."""
    return any(note.startswith(_UNTOLD) for note in notes)


def read_segmentation(path, image: Grid | None = None):
    """(layers [L, K, J, I], grid, [(number, name, layer)], MaximumFractionalValue or 0, notes) of a SEG file.

    BINARY and LABELMAP: layers hold segment numbers, one layer unless segments overlap.  FRACTIONAL: one layer a
    segment, of stored values.  The grid spans the frames there are and one empty slice on either side.  Frames that
    hold nothing are left out, so their distances do not tell how far apart slices lie: the file's spacing or thickness
    does where the frames fit it, else the slices of ``image``, else the nearest two frames.  Raises DependencyError,
    and ImageError for frames that say no place, are tilted, uneven or told twice.
    """
    hd, pydicom = _highdicom()
    try:
        data = pydicom.dcmread(path)
        places, normal = places_of(data)
        spacing, stated = _slice_spacing(data, places @ normal, normal, image)
        measures = data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        # highdicom numbers the frames by it
        measures.SpacingBetweenSlices = pydicom.valuerep.DSfloat(spacing, auto_format=True)
        if "SliceThickness" not in measures:
            measures.SliceThickness = measures.SpacingBetweenSlices
        found = hd.seg.Segmentation.from_dataset(data, copy=False)
        segments = [(int(n), str(found.get_segment_description(n).segment_label)) for n in found.segment_numbers if n]
        layers, affine, labels = _layers(found, segments)
    except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise ImageError(
            "The DICOM segmentation cannot be read as a volume: a frame of it says no place, two say the same one, or "
            "they are no even stack of slices.",
            "Export it again, or convert it to a label map with a DICOM tool (3D Slicer, dcmqi).",
        ) from error
    _refuse_shifted(places, affine)
    layers = np.pad(layers, ((0, 0), (1, 1), (0, 0), (0, 0)))
    affine = affine @ _moved(-1)
    frame = str(data.get("FrameOfReferenceUID", ""))
    grid = Grid(layers.shape[1:], _LPS_RAS @ affine @ _KJI_IJK, frame)
    notes = []
    maximum = 0
    if found.SegmentationType == "FRACTIONAL":
        maximum = int(found.MaximumFractionalValue)
        kind = str(found.get("SegmentationFractionalType", "fraction")).lower()
        notes.append(
            f"The DICOM segmentation holds fractions ({kind}): its values divided by {maximum} are the weights of the "
            "pixel set."
        )
    if not stated:
        notes.append(f"{_UNTOLD}; {spacing:g} mm, the smallest distance of two, was taken.")
    return layers, grid, labels, maximum, tuple(notes)


def _highdicom():
    try:
        import highdicom
        import pydicom
    except ImportError as error:
        raise DependencyError(
            "highdicom, which reads DICOM segmentations, is not installed.", "Run: python -m pip install highdicom"
        ) from error
    return highdicom, pydicom


def _slice_spacing(data, along, normal, image):
    """(mm between slices, whether anything but the frames tells them)."""
    measures = data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    hints = [float(measures.get(name) or 0) for name in ("SpacingBetweenSlices", "SliceThickness")]
    if image is not None:
        axes = (_LPS_RAS @ image.ijk_to_ras)[:3, :3]
        lengths = np.linalg.norm(axes, axis=0)
        hints += [float(length) for length in lengths[np.abs(normal @ (axes / lengths)) > 1 - 1e-4]]
    hints = [abs(hint) for hint in hints if hint]
    gaps = np.diff(np.unique(np.round(along, 4)))
    gaps = gaps[gaps > 1e-3]
    if not gaps.size:
        return (hints[0], True) if hints else (1.0, False)  # as highdicom does
    for hint in [*hints, gaps.min()]:
        steps = np.rint(gaps / hint)
        if steps.min() >= 1 and np.abs(gaps / hint - steps).max() <= _TOLERANCE:
            exact = float(gaps.sum() / steps.sum())
            return exact, hint in hints
    raise ValueError("uneven")


def _layers(found, segments):
    """(layers, affine of (k, j, i) in LPS, [(number, name, layer)])."""
    how = {"rtol": _TOLERANCE, "allow_missing_positions": True}
    kind = found.SegmentationType
    if kind == "LABELMAP":
        volume = found.get_volume(combine_segments=True, **how)
        return volume.array[None], volume.affine, [(n, name, 0) for n, name in segments]
    layers, labels = [], []
    small = np.uint8 if max(n for n, _ in segments) <= 255 else np.uint16
    for number, name in segments:
        volume = found.get_volume(segment_numbers=[number], rescale_fractional=False, **how)
        array, place = volume.array[..., 0], None
        if kind != "FRACTIONAL":
            place = next((n for n, layer in enumerate(layers) if not layer[array > 0].any()), None)
            array = array.astype(small) * small(number)
        if place is None:
            place = len(layers)
            layers.append(array)
        else:
            layers[place] += array
        labels.append((number, name, place))
    return np.stack(layers), volume.affine, labels


def _moved(slices):
    step = np.eye(4)
    step[0, 3] = slices
    return step


def _refuse_shifted(places, affine):
    """highdicom lets slices stand askew by two degrees; here each must lie where the volume has it."""
    inverse = np.linalg.inv(affine)
    index = places @ inverse[:3, :3].T + inverse[:3, 3]
    shift = np.abs(index - np.rint(index) * [1, 0, 0])
    if shift.max() > _TOLERANCE:
        raise ImageError(
            "The frames of the DICOM segmentation are shifted against each other (gantry tilt).",
            "Correct the tilt of the series first (dcm2niix and Slicer do it on import), and segment that.",
        )
