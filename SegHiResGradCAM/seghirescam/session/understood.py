"""A question as one model understands it: names turned into objects, before anything expensive runs."""

from __future__ import annotations

from dataclasses import dataclass

from ..cam.logits.score import ClassLogit, Contrast, LogOdds, Score
from ..cam.methods import method
from ..models.segmentation_model import SegmentationModel
from ..protocol.question import CONTRAST, LOGIT, Question
from ..protocol.recipes import Recipe


@dataclass(frozen=True, eq=False)
class Understood:
    """Recipes with a class and a score object each, Method instances, layers (a word or names) and side.

    The scores are of one kind; they differ in class and rival only.
    """

    recipes: tuple[Recipe, ...]
    classes: tuple[int, ...]
    methods: tuple
    layers: str | tuple[str, ...]
    scores: tuple[Score, ...]
    side: str

    @property
    def score(self) -> Score:
        """The first; in kind it stands for all."""
        return self.scores[0]

    @staticmethod
    def of(model: SegmentationModel, question: Question) -> Understood:
        """Raises ClassError or MethodError for what this model cannot be asked."""
        classes = tuple(model.class_index(one) for one in question.classes)
        both = zip(classes, question.rivals, strict=True)
        scores = tuple(score_of(model, index, question.score, rival) for index, rival in both)
        methods = tuple(method(one) for one in question.methods)
        return Understood(question.pixel_sets, classes, methods, question.layers, scores, question.side)


def score_of(
    model: SegmentationModel, class_index: int | str, score: str = LOGIT, rival: int | str | None = None
) -> Score:
    """The score object for a class by index or name. Raises ClassError."""
    index = model.class_index(class_index)
    if score == CONTRAST:
        return Contrast(index, model.class_index(rival), unit=model.score_unit)  # type: ignore[arg-type]
    return (ClassLogit if score == LOGIT else LogOdds)(index, unit=model.score_unit)
