"""The question as the panel's parameters say it: what it is, why it cannot be asked yet, which layers there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from seghirescam.protocol.explanation import LayerInfo
from seghirescam.protocol.question import DEEPEST, DEFAULT, DEFAULT_METHOD

from ...scene.segments.SegmentName import segmentName
from ...scene.segments.SegmentSize import coarsenessWarning, segmentExtentMm
from ...scene.volumes.ImageReader import voxelStamp
from ...setup.Translation import _
from ...worker.Job import Job
from ..model.Channels import volumesOf
from ..model.ModelFacts import READ, ModelFacts
from ..model.ModelLogic import ModelLogic
from ..Needs import AsksWorker, HasParameters
from ..Option import Option
from ..results.ResultWords import layerOption
from . import QuestionWords
from .Choices import DEFAULT_METHOD_TITLE, ScoreChoice
from .OnlyNodes import onlySegment, onlySegmentation, onlyVolume
from .QuestionView import QuestionState, QuestionView

_WORDS = (
    Option(DEFAULT, _("Default: deepest with 2 cells across"), _("The deepest level that resolves the segment.")),
    Option(DEEPEST, _("Deepest (as in the paper)"), _("In 3D its cells are often larger than the segment.")),
)
#: the class of each segment where all are asked about
_BY_NAME = Option(
    "", _("Each segment's own, by its name"), _("A segment whose name is no class's is left out, and named.")
)


class QuestionNeeds(AsksWorker, HasParameters, Protocol):
    """What this feature needs of the panel."""

    models: ModelLogic

    def pick(self, **fields: Any) -> None: ...
    def whyNot(self) -> str: ...


class QuestionLogic:
    """layersOf: the layers that are known, by model and volumes."""

    View = QuestionView

    def __init__(self, panel: QuestionNeeds, scene: Any):
        self._panel, self._scene = panel, scene
        self.pick = panel.pick
        self.layersOf: dict[tuple, tuple] = {}
        self._offered: set[str] = set()  # nodes chosen by themselves: a user who took one away meant it

    def chooseOnly(self, entered: bool = False) -> None:
        """Chooses the volume and the segmentation where the scene holds one of each kind, and none is chosen.

        entered: the user has come to the panel, so that what was taken away before may be meant again.
        """
        p = self._panel.parameters
        if p is None:
            return
        if entered:
            self._offered.clear()
        if p.volume is None and (volume := self._fresh(onlyVolume(self._scene))) is not None:
            self._panel.write(volume=volume)
        if p.segmentation is None and (node := self._fresh(onlySegmentation(self._scene))) is not None:
            self._panel.write(segmentation=node, segmentId=onlySegment(node))

    def openAdvanced(self) -> None:
        """The section with the layers was opened: lists them where that needs no question to the user."""
        panel, model = self._panel, self._panel.models.facts
        if panel.busy or panel.whyNot() or model.state != READ or self._key() in self.layersOf:
            return
        if panel.models.mayOpen():
            volumes = self._volumeIds()
            what = {"layerKey": self._key()}
            job = Job("layers", tuple(volumes.values()), what, volumes, title=_("Listing the layers"))
            panel.send(job, model.source, QuestionWords.where(panel.parameters, model))
            panel.changed()

    def asked(self, purpose: str, answered: Callable, title: str, **others: Any) -> tuple[Job, dict]:
        """(job, question) of the parameters as they are; others: words of the question in place of theirs."""
        p, model, volumes = self._panel.parameters, self._panel.models.facts, self._volumeIds()
        segmentation = p.segmentation if p.pixelSet.needsSegment else None
        many = QuestionWords.manySegments(p, model) if QuestionWords.asksAll(p) else None
        sets = QuestionWords.recipe(p) if many is None else QuestionWords.manyRecipes(p, many)
        question = {"pixel_sets": [sets], "layers": QuestionWords.layers(p, many)}
        question |= QuestionWords.words(p, model, many) | others
        what = {
            "layerKey": self._key(),
            "segmentation": segmentation.GetID() if segmentation else "",
            "segmentId": p.segmentId if segmentation else None,
            "many": many,
            "grid": p.grid.value,
            "model": model.source,
            "stamps": tuple(voxelStamp(self._scene.GetNodeByID(nodeId)) for nodeId in volumes.values()),
            "question": question,
        }
        nodes = tuple(filter(None, (*volumes.values(), what["segmentation"])))
        return Job(purpose, nodes, what, volumes, answered=answered, title=title), question

    def remember(self, job: Job, answer: dict) -> None:
        """An answer that says the layers of what was asked says them for the next question too."""
        if job.what.get("layerKey") and "layers" in answer:
            self.layersOf[job.what["layerKey"]] = tuple(answer["layers"])

    def state(self) -> QuestionState:
        p, model = self._panel.parameters, self._panel.models.facts
        if p is None:
            return QuestionState()
        known = self.layersOf.get(self._key(), ())
        chosen = next((layer for layer in known if layer.name == p.layer), None)
        needed = chosen is not None and p.pixelSet.needsSegment and not p.allSegments
        extent = segmentExtentMm(p.segmentation, p.segmentId) if needed else None
        many = QuestionWords.asksAll(p)
        classes, text = _classes(model, p.className), _classText(p, model)
        tip = QuestionWords.manySegments(p, model).told(None) if many and text else ""
        return QuestionState(
            classes=(_BY_NAME, *classes) if many else classes,
            className=p.className,
            classText=text,
            classTip=tip,
            rivals=_classes(model, p.rivalName, but=p.className),
            rivalName=p.rivalName,
            rivalEnabled=p.score is ScoreChoice.CONTRAST,
            methods=_methods(self._panel.engine.methods, p.method),
            method=p.method,
            layers=_layers(known, p.layer),
            layer=p.layer,
            layerWarning=coarsenessWarning(chosen, extent),
            segmentation=p.segmentation,
            segmentId=p.segmentId,
        )

    def _fresh(self, node: Any) -> Any:
        """The node where it was not chosen by itself before, else None."""
        if node is None or node.GetID() in self._offered:
            return None
        self._offered.add(node.GetID())
        return node

    def _volumeIds(self) -> dict[str, str]:
        """Channel name -> id of its volume; all of them are chosen when something can be asked."""
        chosen = volumesOf(self._panel.parameters, self._panel.models.facts).items()
        return {name: node.GetID() for name, node in chosen if node is not None}

    def _key(self) -> tuple[str, ...]:
        """Under which the list of layers is remembered: model and volumes."""
        return self._panel.models.facts.key, *self._volumeIds().values()


def _classes(model: ModelFacts, chosen: str, but: str | None = None) -> tuple[Option, ...]:
    """The model's classes; before they are known, the one that is chosen."""
    if model.state != READ and chosen:
        return (Option(chosen, chosen),)
    return tuple(Option(name, name) for name in model.classes if name != but)


