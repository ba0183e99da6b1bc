"""The verb: both models predict, the two predictions are compared, and both models are asked about every difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...evaluation.metrics.ground import Ground
from ...models.segmentation_model import SegmentationModel
from ...protocol.errors import EmptyPixelSetError, LayerError, MethodError, PixelSetError
from ...protocol.explanation import Explanation
from ...protocol.grid import Grid
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress, Tell
from ...protocol.question import AUTO, DEFAULT_METHOD, EACH, LOGIT, MAIN, Question
from ...protocol.recipes import Segment, View, hardened
from ...session.interface import Session
from ...session.opening import open_session
from ...session.prediction import predicted_labels
from ...session.understood import Understood
from .disagreement import SIDES, Asked, DifferenceSet, Disagreement, dice_of, difference_sets

#: of the progress, what predicting takes
_PREDICTED = 0.5


def disagree(
    models: Sequence[SegmentationModel],
    images: Image | Sequence[Image],
    *,
    class_index: int | str | Sequence[int | str],
    method: Any = DEFAULT_METHOD,
    layers: str | Sequence[str] = EACH,
    score: str = LOGIT,
    rival: int | str | Sequence[int | str] | None = None,
    side: str = AUTO,
    device: str | None = None,
    precision: str = "fp32",
    tolerance: float = 0.0,
    progress: Callable[[float, str], None] | None = None,
) -> Disagreement:
    """Where do two models disagree about one case, and what did each look at?

    models: A and B.  images: one for both, or one for each; B's may lie on another grid.  class_index, layers, rival:
    one for both models, or a pair.  layers: a word (each: the design rule, for every set by itself; deepest) or one
    layer's name.  The other words as in :func:`explain.explain`.

    Both predict as their own inference does, on their own grids; the predictions are placed on the first image's grid,
    and every set of voxels on each model's grid, in millimetres.  All sets are asked in one question a model: where its
    pass can be kept that is one forward pass, the prediction's.  Raises ClassError, LayerError, MethodError, and
    EmptyPixelSetError where neither predicts a voxel.  progress may raise to cancel.
    """
    both = list(images) if isinstance(images, (list, tuple)) else [images, images]
    words = {"device": device, "precision": precision, "tolerance": tolerance}
    sessions = [open_session(model, image, **words) for model, image in zip(models, both, strict=True)]
    return disagree_in(
        sessions, class_index=class_index, method=method, layers=layers, score=score, rival=rival, side=side,
        progress=progress,
    )  # fmt: skip


def disagree_in(
    sessions: Sequence[Session], *, class_index: Any, method: Any = DEFAULT_METHOD, layers: Any = EACH,
    rival: Any = None, progress: Tell | None = None, **words: Any,
) -> Disagreement:  # fmt: skip
    """:func:`disagree` in two sessions that are open already. words: the other fields of :class:`question.Question`."""
    tell = Progress(progress)
    classes, chosen, rivals = pair(class_index), _layers(layers), pair(rival)
    asked = [
        Question(class_index=classes[n], methods=method, layers=chosen[n], rival=rivals[n], **words) for n in (0, 1)
    ]
    understood = [Understood.of(session.model, one) for session, one in zip(sessions, asked, strict=True)]
    if len(understood[0].methods) != 1 or understood[0].methods[0].at_input:
        raise MethodError("Two models are compared by one method that works on a layer.", "Name one.")
    before = [session.forward_calls for session in sessions]
    grid = sessions[0].image.grid
    masks, notes = [], []
    for n, session in enumerate(sessions):
        part = tell.part(*_half(n, 0.0, _PREDICTED), f"model {SIDES[n]}: ")
        labels, seen = predicted_labels(session, part)
        masks.append(_on(grid, _mask_of(labels, session.model, understood[n].classes[0]), session.image.grid))
        notes.append(tuple(dict.fromkeys(seen)))
    sets = difference_sets(*masks, grid)
    names = tuple(session.model.class_name(one.classes[0]) for session, one in zip(sessions, understood, strict=True))
    if all(one.is_empty for one in sets):
        raise EmptyPixelSetError(
            f"Neither model predicts a voxel of {' or '.join(dict.fromkeys(names))} in this image.",
            "Choose another class, or check what the models are fed with ('seghirescam check').",
        )
    answers = []
    for n, session in enumerate(sessions):
        part = tell.part(*_half(n, _PREDICTED, 1.0), f"model {SIDES[n]}: ")
        answers.append(_about(session, sets, _about_sets(asked[n], sets, grid), understood[n].classes[0], part))
    told = [replace(one, asked=() if one.is_empty else tuple(found[one.key] for found in answers)) for one in sets]
    tell(1.0, "done")
    titles = tuple(
        one.score.title({c.index: c.name for c in session.model.classes})
        for session, one in zip(sessions, understood, strict=True)
    )
    return Disagreement(
        tuple(session.model.name for session in sessions), names, (masks[0], masks[1]), tuple(told), dice_of(sets),
        Ground.of(sessions[0].image), titles, tuple(s.forward_calls - n for s, n in zip(sessions, before, strict=True)),
        (notes[0], notes[1]),
    )  # fmt: skip


def pair(value: Any) -> tuple[Any, Any]:
    """One for both models, or one for each."""
    if isinstance(value, (list, tuple)):
        return (value[0], value[0]) if len(value) == 1 else (value[0], value[1])
    return value, value


def _half(n: int, start: float, end: float) -> tuple[float, float]:
    """The first or second half of a stretch of the progress."""
    middle = (start + end) / 2
    return (start, middle) if n == 0 else (middle, end)


def _about_sets(question: Question, sets: Sequence[DifferenceSet], grid: Grid) -> Question:
    """The question about those of the sets that hold a voxel."""
    pixels = tuple(PixelSet(one.mask, grid, one.title) for one in sets if not one.is_empty)
    return replace(question, pixel_sets=pixels)


def _layers(layers: Any) -> list[Any]:
    found = []
    for one in pair(layers):
        if one == MAIN or not isinstance(one, str):
            raise LayerError(
                "Two models are compared at one layer of each.", "Name it, or 'each', 'default' or 'deepest'."
            )
        found.append(one if one in (EACH, "default", "deepest") else [one])
    return found


def _mask_of(labels: np.ndarray, model: SegmentationModel, index: int) -> np.ndarray:
    """bool [K, J, I]: the class, from what ``labels_on_input`` gave."""
    if labels.ndim == 3:
        return labels == index
    return labels[[c.index for c in model.classes].index(index)] > 0


def _on(grid: Grid, mask: np.ndarray, own: Grid) -> np.ndarray:
    """A prediction on the grid of the sets. Raises PixelSetError where the two images show different places."""
    if own.same_as(grid) or not mask.any():
        return mask if own.same_as(grid) else np.zeros(grid.shape, dtype=bool)
    return hardened(PixelSet(mask, own, "the prediction of B").on(grid).weights)


def _about(session: Session, sets: Sequence[DifferenceSet], question: Question, index: int, tell: Tell) -> dict:
    """What one model says, by the sets' keys: all of them in one question."""
    asked = [one for one in sets if not one.is_empty]
    refused: dict[int, str] = {}

    def note(place: int, error: PixelSetError) -> None:
        refused[place] = f"{error.sentence} {error.hint}".strip()

    try:
        found: list[Explanation] = session.ask(question, progress=tell, refused=note)
    except PixelSetError:
        if len(refused) < len(asked):
            raise
        found = []
    answers = iter(found)
    prepared = session.prepared()
    view = View(prepared.grid, prepared.valid, index, session.model.class_name(index))
    told = {}
    for place, one in enumerate(asked):
        if place in refused:
            told[one.key] = Asked(None, reason=refused[place])
        else:
            weights = Segment(question.pixel_sets[place].pixels).resolve(view).weights  # type: ignore[attr-defined]
            told[one.key] = Asked(next(answers), float(weights.sum(dtype=np.float64)))
    return told
