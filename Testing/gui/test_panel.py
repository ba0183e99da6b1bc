"""What a user does, by clicks through the real widget, the real scene and the real worker process."""

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib import settingsOf
from SegHiResGradCAMLib.panel.question.Choices import PixelSetChoice, ScoreChoice
from stage.gui import choose, click, events
from stage.panel import Panel, tipOf


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


@pytest.fixture
def views(stageScene):
    """Slice nodes with their composites, as a layout has them."""
    stageScene.addSliceViews()
    yield slicer.mrmlScene
    stageScene.removeSliceViews()


def composites():
    return [node for node in slicer.mrmlScene.GetNodes() if node.IsA("vtkMRMLSliceCompositeNode")]


def test_an_empty_panel_says_what_to_do_and_offers_the_demo(panel):
    assert panel.ui.demoButton.isVisible()
    assert not panel.ui.applyButton.enabled
    assert tipOf(panel.ui.applyButton) == panel.ui.statusLabel.text == "Choose a volume."
    assert not panel.ui.resultArea.isVisible() and not panel.ui.errorArea.isVisible()
    assert "PyTorch" in panel.ui.deviceTextLabel.text


def test_the_demo_asks_at_the_level_where_the_marker_shows_and_another_model_at_its_own_default(panel, tmp_path):
    panel.openDemo()
    panel.openAdvanced()
    assert panel.presenter.parameters.layer == "encoder.1"
    assert panel.ui.layerComboBox.currentText.startswith("encoder.1 (")
    choose(panel.ui.modelComboBox, "Demo network: honest")
    panel.waitIdle()
    assert panel.presenter.parameters.layer == "encoder.1"  # both networks have it
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == "" and panel.ui.shownLayerComboBox.currentText.startswith("encoder.1 (")
    (tmp_path / "other.pt2").write_bytes(b"no model")
    panel.presenter.models.pickPath(str(tmp_path / "other.pt2"))
    assert panel.presenter.parameters.layer == "default"
    panel.waitIdle()


def test_apply_says_what_is_missing_one_thing_after_the_other(panel):
    panel.openDemo()
    assert panel.ui.applyButton.enabled
    choose(panel.ui.classComboBox, "background")
    assert panel.ui.applyButton.enabled
    panel.ui.segmentSelector.setCurrentSegmentID("")
    events.wait(20)
    assert panel.ui.statusLabel.text == "Choose a segment."
    panel.openAdvanced()
    choose(panel.ui.pixelSetComboBox, "Predicted class")
    assert panel.ui.statusLabel.text == "Choose the class."


def test_the_class_follows_the_segments_name_and_is_never_guessed(panel):
    panel.openDemo()
    assert panel.ui.classComboBox.currentText == "lesion"
    choose(panel.ui.segmentSelector.findChildren(type(panel.ui.classComboBox))[1], "Marker")
    assert panel.ui.classComboBox.currentText == "Choose the class..."
    assert not panel.ui.applyButton.enabled and tipOf(panel.ui.applyButton) == "Choose the class."
    choose(panel.ui.classComboBox, "look-alike")
    assert panel.presenter.parameters.className == "look-alike"


