"""Which session fits a model."""

from __future__ import annotations

from ..models.base import SegmentationModel
from ..models.slice_by_slice import by_slices
from ..protocol.image import Image
from .whole import Session
from .windowed import WindowedSession


def open_session(model: SegmentationModel, image: Image, *, tolerance: float = 0.0, **settings):
    """The session that fits the model: :class:`windowed.WindowedSession` where its inference averages windows,
    mirrorings or folds (tolerance is for that one) or a 2D network goes through a volume, else :class:`Session`."""
    model = by_slices(model, image)
    if model.windows is None and len(model.networks) == 1:
        return Session(model, image, **settings)
    return WindowedSession(model, image, tolerance=tolerance, **settings)
