"""Check my setup, clicked: in a process of its own, told as it goes on, its text copied, ended with the panel."""

import os
import time

import pytest

import slicer
from engine.doctor_cases import computer, old_driver
from SegHiResGradCAMLib.setup.Dependencies import Dependencies
from SegHiResGradCAMLib.worker.SetupProcess import SetupProcess
from stage.gui import click, events
from stage.panel import PATIENCE_MS, Panel, tipOf


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


def process(panel):
    return panel.presenter.setupCheck._process


def use(panel, **words):
    panel.presenter.setupCheck._process = SetupProcess(panel.widget.later, **words)


def wait(panel):
    events.waitUntil(lambda: not process(panel).running, PATIENCE_MS, "the check has ended")
    events.wait(20)


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


def test_the_check_is_told_copied_and_put_away_and_never_holds_the_panel(panel):
    ui, before = panel.ui, slicer.mrmlScene.GetNumberOfNodes()
    assert ui.setupCheckButton.text == "Check my setup" and not ui.setupCheckArea.visible
    assert "in a separate process" in tipOf(ui.setupCheckButton)
    started = time.monotonic()
    click(ui.setupCheckButton)
    assert time.monotonic() - started < 1 and process(panel).running
    assert ui.setupCheckButton.text == "Stop checking" and ui.setupCheckLabel.text == "Checking: starting"
    seen = set()
    events.waitUntil(lambda: seen.add(ui.setupCheckLabel.text) or not process(panel).running, PATIENCE_MS, "the end")
    events.wait(20)
    assert {"Checking: Packages load", "Checking: Map on the CPU"} <= seen
    text = ui.setupCheckText.plainText
    assert text.startswith("Maps can be made here: on the CPU") and "ok - Python: CPython" in text
    assert ui.setupCheckArea.visible and ui.setupCheckText.readOnly and not ui.setupCheckLabel.visible
    click(ui.setupCheckCopyButton)
    assert slicer.app.clipboard().text() == text
    click(ui.setupCheckCloseButton)
    assert not ui.setupCheckArea.visible and ui.setupCheckButton.text == "Check my setup"
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_a_driver_that_is_too_old_is_told_with_what_to_do(panel, tmp_path):
    use(panel, environment={"PYTHONPATH": computer(tmp_path, old_driver())["PYTHONPATH"]})
    click(panel.ui.setupCheckButton)
    wait(panel)
    text = panel.ui.setupCheckText.plainText
    assert "too old (found version 11040)" in text and "    The GPU's driver does not work with this PyTorch." in text
    assert text.startswith("Maps can be made here: on the CPU.") and str(tmp_path) not in text


@pytest.mark.parametrize("how", ["stop", "close the panel"])
def test_it_ends_with_all_that_it_started(stageScene, tmp_path, how):
    panel = Panel()
    hangs = {"torch": f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(99)"}
    use(panel, environment={"PYTHONPATH": computer(tmp_path, packages=hangs)["PYTHONPATH"]})
    click(panel.ui.setupCheckButton)
    told = tmp_path / "pid"
    events.waitUntil(lambda: told.exists() and told.read_text(), PATIENCE_MS, "it hangs")
    pids = [int(told.read_text()), process(panel)._process.pid]
    assert all(map(lives, pids))
    if how == "stop":
        click(panel.ui.setupCheckButton)
        assert panel.ui.setupCheckButton.text == "Check my setup" and not panel.ui.setupCheckArea.visible
    panel.close()
    events.waitUntil(lambda: not any(map(lives, pids)), 10_000, "both processes have ended")


def test_where_no_python_can_be_started_a_sentence_says_so(panel, tmp_path):
    use(panel, python=str(tmp_path / "PythonSlicer"))
    click(panel.ui.setupCheckButton)
    text = panel.ui.setupCheckText.plainText
    assert text.startswith("The computing process could not be started: No such file or directory. Check the Python")
    assert panel.ui.setupCheckButton.enabled and panel.ui.demoButton.isVisible()


def test_it_waits_while_packages_are_installed(panel, monkeypatch):
    missing = Dependencies(packages=("a-package",), sentence="A package is needed.", installable=True)
    held = []
    monkeypatch.setattr(
        "SegHiResGradCAMLib.setup.Installer._installPackages", lambda packages, log, done: held.append(done)
    )
    monkeypatch.setattr(panel.presenter.installer, "_ask", lambda question: True)
    click(panel.ui.setupCheckButton)
    panel.presenter.missing = missing
    panel.presenter.installing.install()
    assert not process(panel).running  # Windows replaces no library that a process has loaded
    assert not panel.ui.setupCheckButton.enabled
    assert tipOf(panel.ui.setupCheckButton) == "Packages are being installed."
    held[0](1)
    assert panel.ui.setupCheckButton.enabled
