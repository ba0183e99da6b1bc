"""A presenter without Qt and without a worker: an engine that records what it is asked, and canned answers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from seghirescam.protocol.explanation import LayerInfo
from seghirescam.protocol.question import DEFAULT_METHOD
from SegHiResGradCAMLib.panel.model.Channels import FIELDS
from SegHiResGradCAMLib.panel.Presenter import Presenter
from SegHiResGradCAMLib.panel.question.Choices import (
    DeviceChoice,
    GridChoice,
    PassesChoice,
    PixelSetChoice,
    PrecisionChoice,
    ScoreChoice,
)
from SegHiResGradCAMLib.schedule.Steps import finished
from SegHiResGradCAMLib.setup.Dependencies import Dependencies
from SegHiResGradCAMLib.setup.Installer import Installer
from stage.builders import addSegmentation, addVolume, layerGridOf, makeExplanation

SHAPE = (16, 16, 16)


class RecordingEngine:
    """An JobRunner whose answers the test gives."""

    hello, device, methods = None, "", ()

    def __init__(self):
        self.sent, self.closed, self.cancelled, self.dropped = [], 0, 0, 0

    def send(self, job, source, volumes=None, question=None, listener=None):
        if question and "pixel_sets" in question:
            read = [finished(one()) if callable(one) else one for one in question["pixel_sets"]]
            question["pixel_sets"] = [x for one in read for x in (one if isinstance(one, list) else [one])]
        for word in [word for word in question or () if callable(question[word])]:
            question[word] = finished(question[word]())
        self.sent.append((job.purpose, source, volumes, question))

    def cancel(self):
        self.cancelled += 1

    def drop(self):
        self.dropped += 1

    def close(self):
        self.closed += 1


def parameters(**fields):
    """What the parameter node wrapper offers, as a plain object."""
    values = {
        "volume": None, "segmentation": None, "segmentId": "", "allSegments": False, "model": "",
        "className": "", "rivalName": "", "secondModel": "", "layer": "default",
        "pixelSet": PixelSetChoice.SEGMENT, "method": DEFAULT_METHOD,
        "score": ScoreChoice.LOGIT, "device": DeviceChoice.AUTOMATIC, "grid": GridChoice.INPUT, "result": None,
        "precision": PrecisionChoice.FP32, "passes": PassesChoice.ALL,
    }  # fmt: skip
    return SimpleNamespace(**{**dict.fromkeys(FIELDS), **values, **fields})


DESCRIPTION = {
    "kind": "demo",
    "kind_title": "Demo network",
    "classes": [{"index": 1, "name": "Lesion"}, {"index": 0, "name": "background"}],
    "channels": ["T1"],
    "requirements": [],
    "runs_author_code": "",
    "consent_sha256": "",
}


def makeCase():
    """(a volume, its segmentation with the same cube twice)"""
    volume = addVolume(np.random.default_rng(1).normal(size=SHAPE).astype(np.float32), np.diag([2.0, 2, 2, 1]))
    mask = np.zeros(SHAPE, dtype=bool)
    mask[4:12, 4:12, 4:12] = True
    return volume, addSegmentation(volume, lesion=mask, other=mask)


def makePanel(mrml, settings, **options):
    """presenter, engine, states it told, questions it asked, answers to them, installer"""
    engine, states, questions, answers = RecordingEngine(), [], [], []

    def ask(question):
        questions.append(question)
        return answers.pop(0) if answers else False

    installer = Installer(ask)
    examine = lambda requirements=(): Dependencies()  # noqa: E731
    presenter = Presenter(mrml, engine, settings, ask, installer, states.append, examine, **options)
    return SimpleNamespace(
        presenter=presenter, engine=engine, states=states, questions=questions, answers=answers, installer=installer
    )


def ready(panel, case, description=DESCRIPTION, **fields):
    """The panel with everything chosen and the model described."""
    p = parameters(volume=case[0], segmentation=case[1], segmentId="lesion", **fields)
    panel.presenter.enter(p)
    panel.presenter.models.pick("demo:honest")
    panel.presenter.onAnswer(description)
    return p


def answer(case, *names, forwards=1):
    """An explain answer with one map a layer."""
    layers = [
        LayerInfo(name, 4, (4, 4, 4), (4, 4, 4), "encoder", True, mm_per_cell=(8.0, 8.0, 8.0))
        for name in ("encoder.1", "encoder.2", "decoder.1")
    ]
    maps = []
    for n, name in enumerate(names, start=1):
        layer = next(layer for layer in layers if layer.name == name)
        maps.append(makeExplanation(np.full((4, 4, 4), float(n)), layerGridOf(case[0]), layer=layer))
    return {
        "explanations": maps,
        "layers": layers,
        "session": {"seconds": 1.25, "forward_calls_now": forwards, "forward_calls": forwards},
    }


def value(number, unit="", chance=None, status="ok"):
    """A Value as it travels."""
    lift = number / chance if number is not None and chance else None
    return {"value": number, "unit": unit, "status": status, "chance": chance, "lift": lift, "note": ""}


CURVES = [
    {"name": "deletion", "fractions": [0.0, 0.5, 1.0], "score": [1.0, 0.25, 0.0], "dice": [1.0, 0.5, 0.125]},
    {"name": "insertion", "fractions": [0.0, 0.5, 1.0], "score": [0.0, 0.75, 1.0], "dice": [0.0, None, 1.0]},
]


def checked(tier, gap=0.76, verdict="not judged"):
    """A trust answer; the full one with curves."""
    rows = [
        {"name": "gap", "title": "completeness gap", "value": value(gap), "threshold": None, "passed": None,
         "sentence": "The map explains 24 % of the score."},
        {"name": "swap", "title": "class swap", "value": value(None, status="not_measured"), "threshold": None,
         "passed": None, "sentence": "There is <one> class (of 2).", "brief": "There is <one> class."},
    ]  # fmt: skip
    if tier == "full":
        gain = {"name": "gain", "title": "deletion gain", "value": value(-0.125, chance=0.5), "threshold": 0.05}
        rows = [gain | {"passed": False, "sentence": "No better than random order."}, *rows]
    told = {
        "tier": tier, "verdict": verdict, "verdict_sentence": "This map is not supported by the model: chance."
        if verdict != "not judged" else "Not judged.", "cost": {"forwards": 3, "text": "3 predictions"}, "rows": rows,
        "curves": CURVES if tier == "full" else None,
    }  # fmt: skip
    return {"trust": told, "notes": [], "session": {"seconds": 0.5, "forward_calls": 3, "forward_calls_now": 3}}
