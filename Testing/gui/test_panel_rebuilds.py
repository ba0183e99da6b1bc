"""How much the panel does for one Apply, and how few files a control takes."""

import json
import re
from dataclasses import fields

import pytest

from SegHiResGradCAMLib.scene.overlay.DisplaySettings import SWITCHES, DisplaySettings
from SegHiResGradCAMLib.scene.overlay.OverlayDisplay import settingsOf
from stage.gui import click, events
from stage.panel import MODULE, PATIENCE_MS, Panel

UI = MODULE.parent / "Resources" / "UI" / "SegHiResGradCAM.ui"


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


def test_one_apply_after_a_comparison_rebuilds_the_view_a_few_times_and_reads_no_node_twice(panel, monkeypatch):
    panel.openDemo()
    panel.waitChecked()
    panel.presenter.comparisons.compare()
    panel.waitIdle()
    assert len(panel.results) > 10
    events.waitUntil(lambda: panel.presenter.sheet.state().pictures, PATIENCE_MS, "the sheet is drawn")
    fresh, read, tell, loads = [], [], panel.presenter._onChange, json.loads
    monkeypatch.setattr(panel.presenter, "_onChange", lambda state: (fresh.append(state.fresh), tell(state)))
    monkeypatch.setattr(json, "loads", lambda text, **words: read.append(text) or loads(text, **words))
    panel.apply()
    panel.waitIdle()
    panel.waitChecked()
    assert panel.ui.errorLabel.text == ""
    whole, parts = [one for one in fresh if not one], {one for one in fresh if one}
    assert 0 < len(whole) <= 6, fresh  # 22 of 22 before, 18 of them for progress
    assert parts <= {("run",), ("checks",)}  # progress makes its own part anew
    # 7718 before: what is left are the worker's messages, and once each the texts of the map that came
    ofNodes = [text for text in read if '"seq"' not in text and not re.match(r'\{"(id|event|kind)"', str(text))]
    assert len(ofNodes) == len(set(ofNodes)) and len(read) < 150
    read.clear()
    panel.presenter.changed()
    assert read == []


def test_progress_writes_the_bar_and_its_line_only(panel):
    panel.openDemo()
    panel.apply()
    panel.waitComputing()
    controls = panel.widget.view.controls
    written = []
    controls.isNew = lambda name, what, value, isNew=controls.isNew: (
        isNew(name, what, value) and (written.append(name) or True)
    )
    panel.presenter.job.fraction, panel.presenter.job.phase = 0.987, "a phase"
    panel.presenter.changed("run")
    assert set(written) == {"progressBar", "statusLabel"}
    assert panel.ui.progressBar.value == 987 and panel.ui.statusLabel.text.endswith(": a phase")
    panel.waitIdle()


def test_a_check_box_is_a_field_and_a_control_of_its_name(panel):
    """Two files: DisplaySettings.py and the .ui; of a choice that is saved with the scene the module and the .ui."""
    assert set(SWITCHES) == {"signed", "smooth", "legend", "foreground"}
    assert set(SWITCHES) == {one.name for one in fields(DisplaySettings) if one.type in ("bool", bool)}
    panel.openDemo()
    panel.applyAndWait()
    for name in SWITCHES:
        box, before = getattr(panel.ui, f"{name}CheckBox"), getattr(settingsOf(panel.node), name)
        assert box.checked == before
        click(box)
        assert getattr(settingsOf(panel.node), name) is not before and box.checked is not before
    library = MODULE.parent / "SegHiResGradCAMLib" / "panel"
    named = {path.name for path in library.rglob("*.py") for name in SWITCHES if f"{name}CheckBox" in path.read_text()}
    assert named == set() and all(f"{name}CheckBox" in UI.read_text(encoding="utf-8") for name in SWITCHES)


def test_one_apply_on_the_demo_writes_few_controls(panel):
    panel.openDemo()
    controls, written = panel.widget.view.controls, []
    isNew, setUsers, fill = controls.isNew, controls.setUsers, controls.fill

    def counted(name, what, value):
        if isNew(name, what, value):
            written.append((name, what))
            return True
        return False

    def countedUsers(name, what, value):
        if getattr(getattr(controls.ui, name), what) != value:
            written.append((name, what))
        setUsers(name, what, value)

    def countedFill(name, options, *words):
        former = controls._filled.get(name)
        fill(name, options, *words)
        if controls._filled.get(name) != former:
            written.append((name, "entries"))

    controls.isNew, controls.setUsers, controls.fill = counted, countedUsers, countedFill
    panel.apply()
    panel.waitIdle()
    assert panel.ui.errorLabel.text == "" and len(panel.results) == 1
    progress = [one for one in written if one in (("progressBar", "value"), ("statusLabel", "text"))]
    assert len(written) - len(progress) < 80, written  # of progress there is one write a step, however long it takes
    assert len(set(written)) < 70
