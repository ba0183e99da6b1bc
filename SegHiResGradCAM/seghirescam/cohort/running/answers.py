"""The questions of a job answered: one forward pass for all of them where that can be, a line for every map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...evaluation.metrics.ground import Ground
from ...protocol.errors import CancelledError, EmptyPixelSetError, PixelSetError, SegHiResCamError
from ...protocol.explanation import Explanation
from ...protocol.progress import Tell
from ...session.interface import Session
from ...session.opening import open_session
from ...session.prediction import predicted_labels
from ..plans.row import Row
from ..settings import Settings
from .measured import Measuring, overlap
from .model_store import Kept
from .row_questions import Asked, OpenCase

EMPTY = "empty_target"
#: what a line's map is written by: (row's place, number of the line, explanation)
WriteMap = Callable[[int, int, Explanation], None]


@dataclass(eq=False)
class Answer:
    """Of one row. lines, by_label: of the tables.  failed: why there are none."""

    lines: list[dict] = field(default_factory=list)
    by_label: list[dict] = field(default_factory=list)
    failed: Exception | None = None


def answered(
    rows: Sequence[Row], case: OpenCase, kept: Kept, settings: Settings, device: str,
    write_map: WriteMap | None = None, progress: Tell | None = None,
) -> tuple[list[Answer], int]:  # fmt: skip
    """(an answer for each row, forward passes). A row that fails leaves the others as they are.

    Raises what ends all of them: ImageError, ModelError, MemoryLimitError.
    """
    answers = [Answer() for _ in rows]
    asked: list[Asked] = []
    for place, row in enumerate(rows):
        try:
            asked += case.asked(place, row, kept.model)
        except SegHiResCamError as error:
            answers[place].failed = error
    session = open_session(kept.model, case.image, keep=True, device=device, **settings.session_words)
    try:
        job = _Answering(rows, case, session, settings, answers, write_map)
        job.answer([one for one in asked if answers[one.row].failed is None], progress)
        return answers, session.forward_calls
    finally:
        session.release()


class _Answering:
    """One job on its way."""

    def __init__(
        self, rows: Sequence[Row], case: OpenCase, session: Session, settings: Settings, answers: list[Answer],
        write_map: WriteMap | None,
    ):  # fmt: skip
        self.rows, self.case, self.session, self.settings, self.answers = rows, case, session, settings, answers
        self.write_map = write_map
        self.measuring = Measuring(case, session, settings, Ground.of(case.image))
        self._seen: dict[tuple, int] = {}
        self._predicted: np.ndarray | None = None
        self._truths: dict[tuple[int, int], np.ndarray] = {}
        self._overlaps: dict[tuple[int, int], dict[str, Any]] = {}

    def answer(self, asked: list[Asked], progress: Tell | None) -> None:
        waiting = [one for one in asked if one.refused is None]
        for one in asked:
            if one.refused is not None:
                self._without(one)
        if not waiting:
            return
        found = self._explained(waiting, progress)
        waiting = [one for one in waiting if self.answers[one.row].failed is None]
        self._compare([one for one in waiting if self.rows[one.row].reference])
        for one, explanation in found:
            if self.answers[one.row].failed is None:
                self._measure(one, explanation)
        for one in waiting:
            if one.refused is not None and self.answers[one.row].failed is None:
                self._without(one)

    def _explained(self, waiting: list[Asked], progress: Tell | None) -> list[tuple[Asked, Explanation]]:
        """All together; where that fails, row by row, so that only those fail that do by themselves."""
        rows = sorted({one.row for one in waiting})
        if len(rows) > 1:
            try:
                return self._ask(waiting, progress)
            except CancelledError:
                raise
            except Exception:
                self.session.release()
        found = []
        for row in rows:
            own = [one for one in waiting if one.row == row]
            for one in own:
                one.refused = None
            try:
                found += self._ask(own, progress)
            except CancelledError:
                raise
            except Exception as error:  # a network of somebody else's: whatever it raises is this row's
                self.answers[row].failed = error
                self.session.release()
        return found

    def _ask(self, waiting: list[Asked], progress: Tell | None) -> list[tuple[Asked, Explanation]]:
        sets = [one.asked for one in waiting]
        rivals = [one.rival for one in waiting]
        found: list[tuple[Asked, Explanation]] = []
        self._seen = {}
        empty: dict[int, PixelSetError] = {}

        def receive(explanation: Explanation) -> None:
            for one in self._of(waiting, explanation):
                found.append((one, explanation))

        def refused(place: int, error: PixelSetError) -> None:
            empty[place] = error

        words: dict[str, Any] = {
            "class_index": [one.class_index for one in waiting], "methods": list(self.settings.methods),
            "layers": self.settings.engine_layers, "score": self.settings.score, "side": self.settings.side,
            "rival": rivals if any(rival is not None for rival in rivals) else None,
        }  # fmt: skip
        try:
            self.session.ask(sets, **words, progress=progress, receive=receive, refused=refused)
        except EmptyPixelSetError:
            if len(empty) < len(waiting):
                raise
        for place, error in empty.items():
            if isinstance(error, EmptyPixelSetError):
                waiting[place].refused = EMPTY, error.sentence
            else:
                self.answers[waiting[place].row].failed = error
        return found

    def _of(self, waiting: list[Asked], explanation: Explanation) -> list[Asked]:
        """Whose answer it is; sets of the same voxels, class and name are one question."""
        facts = explanation.provenance
        same = [
            one for one in waiting
            if one.asked is not None and one.class_index == explanation.class_index
            and one.asked.sha256 == facts["pixel_set_sha256"] and one.asked.label == explanation.pixel_set_label
            and (one.rival is None or one.rival == facts["rival_index"])
        ]  # fmt: skip
        # the n-th such answer of a method and layer is the n-th one's
        key = (facts["pixel_set_sha256"], explanation.pixel_set_label, explanation.class_index, facts["rival_index"])
        count = self._seen.setdefault((*key, explanation.layer.name, explanation.method), 0)
        self._seen[(*key, explanation.layer.name, explanation.method)] = count + 1
        return same[count : count + 1]

    def _measure(self, one: Asked, explanation: Explanation) -> None:
        answer, row = self.answers[one.row], self.rows[one.row]
        truth = self._truths.get((one.row, one.class_index))
        try:
            line, by_label = self.measuring.line(explanation, one, row, truth)
        except SegHiResCamError as error:
            answer.failed = error
            return
        if self.write_map is not None:
            self.write_map(one.row, len(answer.lines) + 1, explanation)
        answer.lines.append(line | self._overlaps.get((one.row, one.class_index), {}))
        answer.by_label += by_label

    def _without(self, one: Asked) -> None:
        """The line of what has no map."""
        assert one.refused is not None
        status, reason = one.refused
        model = self.session.model
        name = model.class_name(one.class_index) if one.class_index >= 0 else ""
        line = {
            "label": one.label, "pixel set": one.form, "class": one.class_index if name else None, "class name": name,
            "rival": one.rival, "score of": self.settings.score, "status": status, "reason": reason,
        }  # fmt: skip
        over = self._overlaps.get((one.row, one.class_index), {})
        self.answers[one.row].lines += [line | {"method": method} | over for method in self.settings.methods]

    def _compare(self, asked: list[Asked]) -> None:
        """Prediction against reference, once for each row and class."""
        for one in asked:
            row, key = self.rows[one.row], (one.row, one.class_index)
            if key in self._overlaps or self.answers[one.row].failed is not None:
                continue
            try:
                truth = self.case.reference(row, self.session.model.class_name(one.class_index))
                self._overlaps[key] = overlap(self._decided(one.class_index), truth, self.case.image.grid)
                self._truths[key] = truth
            except SegHiResCamError as error:
                self.answers[one.row].failed = error

    def _decided(self, index: int) -> np.ndarray:
        """Bool [K, J, I] on the image's grid: where the model chooses the class, by its own way back."""
        if self._predicted is None:
            self._predicted = predicted_labels(self.session, lambda fraction, phase: None)[0]
        labels, model = self._predicted, self.session.model
        if labels.ndim == 3:
            return labels == index
        return labels[[one.index for one in model.classes].index(index)]
