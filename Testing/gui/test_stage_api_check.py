from pathlib import Path

import pytest

from stage.api_check import check

FIXTURE = Path(__file__).parent / "fixture_module" / "StageDemo.py"

UI = FIXTURE.parent / "Resources" / "UI" / "StageDemo.ui"


def problems(tmp_path, text):
    path = tmp_path / "Panel.py"
    path.write_text(text)
    return check(path, UI)


def test_the_stage_s_own_module_passes():
    assert check(FIXTURE, UI) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("qt.QRegExp('a')", "qt.QRegExp is not in the list"),
        ("qt.QMessageBox.Okay", "qt.QMessageBox has no Okay"),
        ("ctk.ctkRangeWidget()", "ctk.ctkRangeWidget is not in the list"),
        ("slicer.loadVolume('a')", "slicer.loadVolume is not in the list"),
        ("slicer.util.loadVolumee('a')", "slicer.util.loadVolumee is not in the list"),
        ("from slicer.util import nothing", "slicer.util.nothing is not in the list"),
        ("slicer.app.quitt()", "slicer.app.quitt is not in the list"),
        ("slicer.vtkMRMLWrongNode", "slicer.vtkMRMLWrongNode does not exist"),
        ("self.ui.aplyButton.enabled = True", "the .ui file has no aplyButton"),
        ("self.ui.applyButton.enabld = True", "QPushButton applyButton has no enabld"),
        ("self.ui.thresholdSlider.setRange(0, 1)", "ctkSliderWidget thresholdSlider has no setRange"),
        ("self.ui.volumeSelector._combo", "volumeSelector has no _combo"),
        ("self.ui.applyButton.text()", "applyButton.text is a property"),
        ("self.ui.applyButton.connect('clickd()', f)", "QPushButton applyButton has no signal clickd()"),
        ("w.connect('clicked', f)", "write the signal with its arguments"),
        ("self.ui.applyButton.setText(text='a')", "no keyword arguments"),
        ("qt.QLabel(text='a')", "no keyword arguments"),
        ("isinstance(w, qt.QWidget)", "use w.inherits"),
        ("isinstance(w, (str, slicer.qMRMLWidget))", "use w.inherits"),
        ("class W(qt.QWidget): pass", "derives from qt.QWidget"),
        ("bytes(process.readAllStandardOutput())", "QByteArray has no bytes()"),
        ("import threading", "Python threads starve"),
        ("import torch.nn", "torch crashes"),
        ("from qt import QLabel", "write import qt"),
        ("from slicer.ScriptedLoadableModule import *", "no star import"),
    ],
)
def test_what_slicer_would_only_tell_a_user_is_found_in_the_text(tmp_path, text, message):
    found = problems(tmp_path, f"def untested():\n    {text}\n")
    assert len(found) == 1 and message in found[0] and found[0].startswith("Panel.py:2:")


def test_what_slicer_has_passes(tmp_path):
    text = """
self.ui.volumeSelector.connect("currentNodeChanged(vtkMRMLNode*)", f)
self.ui.volumeSelector.currentNode()
self.ui.applyButton.text = "Apply"
self.ui.applyButton.clicked.connect(f)
self.ui.modelPath.addCurrentPathToHistory()
slicer.util.loadUI(path)
slicer.app.settings().value("a")
isinstance(node, slicer.vtkMRMLNode)
slicer.mrmlScene.GetNodeByID("a")
slicer.modules.volumes.logic()
qt.QTimer.singleShot(10, f)
"""
    assert problems(tmp_path, text) == []
