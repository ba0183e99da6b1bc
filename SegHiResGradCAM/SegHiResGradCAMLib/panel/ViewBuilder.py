"""From the presenter's state to what the panel shows."""

from __future__ import annotations

from importlib import metadata

from ..scene.overlay.DisplaySettings import TABLES
from ..scene.overlay.OverlayDisplay import settingsOf
from ..scene.overlay.VolumeRendering import isIn3D
from ..scene.results.ComparisonNodes import comparisonOf
from ..scene.results.Export import whyNotExported
from ..scene.segments.SegmentSize import coarsenessWarning, segmentExtentMm
from ..setup.Dependencies import TORCH, isInstalled
from ..worker.Job import BY_SEGMENT, COMPARE, COST, DESCRIBE, EXPLAIN, FULL, LAYERS, OTHER_LAYER, PAINT, PLACE, PREDICT
from .model.Channels import channelWarning, severalChannels
from .model.ModelFacts import READ
from .question.Choices import DEEPEST_LAYER, DEFAULT_LAYER, DEFAULT_METHOD, DEFAULT_METHOD_TITLE, ScoreChoice
from .question.QuestionLogic import segmentName
from .results.Results import facts, layerOption
from .trust.TrustView import truthOf
from .ViewState import Option, ViewState

_PHASES = {
    EXPLAIN: "Asking the network", LAYERS: "Listing the layers", OTHER_LAYER: "Computing another layer",
    PLACE: "Showing another layer", PREDICT: "Predicting",
    COMPARE: "Comparing methods", PAINT: "Painting over", COST: "Estimating the full check",
    FULL: "Checking fully", BY_SEGMENT: "Sharing out the evidence",
}  # fmt: skip
_WORDS = (
    Option(DEFAULT_LAYER, "Default: deepest with 2 cells across", "The deepest level that resolves the segment."),
    Option(DEEPEST_LAYER, "Deepest (as in the paper)", "In 3D its cells are often larger than the segment."),
)


def viewOf(presenter) -> ViewState:
    """The ViewState of a Presenter."""
    if presenter.parameters is None:
        why = presenter.whyNot()
        reasons = dict.fromkeys(("applyReason", "predictReason", "compareReason"), why)
        return ViewState(**reasons, device=_device(presenter), colorTables=TABLES)
    return ViewState(**_what(presenter), **_how(presenter), **_running(presenter), **_see(presenter))


def _what(presenter):
    p, model = presenter.parameters, presenter.model
    classes = tuple(Option(name, name) for name in model.classes)
    if model.state != READ and p.className:
        classes = (Option(p.className, p.className),)
    name = segmentName(p)
    text = ""
    if model.state == READ and p.className not in model.classes:
        text = f"No class is called like the segment '{name}': choose the class." if name else "Choose the class."
        if not model.classes:
            text = "Its classes are known once it has been opened: press Predict."
    return {
        "models": presenter.models.shelf.options(p.model),
        "model": p.model,
        "modelPath": presenter.models.path,
        "modelText": presenter.models.pathProblem() or model.text(),
        "channels": tuple(model.channels) if severalChannels(model) else (),
        "ownVolumes": presenter.desk.results.ownVolumes(),
        "channelText": channelWarning(p, model),
        "classes": classes,
        "className": p.className,
        "classText": text,
        "segmentation": p.segmentation,
        "segmentId": p.segmentId,
    }


def _how(presenter):
    p, model = presenter.parameters, presenter.model
    contrast = p.score is ScoreChoice.CONTRAST
    known = presenter.layersOf.get(presenter.layerKey(), ())
    layers = (*_WORDS, *(layerOption(layer) for layer in known if layer.main or layer.name == p.layer))
    if all(option.key != p.layer for option in layers):
        layers = (*layers, Option(p.layer, p.layer))
    chosen = next((layer for layer in known if layer.name == p.layer), None)
    extent = segmentExtentMm(p.segmentation, p.segmentId) if chosen is not None and p.pixelSet.needsSegment else None
    rivals = tuple(Option(name, name) for name in model.classes if name != p.className)
    if model.state != READ and p.rivalName:
        rivals = (Option(p.rivalName, p.rivalName),)
    return {
        "methods": _methods(presenter.engine.methods, p.method),
        "method": p.method,
        "layers": layers,
        "layer": p.layer,
        "layerWarning": coarsenessWarning(chosen, extent),
        "rivals": rivals,
        "rivalName": p.rivalName,
        "rivalEnabled": contrast,
    }


def _methods(told, chosen):
    """The engine's methods as a worker told them; before that the paper's, and the one that is chosen."""
    known = [_methodOption(one) for one in told] or [Option(DEFAULT_METHOD, DEFAULT_METHOD_TITLE)]
    if all(option.key != chosen for option in known):
        known.append(Option(chosen, chosen))
    return tuple(known)


def _methodOption(told):
    cost = f"\n\nCost: {told['cost']}. F, B: passes forward and backward." if told["cost"] else ""
    if told["slow"]:
        cost += " Slow: a pass for each channel K or step."
    return Option(told["name"], told["title"] + (" - slow" if told["slow"] else ""), told["about"] + cost)


def _running(presenter):
    job, notices, missing = presenter.job, presenter.notices, presenter.missing
    status = notices.status
    if job is not None:
        status = "Cancelling..." if job.cancelling else f"{_PHASES.get(job.purpose, 'Reading the model')}: {job.phase}"
    empty = presenter.parameters.volume is None and not presenter.desk.results.nodes()
    return {
        "editable": job is None or job.purpose == DESCRIBE,
        "busy": job is not None,
        "cancelling": job is not None and job.cancelling,
        "fraction": job.fraction if job is not None else 0.0,
        "status": status,
        "applyReason": presenter.whyNot(),
        "predictReason": presenter.predictions.whyNot(),
        "compareReason": presenter.comparisons.whyNot(),
        "device": _device(presenter),
        "demoOffered": empty and not presenter.busy,
        "installText": missing.sentence if presenter.model.key else "",
        "installOffered": missing.installable and not presenter.installer.busy,
        "error": notices.error,
        "details": notices.details,
    }


def _see(presenter):
    desk = presenter.desk
    node = desk.node
    if node is None:
        return {"colorTables": TABLES, "checksEvery": presenter.checks.everyMap}
    return {
        **truthOf(presenter, node),
        "checksEvery": presenter.checks.everyMap,
        "results": desk.results.options(),
        "result": node.GetID(),
        "resultFacts": "\n".join(facts(node)),
        "shownLayers": desk.results.layers(node),
        "shownLayer": desk.results.shownLayer(node),
        "display": settingsOf(node),
        "in3D": isIn3D(node),
        "exportReason": whyNotExported(node),
        "inComparison": comparisonOf(node) is not None,
        "colorTables": TABLES,
    }


def _device(presenter):
    """What computes: as the worker said, or, before it has run, from the installed package's metadata."""
    if presenter.engine.device:
        return presenter.engine.device
    if not isInstalled(TORCH):
        return "PyTorch is not installed"
    version = ".".join(metadata.version("torch").split("+")[0].split(".")[:2])
    return f"PyTorch {version} - device shown after the first run"
