"""The usual order: few clicks to the first overlay, what is needed at once near the top, everything by the keyboard."""

import itertools
import re
from contextlib import contextmanager

import numpy as np
import pytest
import qt
from PySide6 import QtTest

import slicer
from stage.builders import addSegmentation, addVolume
from stage.gui import choose, click, events, screenshot
from stage.panel import Panel, tipOf

#: pixels: Slicer's module column on a laptop
WIDTH, HEIGHT = 400, 700
SHAPE = (24, 24, 24)


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


def case(segments=("core", "other")):
    """A volume and its segmentation in the scene; none of them chosen."""
    values = np.random.default_rng(1).normal(100, 20, SHAPE).astype(np.float32)
    volume = addVolume(values, np.diag([1.5, 1.5, 1.5, 1.0]))
    mask = np.zeros(SHAPE, bool)
    mask[8:16, 8:16, 8:16] = True
    return volume, addSegmentation(volume, **dict.fromkeys(segments, mask))


@contextmanager
def clicksCounted(monkeypatch):
    """Every click of the mouse that a user makes; choosing from a list takes two."""
    made = []
    mouse, popup = QtTest.QTest.mouseClick, qt.QComboBox.showPopup
    monkeypatch.setattr(
        QtTest.QTest, "mouseClick", lambda widget, *words: made.append(widget.name) or mouse(widget, *words)
    )
    monkeypatch.setattr(qt.QComboBox, "showPopup", lambda combo: made.extend([combo.name] * 2) or popup(combo))
    yield made


def test_the_demo_takes_two_clicks(panel, monkeypatch):
    with clicksCounted(monkeypatch) as made:
        click(panel.ui.demoButton)
        panel.waitIdle()
        click(panel.ui.applyButton)
        panel.waitIdle()
    assert panel.ui.errorLabel.text == "" and panel.node is not None and made == ["demoButton", "applyButton"]


@pytest.mark.slow
def test_ones_own_nnunet_takes_five_clicks_at_most_and_the_dialog(panel, monkeypatch, tmp_path):
    pytest.importorskip("nnunetv2")
    from engine.nnunet_maker import planned, trained

    folder = trained(tmp_path, *planned(tmp_path), steps=3)
    case()
    panel.loaded.exit()
    panel.loaded.enter()
    panel.waitIdle()
    dialogs = []
    panel.widget.chooseFolder = lambda *words: dialogs.append(words) or str(folder)
    with clicksCounted(monkeypatch) as made:
        click(panel.ui.modelFolderButton)
        panel.waitIdle()
        choose(panel.ui.segmentSelector.findChildren("QComboBox")[1], "core")
        assert panel.ui.classComboBox.currentText == "core"
        click(panel.ui.applyButton)
        panel.waitIdle()
    assert panel.ui.errorLabel.text == "" and panel.node is not None
    assert len(dialogs) == 1 and len(made) == 4, made


def test_the_only_volume_and_segmentation_are_chosen(panel):
    volume, segmentation = case(["core"])
    events.wait(30)
    p = panel.presenter.parameters
    assert (p.volume, p.segmentation, p.segmentId) == (volume, segmentation, "core")
    assert panel.ui.volumeSelector.currentNode() is volume and panel.ui.segmentSelector.currentSegmentID() == "core"
    panel.ui.volumeSelector.setCurrentNode(None)  # taken away: the user meant it
    addVolume(np.zeros((2, 2, 2), np.uint8)).SetHideFromEditors(True)
    events.wait(30)
    assert p.volume is None
    panel.loaded.exit()
    panel.loaded.enter()
    events.wait(30)
    assert panel.presenter.parameters.volume is volume


def test_of_several_nothing_is_chosen_by_itself_and_a_chosen_one_stays(panel):
    panel.loaded.exit()
    first, _ = case()
    second, _ = case()
    panel.loaded.enter()
    events.wait(30)
    p = panel.presenter.parameters
    assert p.volume is None and p.segmentation is None
    panel.ui.volumeSelector.setCurrentNode(second)
    slicer.mrmlScene.RemoveNode(first)
    events.wait(30)
    assert p.volume is second


def bottom(panel, name):
    """Where a control ends, in pixels from the panel's upper edge."""
    one, top = getattr(panel.ui, name), panel.widget.parent
    return one.mapTo(top, qt.QPoint(0, one.height)).y()


def test_what_is_needed_at_once_lies_within_700_pixels(panel, tmp_path):
    panel.openDemo()
    panel.applyAndWait()
    panel.waitChecked()
    screenshot(panel.widget, tmp_path / "panel.png", WIDTH)
    needed = (
        "volumeSelector", "segmentSelector", "modelComboBox", "classComboBox", "pixelSetComboBox", "applyButton",
        "statusLabel", "resultsTree", "strongestButton", "exportButton", "removeButton", "shownLayerComboBox",
        "shareSlider", "opacitySlider", "colorTableComboBox", "foregroundCheckBox", "smoothCheckBox", "trustLabel",
    )  # fmt: skip
    ends = {name: bottom(panel, name) for name in needed if getattr(panel.ui, name).isVisible()}
    assert set(ends) == set(needed) and max(ends.values()) <= HEIGHT, ends
    order = ["applyButton", "resultsTree", "shownLayerComboBox", "shareSlider", "opacitySlider", "foregroundCheckBox"]
    assert [ends[name] for name in order] == sorted(ends[name] for name in order)
    assert ends["trustLabel"] < bottom(panel, "faithfulSection") < bottom(panel, "provenanceSection")
    assert panel.ui.resultsTree.height >= 110
    labels = [one.text.replace("&", "") for one in panel.widget.parent.findChildren("QLabel") if one.isVisible()]
    assert labels.count("Layer:") == 1 and [one.strip() for one in labels].count("Segment:") == 1


