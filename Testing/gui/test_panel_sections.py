"""A small section of the panel: one file and one line, as a later question will bring it."""

import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from SegHiResGradCAMLib.panel.Controls import FeatureView
from SegHiResGradCAMLib.panel.sections import Sections
from SegHiResGradCAMLib.panel.sections.Section import BELOW, Control, Section
from stage.gui import click
from stage.panel import Panel, tipOf


@dataclass(frozen=True)
class CauseState:
    reason: str = ""
    text: str = ""


class CauseView(FeatureView):
    def connect(self, causes):
        self._controls.onClick("causeButton", causes.ask)

    def show(self, state):
        self._controls.button("causeButton", state.reason, "Takes 3 passes.")
        self._controls.say("causeTextLabel", state.text)


class CauseLogic:
    View = CauseView
    section = Section("causeSection", "What made it say so", (
        (Control("causeButton", "QPushButton", "Ask (3 passes)"), Control("causeComboBox", "QComboBox")),
        (Control("causeTextLabel", "QLabel"),),
    ))  # fmt: skip

    def __init__(self, panel, scene, later):
        self._panel, self._text = panel, ""

    def ask(self):
        self._text = "The marker."
        self._panel.changed("causeLogic")

    def state(self):
        return CauseState(
            "" if self._panel.desk.node is not None else "There is no map: press Apply first.", self._text
        )


@pytest.fixture
def panel(stageScene, monkeypatch):
    def add(logic, room="causes"):
        module = ModuleType(f"SegHiResGradCAMLib.panel.{room}.{logic.__name__}")
        setattr(module, logic.__name__, logic)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(Sections, "SECTIONS", (*Sections.SECTIONS, f"{room}.{logic.__name__}"))

    add(CauseLogic)
    opened = Panel()
    yield opened
    opened.close()


def test_a_section_is_one_file_and_one_line(panel):
    ui = panel.ui
    assert ui.causeSection.collapsed and ui.causeSection.text == "What made it say so"
    assert ui.causeSection.parent() is ui.resultSections and not ui.causeTextLabel.isVisible()
    assert tipOf(ui.causeButton) == "There is no map: press Apply first." and not ui.causeButton.enabled
    panel.openDemo()
    panel.applyAndWait()
    panel.open(ui.causeButton)
    assert tipOf(ui.causeButton) == "Takes 3 passes."
    click(ui.causeButton)
    assert ui.causeTextLabel.isVisible() and ui.causeTextLabel.text == "The marker."
    assert ui.causeTextLabel.textFormat == 0 and ui.causeTextLabel.wordWrap


def test_a_name_is_taken_once(panel):
    taken = Section("otherSection", "Other", ((Control("applyButton", "QPushButton"),),), BELOW)
    with pytest.raises(ValueError, match="applyButton"):
        panel.widget.view._builder.build(taken)
