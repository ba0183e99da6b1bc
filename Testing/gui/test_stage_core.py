"""The stage does what Slicer's application core does: a module that does not expect it fails here too."""

import ctk
import numpy as np
import qt

import slicer
from stage.builders import addSegmentation, addVolume
from stage.gui import core, events


def test_a_plain_tooltip_does_not_stay_what_was_set():
    label, slider = qt.QLabel(), ctk.ctkSliderWidget()
    label.toolTip = "a < b\nand c"
    slider.setToolTip("A share.")
    assert label.toolTip == "<p>a &lt; b<br>\nand c</p>" and slider.toolTip == "<p>A share.</p>"
    assert core.shownText(label.toolTip) == "a < b\nand c"


def test_rich_and_empty_tooltips_stay():
    label = qt.QLabel()
    label.toolTip = "<b>bold</b>"
    assert label.toolTip == "<b>bold</b>"
    label.toolTip = ""
    assert label.toolTip == ""


def test_tooltips_of_a_ui_file_are_rich_and_those_of_list_entries_are_not_touched(demo):
    assert demo.widget().ui.applyButton.toolTip == "<p>Choose a volume.</p>"
    assert demo.widget().ui.volumeSelector.toolTip.startswith("<p>")
    entries = qt.QListWidget()
    entries.addItem("one")
    entries.item(0).setToolTip("plain")
    assert entries.item(0).toolTip() == "plain"


def test_each_single_shot_leaves_a_timer_behind():
    before, seen = core.deadTimers(), []
    for number in range(5):
        qt.QTimer.singleShot(0, lambda number=number: seen.append(number))
    events.waitUntil(lambda: len(seen) == 5)
    events.deleteLater()
    assert core.deadTimers() - before == 5
    own = qt.QTimer()
    own.setSingleShot(True)
    own.start(0)
    events.wait(20)
    assert core.deadTimers() - before == 5


def test_the_segment_selector_brings_a_label_of_its_own():
    selector = slicer.qMRMLSegmentSelectorWidget()
    selector.setMRMLScene(slicer.mrmlScene)
    selector.show()
    texts = lambda: [one.text for one in selector.findChildren("QLabel") if one.isVisible()]  # noqa: E731
    assert texts() == ["No node is selected"]
    volume = addVolume(np.zeros((4, 4, 4)))
    selector.setCurrentNode(addSegmentation(volume, lesion=np.ones((4, 4, 4), bool)))
    assert texts() == ["Segment: "]


def test_a_node_selector_does_not_offer_what_its_filter_hides():
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    one, two = addVolume(np.zeros((2, 2, 2)), name="one"), addVolume(np.zeros((2, 2, 2)), name="two")
    selector.setCurrentNode(two)
    selector.sortFilterProxyModel().hiddenNodeIDs = [one.GetID()]
    assert [selector.nodeFromIndex(n) for n in range(selector.nodeCount())] == [two]
    assert selector.currentNode() is two
    selector.sortFilterProxyModel().hiddenNodeIDs = []
    assert selector.nodeCount() == 2


def test_nobody_is_told_before_a_scene_is_saved(tmp_path, stageScene):
    """StartSaveEvent is declared in vtkMRMLScene and sent by nothing: whoever waits for it waits in vain."""
    heard, scene = [], slicer.mrmlScene
    addVolume(np.zeros((2, 2, 2)))
    tags = [
        scene.AddObserver(getattr(scene, name), lambda c, e: heard.append(e))
        for name in ("StartSaveEvent", "EndSaveEvent")
    ]
    stageScene.writeMrb(tmp_path / "case.mrb")
    scene.SetURL(str(tmp_path / "case.mrml"))
    scene.Commit()
    for tag in tags:
        scene.RemoveObserver(tag)
    assert heard == []