def test_the_whole_story(panel, views, tmp_path, stageScene):
    ui, presenter = panel.ui, panel.presenter
    panel.openDemo()
    parameters = presenter.parameters
    assert ui.modelTextLabel.text.startswith("Demo network, 3 classes")
    assert parameters.score is ScoreChoice.CONTRAST and parameters.rivalName == "look-alike"

    # the first question: progress moves, the loop lives, an overlay comes
    seen = []
    ui.progressBar.connect("valueChanged(int)", seen.append)
    with events.LoopGap() as gap:
        panel.apply()
        assert ui.applyButton.text == "C&ancel" and ui.progressBar.isVisible()
        assert not ui.inputsSection.enabled
        panel.waitIdle()
    assert ui.errorLabel.text == "" and ui.statusLabel.text.startswith("Done in ")
    told = seen[:-1] if seen[-1] == 0 else seen  # it is set back at the end
    assert told == sorted(told) and any(0 < value < 1000 for value in told)
    assert gap.longest < 1.0
    assert ui.deviceTextLabel.text.startswith("PyTorch ") and "CPU" in ui.deviceTextLabel.text
    first = panel.node
    assert first is parameters.result
    assert all(node.GetForegroundVolumeID() == first.GetID() for node in composites())
    assert "Why lesion?" in ui.factsText.plainText

    # the threshold moves, the stored map does not
    values = slicer.util.arrayFromVolume(first).copy()
    before = first.GetDisplayNode().GetLowerThreshold()
    click(ui.share50Button)
    assert ui.shareSlider.value == 50 and first.GetDisplayNode().GetLowerThreshold() > before
    ui.shareSlider.value = 95
    assert first.GetDisplayNode().GetLowerThreshold() < before and settingsOf(first).share == 0.95
    assert (slicer.util.arrayFromVolume(first) == values).all()

    # a second question about the same case: no forward pass
    choose(ui.pixelSetComboBox, "Predicted class")
    panel.applyAndWait()
    assert ui.statusLabel.text.endswith("without running the network again.")
    assert len(panel.results) == 2 and panel.node is not first
    assert settingsOf(panel.node).share == 0.95
    assert "predicted lesion" in ui.factsText.plainText

    # a third is cancelled: the scene stays as it was
    choose(ui.modelComboBox, "Demo network: honest")
    panel.waitIdle()
    ids = {node.GetID() for node in slicer.mrmlScene.GetNodes()}
    panel.apply()
    click(ui.applyButton)
    assert ui.statusLabel.text == "Cancelling..." and not ui.applyButton.enabled
    panel.waitIdle()
    assert ui.statusLabel.text == "Cancelled. The scene is unchanged." and ui.applyButton.text == "&Apply"
    assert {node.GetID() for node in slicer.mrmlScene.GetNodes()} == ids

    # saved and read again: the panel is as it was
    shown, facts, titles = panel.node.GetName(), ui.factsText.plainText, len(panel.results)
    path = stageScene.writeMrb(tmp_path / "case.mrb")
    stageScene.readMrb(path)
    panel.widget.initializeParameterNode()
    events.wait(50)
    assert presenter.parameters.pixelSet is PixelSetChoice.PREDICTED
    assert (ui.volumeSelector.currentNode().GetName(), presenter.parameters.segmentId) == ("Demo brain", "Lesion")
    assert ui.modelComboBox.currentText == "Demo network: honest" and ui.classComboBox.currentText == "lesion"
    assert (panel.node.GetName(), ui.factsText.plainText, len(panel.results)) == (shown, facts, titles)
    assert ui.shareSlider.value == 95 and ui.applyButton.enabled
    panel.applyAndWait()
    assert ui.errorLabel.text == "" and len(panel.results) == 3


def test_layers_of_the_same_pass_are_switched_without_another_pass(panel):
    panel.openDemo()
    panel.applyAndWait()
    shown, count = panel.ui.shownLayerComboBox.currentText, slicer.mrmlScene.GetNumberOfNodes()
    names = [panel.ui.shownLayerComboBox.itemText(n) for n in range(panel.ui.shownLayerComboBox.count)]
    assert any("decoder" in name for name in names) and any("bottleneck" in name for name in names)
    for name in [name for name in names if name != shown]:
        choose(panel.ui.shownLayerComboBox, name)
        panel.waitIdle()
        assert panel.ui.errorLabel.text == ""
        assert panel.ui.shownLayerComboBox.currentText == name and len(panel.results) == 1
        assert slicer.mrmlScene.GetNumberOfNodes() == count
    assert panel.presenter.engine.cost["forward_calls"] == 1


def test_a_layer_of_a_result_whose_volume_has_changed_is_refused_and_the_maps_stay(panel):
    panel.openDemo()
    panel.applyAndWait()
    node, origin = panel.node, panel.presenter.desk.results.origin(panel.node)
    before = dict(origin.maps)
    volume = panel.ui.volumeSelector.currentNode()
    slicer.util.updateVolumeFromArray(volume, slicer.util.arrayFromVolume(volume)[::-1].copy())
    absent = next(
        text for n in range(panel.ui.shownLayerComboBox.count)
        if (text := panel.ui.shownLayerComboBox.itemText(n)).split(" ")[0] not in before
    )  # fmt: skip
    choose(panel.ui.shownLayerComboBox, absent)
    panel.waitIdle()
    assert "not what it was for this result" in panel.ui.errorLabel.text
    assert panel.node is node and origin.maps == before


