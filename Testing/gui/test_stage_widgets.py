"""The stand-ins behave as the widgets they stand for, in what our panel uses."""

import ctk
import numpy as np
import pytest
import qt

import slicer
from stage.builders import addSegmentation, addVolume
from stage.gui import StageError, choose, click, typeText


def shown(widget):
    widget.show()
    return widget


def test_stand_ins_have_slots_and_properties_only():
    slider = ctk.ctkSliderWidget()
    for name in ("setMinimum", "setRange", "setDecimals"):
        with pytest.raises(AttributeError):
            getattr(slider, name)
    with pytest.raises(AttributeError):
        slicer.qMRMLNodeComboBox().setNodeTypes(["vtkMRMLNode"])
    with pytest.raises(AttributeError):
        slider.maximun = 3


def test_the_slider_keeps_its_value_in_range_and_tells_of_each_change_once():
    seen = []
    slider = ctk.ctkSliderWidget()
    slider.valueChanged.connect(seen.append)
    slider.maximum = 10
    slider.value = 25
    slider.value = 10
    assert slider.value == 10 and seen == [10]


def test_the_slider_s_handle_moves_the_value():
    slider = shown(ctk.ctkSliderWidget())
    slider.maximum = 50
    slider.findChild("QSlider").value = 5000
    assert slider.value == 25


def test_clicking_the_head_of_a_collapsible_button_shows_and_hides_its_contents():
    button = ctk.ctkCollapsibleButton()
    layout = qt.QVBoxLayout(button)
    inner, hidden = qt.QLabel("contents"), qt.QLabel("stays hidden")
    layout.addWidget(inner)
    layout.addWidget(hidden)
    hidden.hide()
    button.collapsed = True
    shown(button)
    assert not inner.isVisible()
    seen = []
    button.contentsCollapsed.connect(seen.append)
    click(button)
    assert inner.isVisible() and not hidden.isVisible() and seen == [False]


def test_what_contents_are_told_while_they_are_collapsed_counts_afterwards():
    button = ctk.ctkCollapsibleButton()
    layout = qt.QVBoxLayout(button)
    appears, goes = qt.QLabel("appears"), qt.QLabel("goes")
    for label in (appears, goes):
        layout.addWidget(label)
    appears.hide()
    shown(button)
    click(button)
    appears.setVisible(True)
    goes.setVisible(False)
    assert not appears.isVisible() and not goes.isVisible()
    click(button)
    assert appears.isVisible() and not goes.isVisible()


def test_a_path_is_typed_letter_by_letter():
    seen = []
    edit = shown(ctk.ctkPathLineEdit())
    edit.currentPathChanged.connect(seen.append)
    typeText(edit, "/tmp")
    assert edit.currentPath == "/tmp" and seen == ["/", "/t", "/tm", "/tmp"]


def test_a_path_s_history_survives_and_the_latest_is_taken_when_the_key_is_set():
    first = ctk.ctkPathLineEdit()
    first.settingKey = "Model"
    for path in ("/a.pt", "/b.pt"):
        first.currentPath = path
        first.addCurrentPathToHistory()
    seen = []
    second = ctk.ctkPathLineEdit()
    second.currentPathChanged.connect(seen.append)
    second.settingKey = "Model"
    assert second.currentPath == "/b.pt" and seen[-1] == "/b.pt"


def test_a_node_selector_never_chooses_by_itself():
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    addVolume(np.zeros((2, 2, 2)), name="CT")
    assert selector.nodeCount() == 1 and selector.currentNode() is None and selector.currentNodeID == ""


def test_a_node_selector_forgets_a_removed_node_and_says_so():
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    nodes, valid = [], []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", nodes.append)
    selector.connect("currentNodeChanged(bool)", valid.append)
    volume = addVolume(np.zeros((2, 2, 2)), name="CT")
    shown(selector)
    choose(selector, "CT")
    volume.SetName("renamed")
    with pytest.raises(StageError, match="renamed"):
        choose(selector, "CT")
    slicer.mrmlScene.RemoveNode(volume)
    assert nodes == [volume, None] and valid == [True, False]


def test_a_node_selector_shows_only_the_types_it_was_told():
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.showChildNodeTypes = False
    selector.setMRMLScene(slicer.mrmlScene)
    addVolume(np.zeros((2, 2, 2)))
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    assert selector.nodeCount() == 1
    selector.showChildNodeTypes = True
    assert selector.nodeCount() == 2


def test_a_deleted_widget_lets_go_of_the_scene():
    selector = slicer.qMRMLNodeComboBox()
    selector.setMRMLScene(slicer.mrmlScene)
    selector.delete()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")


def test_the_segment_selector_takes_the_first_segment_and_follows_the_segmentation():
    volume = addVolume(np.zeros((4, 4, 4)))
    mask = np.ones((4, 4, 4), bool)
    segmentation = addSegmentation(volume, liver=mask, lesion=mask)
    selector = slicer.qMRMLSegmentSelectorWidget()
    selector.setMRMLScene(slicer.mrmlScene)
    seen = []
    selector.connect("currentSegmentChanged(QString)", seen.append)
    selector.setCurrentNode(segmentation)
    assert selector.currentSegmentID() == "liver" and selector.segmentIDs() == ("liver", "lesion")
    selector.setCurrentSegmentID("lesion")
    segmentation.GetSegmentation().RemoveSegment("lesion")
    assert seen == ["liver", "lesion", "liver"]
    with pytest.raises(NotImplementedError):
        selector._changed("multiSelection")


def test_an_editable_choice_is_made_with_real_keys():
    combo = shown(ctk.ctkComboBox())
    combo.addItems(["one", "two", "three"])
    seen = []
    combo.connect("activated(int)", seen.append)
    choose(combo, "three")
    assert combo.currentText == "three" and seen == [2]
    with pytest.raises(StageError, match="offers"):
        choose(combo, "four")


def test_what_a_user_cannot_click_cannot_be_clicked():
    button = qt.QPushButton("Apply")
    with pytest.raises(StageError, match="not visible"):
        click(button)
    shown(button).enabled = False
    with pytest.raises(StageError, match="disabled"):
        click(button)
