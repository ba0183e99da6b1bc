"""What is asked about a place: one voxel, the part of the prediction there, or a box; and how its answer is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from seghirescam.protocol.explanation import Explanation
from seghirescam.protocol.recipes import Box, Component, PredictedClass, Recipe, Voxel

from ...scene.pointing.Pointer import Place
from ...setup.Translation import _
from ..model.ModelFacts import READ, ModelFacts
from ..question import QuestionWords

VOXEL, PART = "voxel", "part"


def recipeAt(place: Place, form: str) -> Recipe:
    """form: VOXEL, or PART for the connected part of the prediction at the point; a box is asked about as it is."""
    if place.box is not None:
        matrix, size = place.box
        return Box(np.array(matrix).reshape(4, 4), size)  # type: ignore[arg-type]
    return Voxel(place.ras) if form == VOXEL else Component(PredictedClass(), place.ras)


def named(one: Explanation, place: Place, form: str) -> Explanation:
    """The explanation under a name that says where: the next one is about another place."""
    if place.box is not None:
        label = _("box at {place}").format(place=place.text)
    elif form == VOXEL:
        label = _("voxel at {place}").format(place=place.text)
    else:
        label = _("part of predicted {name} at {place}").format(name=one.class_name, place=place.text)
    where = {"place_ras_mm": list(place.ras)}
    return replace(one, pixel_set_label=label, provenance=one.provenance | where)


def whyNot(parameters: Any, model: ModelFacts) -> str:
    """Why no place can be asked about, as one sentence; "" if one can."""
    why = QuestionWords.whyNotPredicted(parameters, model)
    if why or model.state != READ:
        return why
    if not model.classes:
        return _("The model says its classes once it has been opened: press Predict.")
    if parameters.className not in model.classes:
        return _("Choose the class.")
    return QuestionWords.rivalMissing(parameters, model)