def _classText(p: Any, model: ModelFacts) -> str:
    if model.state == READ and not model.classes:
        return _("Its classes are known once it has been opened: press Predict.")
    if model.state == READ and QuestionWords.asksAll(p):
        return QuestionWords.manySegments(p, model).told()
    if model.state != READ or p.className in model.classes:
        return ""
    name = segmentName(p.segmentation, p.segmentId)
    return (
        _("No class is called like the segment '{name}': choose the class.").format(name=name)
        if name
        else _("Choose the class.")
    )


def _layers(known: tuple[LayerInfo, ...], chosen: str) -> tuple[Option, ...]:
    found = (*_WORDS, *(layerOption(layer) for layer in known if layer.main or layer.name == chosen))
    return found if any(option.key == chosen for option in found) else (*found, Option(chosen, chosen))


def _methods(told: list[dict], chosen: str) -> tuple[Option, ...]:
    """The engine's methods as a worker told them; before that the paper's, and the one that is chosen."""
    known = [_methodOption(one) for one in told] or [Option(DEFAULT_METHOD, DEFAULT_METHOD_TITLE)]
    if all(option.key != chosen for option in known):
        known.append(Option(chosen, chosen))
    return tuple(known)


def _methodOption(told: dict) -> Option:
    cost = _("\n\nCost: {cost}. F, B: passes forward and backward.").format(cost=told["cost"]) if told["cost"] else ""
    if told["slow"]:
        cost += _(" Slow: a pass for each channel K or step.")
    return Option(told["name"], told["title"] + (" - slow" if told["slow"] else ""), told["about"] + cost)