def test_the_layers_are_listed_when_how_is_opened_and_coarse_ones_warn(panel):
    panel.openDemo()
    panel.openAdvanced()
    combo = panel.ui.layerComboBox
    names = [combo.itemText(n) for n in range(combo.count)]
    assert any(name.startswith("encoder.2 (encoder, 16 x 16 x 16 mm)") for name in names), names
    deepest = next(name for name in names if "bottleneck" in name)
    choose(combo, deepest)
    assert panel.ui.layerWarningLabel.text.startswith("Coarse: a cell of this layer is")
    panel.applyAndWait()
    assert panel.ui.shownLayerComboBox.currentText == deepest


def test_the_display_controls_reach_the_scene(panel, views):
    former = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "PET")
    slicer.util.updateVolumeFromArray(former, np.zeros((2, 2, 2), dtype=np.int16))
    panel.openDemo()
    for node in composites():
        node.SetForegroundVolumeID(former.GetID())
    panel.applyAndWait()
    ui, node = panel.ui, panel.node
    click(ui.foregroundCheckBox)
    assert all(c.GetForegroundVolumeID() == former.GetID() for c in composites())
    click(ui.foregroundCheckBox)
    assert all(c.GetForegroundVolumeID() == node.GetID() for c in composites())
    ui.opacitySlider.value = 40
    assert all(c.GetForegroundOpacity() == pytest.approx(0.4) for c in composites())
    composites()[0].SetForegroundOpacity(0.9)  # by the slice view's own slider
    choose(ui.colorTableComboBox, "Viridis")
    assert composites()[0].GetForegroundOpacity() == pytest.approx(0.9)
    assert "Viridis" in node.GetDisplayNode().GetColorNode().GetName()
    click(ui.signedCheckBox)
    assert settingsOf(node).signed and not ui.colorTableComboBox.enabled
    click(ui.smoothCheckBox)
    assert not node.GetDisplayNode().GetInterpolate()
    click(ui.legendCheckBox)
    assert not settingsOf(node).legend
    click(ui.in3DCheckBox)
    renderings = [n for n in slicer.mrmlScene.GetNodes() if n.IsA("vtkMRMLVolumeRenderingDisplayNode")]
    assert len(renderings) == 1 and renderings[0].GetVisibility()
    click(ui.in3DCheckBox)
    assert not any(n.IsA("vtkMRMLVolumeRenderingDisplayNode") for n in slicer.mrmlScene.GetNodes())


def test_the_strongest_place_is_jumped_to(panel, views):
    panel.openDemo()
    panel.applyAndWait()
    click(panel.ui.strongestButton)
    array = slicer.util.arrayFromVolume(panel.node)
    from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume

    ras = gridOfVolume(panel.node).ras(np.unravel_index(array.argmax(), array.shape))
    for node in [n for n in slicer.mrmlScene.GetNodes() if n.IsA("vtkMRMLSliceNode")]:
        matrix = node.GetSliceToRAS()
        normal = np.array([matrix.GetElement(row, 2) for row in range(3)])
        origin = np.array([matrix.GetElement(row, 3) for row in range(3)])
        assert abs(float(normal @ (origin - ras))) < 1e-3
    assert panel.ui.statusLabel.text.startswith("Most important region: R")


def test_a_removed_result_leaves_no_node(panel):
    panel.openDemo()
    ids = {node.GetID() for node in slicer.mrmlScene.GetNodes()}
    panel.applyAndWait()
    click(panel.ui.in3DCheckBox)
    click(panel.ui.signedCheckBox)
    click(panel.ui.removeButton)
    events.wait(20)
    assert {node.GetID() for node in slicer.mrmlScene.GetNodes()} == ids
    assert not panel.ui.resultArea.isVisible()


def test_results_are_listed_and_the_marked_one_is_shown(panel, views):
    panel.openDemo()
    panel.applyAndWait()
    first = panel.node
    choose(panel.ui.pixelSetComboBox, "Whole image")
    panel.applyAndWait()
    second = panel.node
    panel.chooseResult(0)
    assert panel.node is first
    assert all(node.GetForegroundVolumeID() == first.GetID() for node in composites())
    click(panel.ui.removeButton)
    assert panel.node is second and len(panel.results) == 1
    assert all(node.GetForegroundVolumeID() == second.GetID() for node in composites())
