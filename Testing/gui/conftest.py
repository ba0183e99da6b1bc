"""Each GUI test starts with an empty scene, empty settings and no panel.

What a slot raised, what VTK reported and what Qt warned of fails the test in which it happened.
"""

import stage.gui  # noqa: F401  before anything imports qt, vtk or slicer

# isort: split
from pathlib import Path

import pytest
import qt

import slicer
from stage.gui import application, closeModules, core, events, failures, loadModule
from stage.scene import HeadlessScene

FIXTURE = Path(__file__).parent / "fixture_module" / "StageDemo.py"


def emptied(scene):
    """Removes singletons too, so that no parameter node survives; the default colour nodes come back as in Slicer."""
    scene.mrml.Clear(1)
    slicer.modules.colors.logic().AddDefaultColorNodes()
    scene.clear()


@pytest.fixture(autouse=True)
def stageScene():
    """The process's HeadlessScene, empty; singletons are removed too."""
    scene = HeadlessScene.instance()
    emptied(scene)
    qt.QSettings().clear()
    scene.messages.clear()
    failures.clear()
    former = failures.collect()
    yield scene
    closeModules()
    failures.restore(former)
    core.removeTimers()
    for widget in slicer.app.topLevelWidgets():
        widget.hide()
        widget.deleteLater()
    events.deleteLater()
    emptied(scene)
    assert failures.texts == []
    assert scene.messages.errors == []


@pytest.fixture
def demo():
    """The stage's own small module, loaded; closed after the test."""
    loaded = loadModule(FIXTURE)
    yield loaded
    loaded.close()


@pytest.fixture(scope="session", autouse=True)
def fonts():
    assert application.fontsExist(), application.NO_FONTS
