"""The prediction against a segment, as the model is stated and with one change at a time; and what that says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...models.segmentation_model import SegmentationModel
from ...protocol.errors import DependencyError, PixelSetError, SegHiResCamError
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress, Tell
from ...protocol.recipes import hardened
from ...session.memory import MemoryLimitError
from ...session.opening import open_session
from .feeding_changes import Change, changes_of, what_is_fixed
from .feeding_verdict import Row, Verdict, verdict_of

STATED = "as stated"


@dataclass(frozen=True, eq=False)
class Feeding:
    """rows: as stated first, then every change.  classes: Dice of every class as stated, by name.  fixed: kinds of
    changes that the model's own loader leaves no room for.  predictions: that were made.  notes: of the image and of
    the prediction as stated."""

    class_name: str
    rows: tuple[Row, ...]
    classes: dict[str, float | None]
    fixed: tuple[str, ...]
    predictions: int
    verdict: Verdict
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict:
        return {
            "class_name": self.class_name,
            "rows": [row.to_json() for row in self.rows],
            "dice_by_class": self.classes,
            "not_tried": list(self.fixed),
            "predictions": self.predictions,
            "verdict": self.verdict.to_json(),
            "notes": list(self.notes),
        }


def planned(model: SegmentationModel, image: Image) -> int:
    """How many predictions a check makes, at most: changes that feed the network the same are made once."""
    return 1 + len(changes_of(model, image))  # one for an activation that is not seen is made in place of another


def check_feeding(
    model: SegmentationModel,
    image: Image,
    segment: PixelSet,
    class_index: int,
    progress: Tell | None = None,
    *,
    toml: bool = False,
    **settings: Any,
) -> Feeding:
    """Raises PixelSetError for a segment without voxels on the image, and what the prediction as stated raises only if
    nothing else can be predicted either.  Nothing of the model is left changed.

    toml: whether what is to be written is told as TOML, else as JSON.  settings: the fields of
    :class:`question.ComputeSettings`.
    """
    truth = hardened(segment.on(image.grid).weights)
    if not truth.any():
        raise PixelSetError(f"The segment ({segment.label}) has no voxels on the image.", "Choose another one.")
    tell, count = Progress(progress), planned(model, image)
    tried = _Tried(image, truth, class_index, toml, settings)

    def row(n, change):
        n = min(n, count - 1)
        return tried.row(change, tell.part(n / count, (n + 1) / count, f"{n + 1} of {count}: "))

    rows = [row(0, Change("", STATED, model))]  # it settles the head, where nobody stated one
    rows += [row(n, change) for n, change in enumerate(changes_of(model, image), start=1)]
    if all(row.dice is None for row in rows):
        raise tried.first_error
    tell(1.0, "done")
    name = model.class_name(class_index)
    verdict = verdict_of(rows, name, tried.classes)
    return Feeding(name, tuple(rows), tried.classes, what_is_fixed(model), tried.predictions, verdict, tried.notes)


class _Tried:
    """The predictions so far: what feeds the network the same and reads it the same is predicted once."""

    def __init__(self, image, truth, class_index, toml, settings):
        self.image, self.truth, self.index, self.toml = image, truth, class_index, toml
        self.settings = {**settings, "keep": False}
        self.known: dict[str, Row] = {}
        self.predictions, self.notes = 0, tuple(image.notes)
        self.classes: dict[str, float | None] = {}
        self.first_error: SegHiResCamError | None = None

    def row(self, change: Change, tell: Progress) -> Row:
        phase = f"{change.kind} {change.name}".strip()
        tell(0.0, phase)
        try:
            return self._row(change, tell.part(0.0, 1.0, f"{phase}: "))
        except (MemoryLimitError, DependencyError):
            raise
        except SegHiResCamError as error:
            if error.code == "cancelled":
                raise
            self.first_error = self.first_error or error
            if change.otherwise is not None:
                return self.row(change.otherwise, tell)
            return Row(change.kind, change.name, None, change.written(self.toml), reason=error.sentence)

    def _row(self, change, tell):
        image = change.image(self.image)
        # a copy: the head may be settled by what it returns
        session = open_session(change.model, image, **self.settings)
        prepared = session.prepared(tell)
        key = _digest(prepared, change)
        if key in self.known:
            same = self.known[key]
            return Row(
                change.kind,
                change.name,
                same.dice,
                change.written(self.toml),
                same.voxels,
                same.mask,
                same_as=same.name,
            )
        logits = session.logits(tell)
        self.predictions += 1
        labels = session.model.labels_on_input(logits, prepared, image)
        masks = labels == self.index if labels.ndim == 3 else labels[self.index]
        mask = np.flip(masks, change.flipped) if change.flipped else masks
        if not change.kind:
            self._remember(session, prepared, labels)
        row = Row(
            change.kind,
            change.name,
            dice(mask, self.truth),
            change.written(self.toml),
            int(np.count_nonzero(mask)),
            hashlib.sha256(np.packbits(mask).tobytes()).hexdigest(),
        )
        self.known[key] = row
        session.release()
        return row

    def _remember(self, session, prepared, labels):
        self.notes = (*self.notes, *prepared.notes, *session.output_notes)
        self.classes = dice_by_class(labels, session.model, self.truth)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """2 |A and B| / (|A| + |B|) of two boolean arrays; 0 where both are empty."""
    both = int(np.count_nonzero(one & other))
    total = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2 * both / total if total else 0.0


def dice_by_class(labels: np.ndarray, model: SegmentationModel, truth: np.ndarray) -> dict[str, float | None]:
    """Dice of every class of a prediction, as ``SegmentationModel.labels_on_input`` gives it, against one mask."""
    if labels.ndim == 4:
        return {c.name: dice(labels[c.index], truth) for c in model.classes}
    count = max(c.index for c in model.classes) + 1
    predicted = np.bincount(labels.ravel(), minlength=count)
    inside = np.bincount(labels[truth], minlength=count)
    size = int(truth.sum())
    return {c.name: 2 * int(inside[c.index]) / (int(predicted[c.index]) + size) for c in model.classes}


def _digest(prepared, change):
    """Of all that decides a prediction."""
    model = change.model
    digest = hashlib.sha256(prepared.tensor.contiguous().numpy().tobytes())
    digest.update(repr((prepared.grid.shape, prepared.grid.ijk_to_ras.tolist(), prepared.valid)).encode())
    digest.update(repr((model.head, model.activation, change.flipped)).encode())
    return digest.hexdigest()
