"""From the panel's parameters to what the engine is asked; and why it cannot be asked yet."""

from __future__ import annotations

from functools import partial
from typing import Any

from seghirescam.protocol.question import DEFAULT, EACH
from seghirescam.protocol.recipes import FORMS, Recipe, Segment

from ...scene.segments.PixelSetReader import pixelSetSteps
from ...scene.segments.SegmentLabels import manyPixelSteps, uniqueNames
from ...scene.segments.SegmentName import segmentName
from ...schedule.Steps import StepsOf
from ...setup.Translation import _
from ..model.Channels import volumesMissing
from ..model.ModelFacts import FAILED, READ, READING, ModelFacts
from .Choices import DeviceChoice, PrecisionChoice, ScoreChoice
from .SegmentClasses import OF_RIVAL, ManySegments, segmentClasses


def whyNot(parameters: Any, model: ModelFacts) -> str:
    """The first thing that is missing before Apply can work, as one sentence; "" if nothing is."""
    checks = (
        lambda: volumesMissing(parameters, model),
        lambda: _segmentMissing(parameters),
        lambda: _modelMissing(parameters, model),
        lambda: _classMissing(parameters, model),
        lambda: _rivalMissing(parameters, model),
    )
    return next((reason for check in checks if (reason := check())), "")


def whyNotPredicted(parameters: Any, model: ModelFacts) -> str:
    """The same for Predict, which needs no segment and no class."""
    return volumesMissing(parameters, model) or _modelMissing(parameters, model)


def whyNotChecked(parameters: Any, model: ModelFacts) -> str:
    """The same for a check of how the model is fed, which needs a segment and its class."""
    if asksAll(parameters):
        return _("One segment is compared with what the model draws: untick All segments.")
    drawn = segmentName(parameters.segmentation, parameters.segmentId)
    why = whyNotPredicted(parameters, model)
    return (
        why or ("" if drawn else _("Choose a segment that the model should draw.")) or _classMissing(parameters, model)
    )


def asksAll(parameters: Any) -> bool:
    """Whether every segment of the segmentation is asked about."""
    return parameters.allSegments and parameters.pixelSet.needsSegment


def manySegments(parameters: Any, model: ModelFacts) -> ManySegments:
    """Every segment of the segmentation, with the class that it is asked about, or why it is left out."""
    node = parameters.segmentation
    shown = {} if node is None else uniqueNames(node)
    names = tuple((one, node.GetSegmentation().GetSegment(one).GetName(), name) for one, name in shown.items())
    rival = parameters.rivalName if parameters.score is ScoreChoice.CONTRAST else ""
    return ManySegments(*segmentClasses(names, parameters.className, rival, model.classes))


def segment(parameters: Any) -> Any:
    """The chosen segment, as :func:`recipe` gives it."""
    return partial(_segmentSteps, Segment, parameters.segmentation, parameters.segmentId, parameters.volume)


def recipe(parameters: Any) -> Any:
    """The pixel set M: a Recipe, or, where a segment is part of it, a function that returns a generator for Steps.

    The generator returns the Recipe, with BoxedPixels, or raises what readPixelSet raises.
    """
    form = FORMS[parameters.pixelSet.value]
    if not form.given:
        return form.asked()
    return partial(_segmentSteps, form, parameters.segmentation, parameters.segmentId, parameters.volume)


def manyRecipes(parameters: Any, many: ManySegments) -> Any:
    """The same of every segment: a function that returns a generator of the list of Recipes."""
    return partial(_manySteps, FORMS[parameters.pixelSet.value], parameters.segmentation, parameters.volume, many)


def _manySteps(form: type[Recipe], segmentationNode: Any, volumeNode: Any, many: ManySegments) -> StepsOf[list[Recipe]]:
    ids = [one.segmentId for one in many.asked]
    found: Any = yield from manyPixelSteps(segmentationNode, volumeNode, ids, many.refused.__setitem__)
    return [form.asked(pixels) for pixels in found]


