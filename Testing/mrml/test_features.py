"""No feature of the panel knows the Presenter: each names in its Protocol what it needs, and needs no more."""

import ast
import inspect
import sys
from types import SimpleNamespace
from typing import get_type_hints

import pytest

from mrml.asking import makeCase, makePanel, ready
from SegHiResGradCAMLib.panel.Notices import Notices
from SegHiResGradCAMLib.panel.painting.PaintingLogic import PaintingLogic
from SegHiResGradCAMLib.panel.Presenter import Presenter
from SegHiResGradCAMLib.panel.sections.Sections import sections

NAMES = (
    "desk", "sheet", "models", "question", "run", "installing", "predictions", "comparisons", "trust", "checks",
    "paint", "segments", "feeding", "drafts", "allSegments", "disagreements", "dicom", "setupCheck",
)  # fmt: skip


@pytest.fixture
def panel(mrml):
    return makePanel(mrml, {})


def needed(protocol):
    """Names that a Protocol declares, with those that it inherits."""
    own = [one for one in protocol.__mro__ if one.__module__.startswith("SegHiResGradCAMLib")]
    return {name for one in own for name in (*inspect.get_annotations(one), *vars(one))
            if not name.startswith("_")}  # fmt: skip


def used(logic):
    """Names that a class takes from ``self._panel``, also through a local name of it."""
    found = set()
    for function in ast.walk(ast.parse(inspect.getsource(sys.modules[logic.__module__]))):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self._panel", "panel"):
                    found.add(node.attr)
    return found - {"_panel"}


def protocolOf(feature):
    return get_type_hints(type(feature).__init__, vars(sys.modules[type(feature).__module__]))["panel"]


def test_the_features_are_these(panel):
    assert set(panel.presenter.features) == {*NAMES, *sections()}


@pytest.mark.parametrize("name", [*NAMES, *sections()])
def test_a_feature_uses_what_its_protocol_names_and_the_panel_has_it(panel, name):
    feature = panel.presenter.features[name]
    protocol = protocolOf(feature)
    assert protocol is not Presenter and used(type(feature)) <= needed(protocol)
    for one in needed(protocol):
        assert hasattr(panel.presenter, one), one
    assert 2 * len(needed(protocol)) < len([one for one in dir(panel.presenter) if not one.startswith("_")])


@pytest.mark.parametrize("name", [*NAMES, *sections()])
def test_every_feature_has_a_state_and_a_view_that_shows_it(panel, mrml, name):
    feature = panel.presenter.features[name]
    closed = feature.state()
    ready(panel, makeCase())
    assert type(feature.state()) is type(closed)
    assert callable(feature.View.connect) and callable(feature.View.show)


def test_a_stand_in_with_no_more_than_the_protocol_will_do(mrml):
    said = []
    stand_in = SimpleNamespace(
        notices=Notices(), changed=lambda *names: said.append(names), parameters=None,
        desk=SimpleNamespace(node=None, results=None), cannotTest=lambda: "",
    )  # fmt: skip
    paint = PaintingLogic(stand_in, mrml, lambda ms, fn: fn())
    assert paint.whyNot() == "There is no map: press Apply first." and paint.state().reason == ""
    paint.paint()
    assert said == []


def test_a_job_says_itself_how_it_is_asked_and_who_hears_its_answer(panel, mrml):
    """A request with a button: its table entry and handler in the engine, the feature's file and the .ui here."""
    ready(panel, makeCase())
    presenter = panel.presenter
    presenter.predictions.predict()
    job = presenter.job
    assert (job.purpose, job.title, job.answered) == ("predict", "Predicting", presenter.predictions.answered)
    heard = []
    job.answered = lambda *words: heard.append(words)
    presenter.onAnswer({"maps": []})
    assert heard == [(job, {"maps": []})] and not presenter.busy