def mnemonic(text):
    found = re.search(r"&(\w)", text.replace("&&", ""))
    return found.group(1).lower() if found else None


def test_every_mnemonic_is_of_one_control_and_none_is_of_slicers_menus(panel):
    panel.openDemo()
    panel.openAdvanced()
    panel.applyAndWait()
    letters = {}
    for kind in ("QLabel", "QAbstractButton"):
        for one in panel.widget.parent.findChildren(kind):
            if one.name and one.isVisible() and not one.inherits("ctkCollapsibleButton") and mnemonic(one.text):
                letters.setdefault(mnemonic(one.text), []).append(one.name)
    assert all(len(names) == 1 for names in letters.values()), letters
    assert not set(letters) & set("fevh") and len(letters) > 14  # File, Edit, View, Help
    ui = panel.ui
    assert ui.volumeLabel.buddy() is ui.volumeSelector and ui.shownLayerLabel.buddy() is ui.shownLayerComboBox


def test_tab_goes_down_the_panel(panel):
    panel.openDemo()
    panel.applyAndWait()
    top, one, places = panel.widget.parent, panel.ui.volumeSelector, []
    known = {control for control in vars(panel.ui).values() if control.isWidgetType()}
    for _n in range(300):
        one = one.nextInFocusChain()
        if one in known and one.isVisible() and one.focusPolicy & 1 and top.isAncestorOf(one):
            places.append((one.mapTo(top, qt.QPoint(0, 0)).y(), one.name))
    places = places[: len({name for _y, name in places})]
    start = min(range(len(places)), key=lambda n: places[n][0])
    ys = [y for y, _name in places[start:] + places[:start]]
    assert len(ys) > 20 and all(b >= a - 8 for a, b in itertools.pairwise(ys)), places


def press(panel, keys):
    """Keys pressed anywhere in the panel."""
    (shortcut,) = [one for one in panel.ui.resultSection.findChildren("QShortcut") if one.key.toString() == keys]
    assert shortcut.context == 1  # the window's: wherever the focus is in it
    shortcut.activated.emit()
    panel.waitIdle()


def test_keys_go_through_layers_and_results_and_hide_the_overlay(panel):
    panel.openDemo()
    panel.applyAndWait()
    ui, combo = panel.ui, panel.ui.shownLayerComboBox
    first, row = panel.node, combo.currentIndex
    press(panel, "Ctrl+Shift+Down")
    layers = [one.key for one in panel.presenter.desk.state().shownLayers]
    assert combo.currentIndex == row + 1
    assert panel.presenter.desk.results.shownLayer(panel.node) == layers[row + 1]
    press(panel, "Ctrl+Shift+Up")
    assert combo.currentIndex == row
    for _n in range(combo.count):  # beyond the end nothing happens
        press(panel, "Ctrl+Shift+Up")
    assert combo.currentIndex == 0 and ui.errorLabel.text == ""
    press(panel, "Ctrl+Shift+E")
    assert not ui.foregroundCheckBox.checked
    press(panel, "Ctrl+Shift+E")
    assert ui.foregroundCheckBox.checked
    choose(ui.pixelSetComboBox, "Whole image")
    panel.applyAndWait()
    assert panel.node is not first and panel.resultRow == 1
    press(panel, "Ctrl+Shift+Right")
    assert panel.resultRow == 0
    press(panel, "Ctrl+Shift+Right")
    assert panel.resultRow == 1


def test_help_has_the_documentation_and_who_made_it(panel):
    from tools.extension_facts import CONTRIBUTORS, HOMEPAGE

    parent = panel.loaded.parent
    assert f'<a href="{HOMEPAGE}">' in parent.helpText and "Not for diagnosis" in parent.helpText
    assert ", ".join(parent.contributors) == CONTRIBUTORS and "MELBA 2024:023" in parent.acknowledgementText


def test_an_error_has_its_sign_and_progress_its_one_line(panel):
    panel.openDemo()
    panel.presenter.notices.fail("The segment lies outside the volume.", "Choose another volume.")
    panel.presenter.changed()
    ui = panel.ui
    assert ui.errorIcon.isVisible() and ui.errorIcon.text == "⚠" and not ui.progressRow.isVisible()
    panel.apply()
    panel.waitComputing()
    bar, line = ui.progressBar, ui.statusLabel
    assert bar.isVisible() and line.isVisible() and not ui.errorArea.isVisible()
    assert abs((bar.y + bar.height / 2) - (line.y + line.height / 2)) < 12 and bar.parent() is line.parent()
    panel.waitIdle()
    assert tipOf(ui.applyButton) == "Ask the network why it drew the segment."