def _segmentSteps(form: type[Recipe], segmentationNode: Any, segmentId: str, volumeNode: Any) -> StepsOf[Recipe]:
    pixels: Any = yield from pixelSetSteps(
        segmentationNode, segmentId, volumeNode
    )  # BoxedPixels, which travel as they are
    return form.asked(pixels)


def classAsked(parameters: Any, model: ModelFacts, many: ManySegments | None = None) -> dict:
    """The class of a request, of many segments one for each."""
    if many is not None:
        return {"class_index": [_named(one.className, model) for one in many.asked]}
    return {"class_index": _named(parameters.className, model)}


def layers(parameters: Any, many: ManySegments | None) -> str:
    """The layer asked for; a segment among many has the one that it would have by itself."""
    return EACH if many is not None and len(many.asked) > 1 and parameters.layer == DEFAULT else parameters.layer


def words(parameters: Any, model: ModelFacts, many: ManySegments | None = None) -> dict:
    """The parts of the request that are plain words: class, method, score, rival, device, consent."""
    contrast = parameters.score is ScoreChoice.CONTRAST
    return {
        **classAsked(parameters, model, many),
        "methods": [parameters.method],
        "score": parameters.score.value,
        "rival": _named(parameters.rivalName, model) if contrast else None,
        **where(parameters, model),
    }


def where(parameters: Any, model: ModelFacts) -> dict:
    """The parts of any request that opens the model: device, precision, a preview's passes, consent's hash."""
    device = None if parameters.device is DeviceChoice.AUTOMATIC else parameters.device.value
    rough = {} if parameters.precision is PrecisionChoice.FP32 else {"precision": parameters.precision.value}
    return {"device": device, "codeHash": model.codeHash, **rough, **parameters.passes.words}


def _named(name: str, model: ModelFacts) -> str | int:
    """By name, so that a model file that changed meanwhile is asked for the same class or not at all."""
    return name if model.classes.count(name) == 1 else model.classes.index(name)


def _segmentMissing(parameters: Any) -> str:
    if asksAll(parameters) and parameters.segmentation is not None:
        return (
            "" if uniqueNames(parameters.segmentation) else _("The segmentation has no segments: choose another one.")
        )
    if not parameters.pixelSet.needsSegment or segmentName(parameters.segmentation, parameters.segmentId):
        return ""
    if parameters.segmentation is None:
        return _("Choose a segmentation, or let the model predict one.")
    return _("Choose a segment.")


def _modelMissing(parameters: Any, model: ModelFacts) -> str:
    if not parameters.model:
        return _("Choose a model.")
    if model.state == FAILED:
        return model.failure
    if model.state == READING:
        return _("The model is being read.")
    if not model.source:
        return _("The model's file is not known on this computer: pick it again.")
    return ""


def _classMissing(parameters: Any, model: ModelFacts) -> str:
    if model.state != READ:
        return ""  # Apply reads the model first
    if not model.classes:
        return _("The model says its classes once it has been opened: press Predict.")
    if asksAll(parameters) and parameters.className in ("", *model.classes):
        many = manySegments(parameters, model)
        if many.asked:
            return ""
        if any(one.reason == OF_RIVAL for one in many.leftOut):
            return _("No segment is left: each class is the rival itself, or none. Choose another rival (in Advanced).")
        return _("No segment is called like a class of the model: choose the class of all.")
    return "" if parameters.className in model.classes else _("Choose the class.")


def _rivalMissing(parameters: Any, model: ModelFacts) -> str:
    if parameters.score is not ScoreChoice.CONTRAST or model.state != READ:
        return ""
    if parameters.rivalName not in model.classes:
        return _("Choose the rival class of the contrast (in Advanced).")
    same = parameters.rivalName == parameters.className  # of many segments said before, with those that are left out
    return _("A class cannot be its own rival.") if same and not asksAll(parameters) else ""
