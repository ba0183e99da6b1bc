"""In another language: an application with a translator shows its texts, in the contexts of Slicer's own function."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import PySide6
import pytest
from PySide6 import QtCore

import slicer
from stage.builders import addVolume, spot
from stage.gui import click
from stage.panel import Panel

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import write_translations


@pytest.fixture
def language(tmp_path):
    """One in which every text stands in square brackets, compiled as Slicer's languages are.

    Slicer knows its language before it reads a module: what was read here before is read again, and comes back after.
    """
    source = tmp_path / "SegHiResGradCAM_xx.ts"
    source.write_text(write_translations.template(lambda text: f"[{text}]"), encoding="utf-8")
    compiled = tmp_path / "SegHiResGradCAM_xx.qm"
    command = [Path(PySide6.__file__).parent / "lrelease", "-silent", source, "-qm", compiled]
    subprocess.run(command, check=True, timeout=60)
    translator = QtCore.QTranslator()
    assert translator.load(str(compiled))
    QtCore.QCoreApplication.installTranslator(translator)
    known = library()
    for name in known:
        del sys.modules[name]
    yield
    for name in library():
        del sys.modules[name]
    sys.modules.update(known)
    QtCore.QCoreApplication.removeTranslator(translator)


def library():
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "SegHiResGradCAMLib"}


def test_the_panel_speaks_it(language, stageScene, monkeypatch):
    panel = Panel()
    try:
        assert panel.widget.parent.findChild("QPushButton", "setupCheckCopyButton").text == "[Copy]"  # of the .ui file
        assert panel.ui.setupCheckButton.text == "[Check my setup]"  # of Python
        click(panel.ui.setupCheckButton)
        assert panel.ui.setupCheckButton.text == "[Stop checking]"
        panel.presenter.setupCheck._onProgress("CUDA")
        assert panel.ui.setupCheckLabel.text == "[Checking: CUDA]"
        click(panel.ui.setupCheckButton)
    finally:
        panel.close()


def untranslated(panel):
    """Texts of controls and entries of lists that hold words and nothing of the language, by control."""
    found = {}
    for widget in panel.widget.parent.findChildren("QWidget"):
        kinds = ("text", "title", "plainText")
        told = [str(getattr(widget, kind)) for kind in kinds if isinstance(getattr(widget, kind, None), str)]
        if widget.className() == "QComboBox":
            told += [widget.itemText(n) for n in range(widget.count)]
        words = [one for one in told if any(letter.isalpha() for letter in one) and "[" not in one]
        if words and widget.name and not widget.name.startswith("qt_"):
            found[widget.name] = words
    return found


def test_nothing_in_the_panel_is_left_in_english(language, stageScene):
    panel = Panel()
    try:
        panel.openDemo()
        panel.openAdvanced()
        panel.openSections()
        left = untranslated(panel)
        layers = left.pop("layerComboBox")  # the network's own names; what comes before them is translated
        assert all(one.endswith(" mm)") for one in layers), layers
        # the model's classes, methods by their papers' names, colour tables and devices by theirs
        assert left.keys() <= {
            "classComboBox",
            "rivalComboBox",
            "methodComboBox",
            "colorTableComboBox",
            "deviceComboBox",
        }
    finally:
        panel.close()


def test_questions_and_failures_speak_it(language):
    from SegHiResGradCAMLib.setup import Installer
    from SegHiResGradCAMLib.setup.Dependencies import NO_EXTENSION, Dependencies

    assert NO_EXTENSION.startswith("[PyTorch is missing.")
    asked, told = [], []
    installer = Installer.Installer(asked.append)
    installer.install(
        Dependencies(packages=("one",), sentence="x", installable=True), lambda *words: told.append(words)
    )
    assert asked[0].startswith("[These Python packages will be downloaded") and "    one" in asked[0]
    assert told[0][1].startswith("[Nothing was installed.")


def test_the_engines_word_for_a_map_that_fails_is_known_there_too(language, stageScene):
    """What the engine says is no text of the panel: it is compared as it is, and shown translated."""
    from seghirescam.evaluation.trust.rows import NOT_SUPPORTED
    from SegHiResGradCAMLib.panel.Marks import MARKS, verdictMark
    from SegHiResGradCAMLib.scene.nodes.TrustFacts import isNotSupported, writeTrust
    from SegHiResGradCAMLib.scene.overlay.Legend import updateLegend
    from SegHiResGradCAMLib.scene.overlay.Overlay import addOverlay
    from SegHiResGradCAMLib.scene.overlay.OverlayDisplay import settingsOf

    volume = addVolume(np.ones((8, 8, 8), np.float32))
    node = addOverlay(slicer.mrmlScene, spot(volume, (1, 1, 1))[0], volume)
    writeTrust(node, {"full": {"verdict": NOT_SUPPORTED, "rows": []}})
    assert isNotSupported(node) and MARKS.ranks[NOT_SUPPORTED] == 0
    assert verdictMark(NOT_SUPPORTED) == "✗ [not supported]"
    assert updateLegend(node, settingsOf(node)).GetTitleText().endswith("[not supported by the model]")
