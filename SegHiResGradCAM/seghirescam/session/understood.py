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
    """Recipes, class, Method instances, layers (a word or names), score object and side."""

    recipes: tuple[Recipe, ...]
    class_index: int
    methods: tuple
    layers: str | tuple[str, ...]
    score: Score
    side: str

    @staticmethod
    def of(model: SegmentationModel, question: Question) -> Understood:
        """Raises ClassError or MethodError for what this model cannot be asked."""
        index = model.class_index(question.class_index)
        score = score_of(model, index, question.score, question.rival)
        methods = tuple(method(one) for one in question.methods)
        return Understood(question.pixel_sets, index, methods, question.layers, score, question.side)


def score_of(
    model: SegmentationModel, class_index: int | str, score: str = LOGIT, rival: int | str | None = None
) -> Score:
    """The score object for a class by index or name. Raises ClassError."""
    index = model.class_index(class_index)
    if score == CONTRAST:
        return Contrast(index, model.class_index(rival))  # type: ignore[arg-type]
    return (ClassLogit if score == LOGIT else LogOdds)(index)
