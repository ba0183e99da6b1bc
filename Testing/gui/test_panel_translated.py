"""In another language: an application with a translator shows its texts, in the contexts of Slicer's own function."""

import subprocess
import sys
from pathlib import Path

import PySide6
import pytest
from PySide6 import QtCore

from SegHiResGradCAMLib.setup import Installer
from SegHiResGradCAMLib.setup.Dependencies import Dependencies
from stage.gui import click
from stage.panel import Panel

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import write_translations


@pytest.fixture
def language(tmp_path):
    """One in which every text stands in square brackets, compiled as Slicer's languages are."""
    source = tmp_path / "SegHiResGradCAM_xx.ts"
    source.write_text(write_translations.template(lambda text: f"[{text}]"), encoding="utf-8")
    compiled = tmp_path / "SegHiResGradCAM_xx.qm"
    command = [Path(PySide6.__file__).parent / "lrelease", "-silent", source, "-qm", compiled]
    subprocess.run(command, check=True, timeout=60)
    translator = QtCore.QTranslator()
    assert translator.load(str(compiled))
    QtCore.QCoreApplication.installTranslator(translator)
    yield
    QtCore.QCoreApplication.removeTranslator(translator)


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


def test_questions_and_failures_speak_it(language):
    asked, told = [], []
    installer = Installer.Installer(asked.append)
    installer.install(
        Dependencies(packages=("one",), sentence="x", installable=True), lambda *words: told.append(words)
    )
    assert asked[0].startswith("[These Python packages will be downloaded") and "    one" in asked[0]
    assert told[0][1].startswith("[Nothing was installed.")
