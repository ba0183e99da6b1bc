"""Right-click a segment in the Data module's tree: Explain this segment."""

import json

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib import explanationFacts, isOverlay
from SegHiResGradCAMLib.scene.nodes import AttributeNames
from SegHiResGradCAMLib.scene.nodes.Provenance import inputVolumesOf
from stage.builders import addSegmentation, addVolume
from stage.gui import choose, click, events, hierarchy
from stage.panel import Panel, writeModel, writeThresholdModel

SHAPE = (12, 14, 16)
ENTRY = "Explain this segment"
ROLE = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


@pytest.fixture
def asked(panel):
    """What the user was asked; the answer is yes."""
    questions = []
    panel.widget.ask = lambda question: questions.append(question) or True
    return questions


def case(*names):
    """(volume, segmentation with a cube for each name)"""
    volume = addVolume(np.random.default_rng(3).normal(size=SHAPE).astype(np.float32))
    masks = {}
    for n, name in enumerate(names):
        masks[name] = np.zeros(SHAPE, bool)
        masks[name][2:8, 2:8, 2 + n : 8 + n] = True
    return volume, addSegmentation(volume, **masks)


def explain(panel, segmentation, segmentId):
    hierarchy.menuOf(hierarchy.addSegmentItems(segmentation)[segmentId])[ENTRY].trigger()
    panel.waitIdle()


def overlays():
    return [node for node in slicer.mrmlScene.GetNodes() if isOverlay(node)]


def test_the_entry_is_in_the_menu_of_segments_and_of_nothing_else(panel):
    volume, segmentation = case("lesion")
    items = hierarchy.addSegmentItems(segmentation)
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert list(hierarchy.menuOf(items["lesion"])) == [ENTRY]
    for other in (tree.GetItemByDataNode(segmentation), tree.CreateItem(tree.GetSceneItemID(), volume), 0,
                  tree.CreateFolderItem(tree.GetSceneItemID(), "folder")):  # fmt: skip
        assert ENTRY not in hierarchy.menuOf(other)
    segmentation.GetSegmentation().RemoveSegment("lesion")  # its item may outlive it for a moment
    assert ENTRY not in hierarchy.menuOf(items["lesion"])
    handler = slicer.qSlicerSubjectHierarchyPluginHandler.instance()
    assert [one.name for one in handler._plugins] == ["SegHiResGradCAM"]


def test_without_a_known_model_all_but_the_model_is_filled(panel, asked, monkeypatch):
    opened = []
    monkeypatch.setattr(slicer.util, "mainWindow", lambda: panel.widget.parent)
    monkeypatch.setattr(slicer.util, "selectModule", opened.append)
    addVolume(np.zeros(SHAPE, np.float32), name="another")
    volume, segmentation = case("lesion", "ring")
    explain(panel, segmentation, "ring")
    p = panel.presenter.parameters
    assert (p.volume, p.segmentation, p.segmentId, p.model) == (volume, segmentation, "ring", "")
    assert panel.ui.segmentSelector.currentSegmentID() == "ring"
    assert panel.ui.statusLabel.text == "Choose a model." and asked == [] and overlays() == []
    assert opened == ["SegHiResGradCAM"]


def test_the_segmentations_last_model_is_asked_at_once_and_the_scene_holds_no_path(panel, asked, tmp_path):
    _volume, segmentation = case("lesion", "strange")
    model = writeThresholdModel(tmp_path / "secret folder", [1.0], 0.5)
    panel.chooseModelFile(model)
    explain(panel, segmentation, "lesion")  # the model is chosen in the panel, but not this segmentation's
    assert overlays() == [] and panel.ui.classComboBox.currentText == "lesion"
    panel.applyAndWait()
    assert len(asked) == 1 and len(overlays()) == 1  # the author's code
    told = segmentation.GetAttribute(AttributeNames.MODEL)
    key = panel.presenter.parameters.model
    assert json.loads(told) == {"model": key, "classes": {"lesion": "lesion"}} and "secret" not in told
    # the class of a segment of another name was chosen by hand, and is remembered too
    choose(panel.ui.segmentSelector.findChildren(type(panel.ui.classComboBox))[1], "strange")
    choose(panel.ui.classComboBox, "background")
    panel.applyAndWait()
    choose(panel.ui.modelComboBox, "Demo network: honest")
    panel.waitIdle()
    explain(panel, segmentation, "strange")
    assert panel.presenter.parameters.model == key and panel.ui.errorLabel.text == ""
    assert len(overlays()) == 3 and explanationFacts(panel.node)["class_name"] == "background"
    assert panel.node.GetNodeReference(AttributeNames.SEGMENTATION_ROLE) is segmentation
    explain(panel, segmentation, "lesion")
    assert len(overlays()) == 4 and explanationFacts(panel.node)["class_name"] == "lesion" and len(asked) == 1


def test_the_only_model_whose_classes_have_all_names_is_offered_and_its_code_still_needs_a_yes(panel, tmp_path):
    answers, questions = [], []
    panel.widget.ask = lambda question: questions.append(question) or answers.pop(0)
    canary = tmp_path / "ran"
    organs = writeModel(tmp_path / "organs", ("background", "liver", "spleen"), extra=f"open({str(canary)!r}, 'w')")
    for model in (organs, writeModel(tmp_path / "lesions")):
        panel.chooseModelFile(model)
    _volume, segmentation = case("Liver", "Spleen")
    answers[:] = [False]
    explain(panel, segmentation, "Spleen")
    assert len(questions) == 1 and "small.model.json" in questions[0] and overlays() == []
    answers[:] = [True, False]  # this model, but not its author's code
    explain(panel, segmentation, "Spleen")
    assert len(questions) == 3 and overlays() == [] and not canary.exists()
    assert panel.ui.classComboBox.currentText == "spleen" and "not agreed to" in panel.ui.errorLabel.text
    # two models that fit: nobody is offered
    panel.chooseModelFile(writeModel(tmp_path / "again", ("background", "liver", "spleen", "kidney")))
    questions.clear()
    _volume, segmentation = case("Liver")
    explain(panel, segmentation, "Liver")
    assert questions == [] and overlays() == []


