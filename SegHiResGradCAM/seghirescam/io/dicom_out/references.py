"""What an object says it was made from: every slice of the source once, and each frame its own where it has one."""

from __future__ import annotations

import numpy as np

from .frames import Frames
from .source import SourceSeries

_SAME_MM = 0.01


def point_at_source(found, series: SourceSeries, derivation, words: str) -> None:
    """Puts the references into a highdicom image. derivation: a code.  words: what was done, for people."""
    from pydicom.dataset import Dataset

    instances = {one.sop_instance: one for one in series.slices}.values()
    found.SourceImageSequence = [_instance(one) for one in instances]
    item = Dataset()
    item.SeriesInstanceUID = series.series
    item.ReferencedInstanceSequence = [_instance(one) for one in instances]
    found.ReferencedSeriesSequence = [item]
    shared = found.SharedFunctionalGroupsSequence[0]
    own = _own_slices(found, shared, series)
    for frame, source in zip(found.PerFrameFunctionalGroupsSequence, own, strict=True):
        if "DerivationImageSequence" in frame:
            del frame.DerivationImageSequence
        if source is not None:
            frame.DerivationImageSequence = [_derived([source], derivation, words, preserved=True)]
    if None in own:
        for frame in found.PerFrameFunctionalGroupsSequence:
            if "DerivationImageSequence" in frame:
                del frame.DerivationImageSequence
        shared.DerivationImageSequence = [_derived(instances, derivation, words, preserved=False)]


def _own_slices(found, shared, series):
    """The source's slice that each frame lies on, None where it lies on none."""
    frames = Frames.of(series.grid)
    turn = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float)
    spacing = np.array(shared.PixelMeasuresSequence[0].PixelSpacing, dtype=float)
    size = (found.Rows, found.Columns)
    groups = found.PerFrameFunctionalGroupsSequence
    if (
        size != series.grid.shape[1:]
        or np.abs(turn - frames.turn).max() > 1e-5
        or np.abs(spacing - frames.spacing[1:]).max() > 1e-5
    ):
        return [None] * len(groups)
    places = np.array([one.place for one in series.slices])
    own = []
    for frame in groups:
        away = np.linalg.norm(
            places - np.array(frame.PlanePositionSequence[0].ImagePositionPatient, dtype=float), axis=1
        )
        nearest = int(away.argmin())
        own.append(series.slices[nearest] if away[nearest] <= _SAME_MM else None)
    return own


def _instance(one, frame=False):
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.sop_class, one.sop_instance
    if frame and one.frame is not None:
        item.ReferencedFrameNumber = one.frame
    return item


def _derived(sources, derivation, words, preserved):
    from pydicom.dataset import Dataset
    from pydicom.sr.codedict import codes

    images = []
    for one in sources:
        image = _instance(one, frame=preserved)
        image.PurposeOfReferenceCodeSequence = [coded(codes.DCM.SourceImageForImageProcessingOperation)]
        image.SpatialLocationsPreserved = "YES" if preserved else "NO"
        images.append(image)
    item = Dataset()
    item.DerivationDescription = words
    item.DerivationCodeSequence = [coded(derivation)]
    item.SourceImageSequence = images
    return item


def coded(code):
    """A pydicom code as an item."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
