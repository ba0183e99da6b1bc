"""Which session fits a model."""

from __future__ import annotations

from typing import Any

from ..models.preview import previewed
from ..models.segmentation_model import SegmentationModel
from ..models.slice_by_slice import by_slices
from ..protocol.image import Image
from ..protocol.question import ALL_MIRRORINGS
from .interface import Session
from .whole import WholeSession
from .windowed import WindowedSession


def open_session(model: SegmentationModel, image: Image, **settings: Any) -> Session:
    """The session that fits the model: :class:`windowed.WindowedSession` where its inference averages windows,
    mirrorings or folds or a 2D network goes through a volume, else :class:`whole.WholeSession`.

    settings: ``keep``, and the fields of :class:`question.ComputeSettings`, of which a preview's choose what of the
    model is run.
    """
    chosen = settings.get("mirroring", ALL_MIRRORINGS), settings.get("folds", ())
    model = by_slices(previewed(model, *chosen), image)
    whole = model.windows is None and len(model.networks) == 1
    return (WholeSession if whole else WindowedSession)(model, image, **settings)