def test_the_volumes_of_one_patient_are_not_mixed_with_those_of_another(panel, asked, tmp_path):
    """A model of two volumes: only the first one's patient is known by the segmentation."""
    chosen = []
    for name in ("first", "second"):
        volumes = [addVolume(np.ones(SHAPE, np.float32), name=f"{name} {channel}") for channel in ("A", "B")]
        mask = np.zeros(SHAPE, bool)
        mask[2:8, 2:8, 2:8] = True
        chosen.append((volumes, addSegmentation(volumes[0], lesion=mask)))
    (volumes, segmentation), (others, another) = chosen
    panel.chooseModelFile(writeThresholdModel(tmp_path / "two", [1.0, 1.0], 0.5, channels=("A", "B")))
    asked = {"segmentation": segmentation, "segmentId": "lesion", "layer": "first"}
    panel.presenter.pick(volume=volumes[0], channel2=volumes[1], **asked)
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and len(overlays()) == 1
    another.SetAttribute(AttributeNames.MODEL, segmentation.GetAttribute(AttributeNames.MODEL))
    explain(panel, another, "lesion")
    p = panel.presenter.parameters
    assert (p.volume, p.channel2, p.segmentation) == (others[0], None, another) and len(overlays()) == 1
    assert panel.ui.statusLabel.text == "Choose the volume for B."
    panel.presenter.pick(channel2=others[1])
    explain(panel, another, "lesion")  # now they were chosen together
    assert panel.ui.errorLabel.text == "" and len(overlays()) == 2 and inputVolumesOf(panel.node) == others
    # a segmentation that was drawn on the second of them is asked about both, each in its place
    another.SetReferenceImageGeometryParameterFromVolumeNode(others[1])
    explain(panel, another, "lesion")
    assert len(overlays()) == 3 and inputVolumesOf(panel.node) == others


def test_a_segmentation_without_a_volume_is_not_asked_about_on_another_patients(panel, asked, tmp_path):
    volume, segmentation = case("lesion")
    panel.chooseModelFile(writeThresholdModel(tmp_path / "model", [1.0], 0.5))
    explain(panel, segmentation, "lesion")  # its name is a class of the model, the only one that is known
    assert len(overlays()) == 1
    # nothing but the map, which is no image, and the one volume: that is meant
    for reference in (None, panel.node):
        segmentation.SetNodeReferenceID(ROLE, reference and reference.GetID())
        explain(panel, segmentation, "lesion")
        assert panel.presenter.parameters.volume is volume
    assert len(overlays()) == 3
    panel.presenter.pick(volume=addVolume(np.ones(SHAPE, np.float32), name="another patient"))
    segmentation.SetNodeReferenceID(ROLE, None)
    explain(panel, segmentation, "lesion")
    assert len(overlays()) == 3 and panel.presenter.parameters.segmentId == "lesion"


def test_a_segmentation_that_goes_while_its_model_is_read_is_not_asked_about(panel, asked, tmp_path):
    _volume, segmentation = case("lesion")
    panel.chooseModelFile(writeThresholdModel(tmp_path / "model", [1.0], 0.5))
    told = json.dumps({"model": panel.presenter.parameters.model, "classes": {}})
    segmentation.SetAttribute(AttributeNames.MODEL, told)
    panel.chooseModel("Demo network: honest")
    panel.waitIdle()
    hierarchy.menuOf(hierarchy.addSegmentItems(segmentation)["lesion"])[ENTRY].trigger()
    assert panel.presenter.busy
    slicer.mrmlScene.RemoveNode(segmentation)
    panel.waitIdle()
    assert panel.ui.errorLabel.text == "" and overlays() == []


@pytest.mark.parametrize("told", ["no JSON", "[1]", '{"model": 3, "classes": ["lesion"]}'])
def test_what_another_program_wrote_in_place_of_the_model_is_passed_over(panel, asked, tmp_path, told):
    _volume, segmentation = case("lesion")
    segmentation.SetAttribute(AttributeNames.MODEL, told)
    explain(panel, segmentation, "lesion")
    assert panel.ui.errorLabel.text == "" and panel.ui.statusLabel.text == "Choose a model."
    panel.chooseModelFile(writeThresholdModel(tmp_path / "model", [1.0], 0.5))
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and len(overlays()) == 1 and panel.ui.applyButton.text == "&Apply"
    assert json.loads(segmentation.GetAttribute(AttributeNames.MODEL))["classes"] == {"lesion": "lesion"}


def test_while_something_runs_nothing_is_chosen(panel, asked, tmp_path):
    panel.openDemo()
    before = panel.presenter.parameters.segmentation
    _volume, segmentation = case("lesion")
    click(panel.ui.applyButton)
    hierarchy.menuOf(hierarchy.addSegmentItems(segmentation)["lesion"])[ENTRY].trigger()
    assert panel.presenter.parameters.segmentation is before and "busy" in panel.ui.errorLabel.text
    panel.waitIdle()
    events.wait(20)
    assert len(overlays()) == 1
