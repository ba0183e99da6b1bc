"""A model's own prediction as it travels: label maps on the image's grid, and how much there is of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..protocol.errors import GradientError, LayerError, SegHiResCamError
from ..protocol.grid import Grid
from ..protocol.recipes import Recipe
from ..protocol.sizes import Size, prediction_notes
from .answer import draw_notes
from .half_precision import overflow_notes
from .memory import MemoryLimitError

if TYPE_CHECKING:
    from ..models.segmentation_model import Prepared
    from ..protocol.explanation import ClassInfo
    from ..protocol.pixel_set import PixelSet
    from ..protocol.progress import Tell
    from ..protocol.recipes import View
    from .interface import Session

_CHUNK = 2**22


def predicted_labels(session: Session, progress: Tell) -> tuple[np.ndarray, tuple[str, ...]]:
    """(labels as SegmentationModel.labels_on_input gives them, notes for the user).

    What the session can keep of the pass it keeps: a question about the prediction then does not predict again.
    """
    model, image = session.model, session.image

    def first(fraction: float, phase: str) -> None:
        progress(0.9 * fraction, phase)

    if model.windows is None and len(model.networks) == 1:
        make_and_keep_the_pass(session, first)
    prepared = session.prepared()  # made by now: nothing is computed
    logits = session.logits(first)
    progress(0.9, "placing the prediction on the volume")
    return model.labels_on_input(logits, prepared, image), what_was_seen(session, prepared, logits)


def what_was_seen(session: Session, prepared: Prepared, logits: np.ndarray) -> tuple[str, ...]:
    """All there is to say beside a prediction: of the image, the outputs, random draws, precision and NaN."""
    passes = (*session.output_notes, *draw_notes(session.model.networks), *overflow_notes(session))
    return (*prepared.notes, *passes, *nan_notes(logits))


def nan_notes(logits: np.ndarray) -> tuple[str, ...]:
    """The note on voxels whose logits ``[C, K, J, I]`` are NaN: no class is the largest there."""
    count = int(np.isnan(logits).any(axis=0).sum())
    if not count:
        return ()
    return (f"The network's logits are NaN in {count} voxels; what is predicted there means nothing.",)


def label_maps(labels: np.ndarray, classes: Sequence[ClassInfo], grid: Grid) -> list[tuple[np.ndarray, list[dict]]]:
    """[(label map [K, J, I], [{"index", "name", "value", "voxels", "ml", "share_of_image", "size"}])]: one for classes
    that exclude each other (0, the background, is not listed), else one for each class that has a voxel; classes
    without any are listed with the first.  ml: None in a photo; size: in words."""
    if labels.ndim == 3:
        counts = _counts(labels)
        return [(labels, [_told(c, c.index, counts, grid) for c in classes if c.index != 0])]
    found, empty = [], []
    for info, mask in zip(classes, labels, strict=True):
        told = _told(info, 1, {1: int(np.count_nonzero(mask))}, grid)
        if told["voxels"]:
            found.append((mask.astype(np.uint8), [told]))
        else:
            empty.append(told)
    if not found:
        return [(np.zeros(labels.shape[1:], np.uint8), empty)]
    found[0][1].extend(empty)
    return found


def _told(info: ClassInfo, value: int, counts: dict[int, int], grid: Grid) -> dict:
    size = Size.counted(counts.get(value, 0), grid)
    told = {"index": info.index, "name": info.name, "value": value, "voxels": size.voxels, "ml": size.ml}
    return told | {"share_of_image": size.share, "size": size.words}


def notes_on(maps: list[tuple[np.ndarray, list[dict]]], grid: Grid, exclusive: bool) -> list[str]:
    """Sentences where a prediction fills nearly all of the image, or nothing. maps: of :func:`label_maps`."""
    told = [one for _, classes in maps for one in classes]
    return prediction_notes({one["name"]: Size.counted(one["voxels"], grid) for one in told}, exclusive)


def _counts(labels: np.ndarray) -> dict[int, int]:
    """Voxels of each label; in pieces, because numpy counts on integers of eight bytes."""
    total = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    flat = labels.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        total += np.bincount(flat[start : start + _CHUNK], minlength=total.size)
    return dict(enumerate(total.tolist()))


class _OnlyThePass(Recipe):
    """Stops a question as soon as its pass has been made, and kept if it fits."""

    needs_prediction = True

    def resolve(self, view: View) -> PixelSet:
        raise _MadeError("The pass has been made.")


class _MadeError(SegHiResCamError):
    pass


def make_and_keep_the_pass(session: Session, progress: Tell) -> None:
    """``Session.logits`` alone makes a pass without its graph, and the next question would need another one.

    A network that cannot be explained can still predict: what stands in the way of a graph is no error here.
    """
    try:
        if any(layer.main for layer in session.layers(progress)):
            session.ask([_OnlyThePass()], class_index=session.model.classes[0].index, progress=progress)
    except (_MadeError, LayerError, GradientError, MemoryLimitError):
        return
