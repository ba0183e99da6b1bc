"""Whatever stands in a model, a file or a scene is shown as text: nothing of it becomes the panel's own words."""

import json

import numpy as np
import pytest
import qt

import slicer
from stage.builders import addSegmentation, addVolume
from stage.gui import click, core
from stage.panel import Panel, writeModel

EVIL = "<i>nothing</i>.<h3>This model is data only: safe to open.</h3><!--"
MARK = "data only"


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


@pytest.fixture
def case(panel):
    """A volume and segments of a hostile name, chosen."""
    volume = addVolume(np.random.default_rng(1).normal(100, 20, (24, 24, 24)).astype(np.float32), name=EVIL)
    mask = np.zeros((24, 24, 24), bool)
    mask[8:16, 8:16, 8:16] = True
    segmentation = addSegmentation(volume, lesion=mask, other=mask)
    for segmentId in ("lesion", "other"):
        segmentation.GetSegmentation().GetSegment(segmentId).SetName(EVIL)
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.presenter.pick(segmentation=segmentation, segmentId="lesion")
    return volume, segmentation


def read(label):
    """What a user reads in a label."""
    if label.textFormat == 1:  # rich
        document = qt.QTextEdit()
        document.setHtml(label.text)
        return document.toPlainText()
    return label.text if label.textFormat == 0 else core.shownText(label.text)


def itemsOf(item):
    """All items of a tree below one."""
    for child in [item.child(n) for n in range(item.childCount())]:
        yield child
        yield from itemsOf(child)


def allTexts(top):
    """{where: (what was set, what is read)} of every label, tooltip and entry."""
    found = {}
    for one in top.findChildren("QWidget"):
        if one.toolTip:
            found[one.name, "tip"] = one.toolTip, core.shownText(one.toolTip)
        if one.inherits("QLabel"):
            found[one.name, "text"] = one.text, read(one)
        if one.inherits("QTreeWidget"):
            for n, item in enumerate(itemsOf(one.invisibleRootItem())):
                found[one.name, n] = item.toolTip(0), core.shownText(item.toolTip(0))
        if one.inherits("QComboBox"):
            for n in range(one.count):
                tip = one.itemData(n, 3) or ""
                found[one.name, n] = tip, core.shownText(tip)
    return found


def unreadable(panel):
    """Places where a hostile name is not read as it is."""
    texts = allTexts(panel.widget.parent)
    return {where: shown for where, (was, shown) in texts.items() if MARK in was and EVIL not in shown}


def placesOfTheName(panel):
    return {where[0] for where, (was, _shown) in allTexts(panel.widget.parent).items() if MARK in was}


class Asked:
    """Answers no to the module's own question, as a user, and keeps what was to be read there."""

    def __init__(self, monkeypatch):
        self.read, self.formats, window = [], [], qt.QWidget()
        monkeypatch.setattr(type(slicer.app), "testingEnabled", lambda app: False)
        monkeypatch.setattr(slicer.util, "mainWindow", lambda *words: window)
        self._timer = qt.QTimer()
        self._timer.interval = 20
        self._timer.connect("timeout()", self._look)
        self._timer.start()

    def stop(self):
        """The timer outlives its test otherwise, and answers the next ones' dialogs."""
        self._timer.stop()

    def _look(self):
        box = qt.QApplication.activeModalWidget()
        if box is not None and box.inherits("QMessageBox"):
            (label,) = [one for one in box.findChildren("QLabel") if one.name == "qt_msgbox_label"]
            self.read.append(read(label))
            self.formats.append(box.textFormat)
            box.button(qt.QMessageBox.No).click()


def test_the_real_question_before_a_models_code_runs_is_read_as_it_is(panel, case, tmp_path, monkeypatch):
    for folder in ("configs", "models"):
        (tmp_path / "b" / folder).mkdir(parents=True)
    config = {"network_def": {"_target_": EVIL}, "network": "$@network_def.to('cpu')"}
    (tmp_path / "b" / "configs" / "inference.json").write_text(json.dumps(config))
    about = {
        "inputs": {"image": {"num_channels": 1, "channel_def": {"0": "image"}}},
        "outputs": {"pred": {"num_channels": 2, "channel_def": {"0": "b", "1": "a"}}},
    }
    (tmp_path / "b" / "configs" / "metadata.json").write_text(json.dumps({"network_data_format": about}))
    panel.ui.modelPathLineEdit.currentPath = str(tmp_path / "b")
    panel.waitIdle()
    panel.chooseModelFile(tmp_path / "b")
    panel.presenter.pick(className="a")
    asked = Asked(monkeypatch)
    try:
        click(panel.ui.applyButton)
        panel.waitIdle()
    finally:
        asked.stop()
    (shown,) = asked.read
    assert EVIL in shown and "runs its author's code with all your rights" in shown
    assert shown.index("all your rights") < shown.index(EVIL) < shown.index("Such code can do everything")
    assert shown.rstrip().endswith("Run it?") and asked.formats == [0]
    assert "not agreed to" in panel.ui.errorLabel.text and unreadable(panel) == {}


def test_names_of_a_model_and_a_scene_are_read_as_they_are_everywhere(panel, case, tmp_path):
    panel.widget.ask = lambda question: True
    model = writeModel(tmp_path / "m", classes=("background", EVIL))
    model = model.rename(model.with_name("<h3>safe<h3>.model.json"))
    panel.chooseModelFile(model)
    assert panel.presenter.parameters.className == EVIL, panel.ui.errorLabel.text
    (file,) = [shown for where, (_was, shown) in allTexts(panel.ui.inputsSection).items() if "safe" in shown]
    assert file == str(model)  # the tip of the list's entry
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == ""
    panel.waitChecked()
    panel.waitIdle()
    panel.openAdvanced()
    panel.openSections()  # lists in closed ones have no entries
    click(panel.ui.segmentsButton)
    panel.waitIdle()
    panel.presenter.notices.fail(f"No class is called {EVIL}.", "Choose one.", EVIL)
    panel.presenter.changed()
    assert unreadable(panel) == {}
    assert {"resultsTree", "errorLabel", "segmentsTextLabel"} <= placesOfTheName(panel)
    panel.presenter.notices.say(f"Predicted: {EVIL}.")
    panel.presenter.missing = type(panel.presenter.missing)("", (EVIL,), f"{EVIL} is needed.", True)
    panel.presenter.changed()
    assert unreadable(panel) == {}
    assert {"applyButton", "statusLabel", "installLabel", "predictButton"} <= placesOfTheName(panel)


def test_every_label_is_plain_but_those_that_write_their_own_paragraphs(panel):
    labels = {one.name: one.textFormat for one in panel.widget.parent.findChildren("QLabel") if one.name}
    own = {name: kind for name, kind in labels.items() if name in vars(panel.ui)}
    assert len(own) > 30 and {name for name, kind in own.items() if kind != 0} == {"numbersLabel", "trustLabel"}
