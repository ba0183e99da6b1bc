"""Mask out and re-run: one click, and the panel says and shows what the network says without that region."""

import json

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib.scene.nodes.Attachments import attachedTo
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from stage.builders import addTransform, addVolume, obliqueMatrix
from stage.gui import choose, click, events
from stage.panel import Panel, tipOf, writeThresholdModel

SHAPE = (12, 18, 20)


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    opened.widget.ask = lambda question: True
    yield opened
    opened.close()


@pytest.fixture
def bead(panel, tmp_path):
    """(volume on an oblique grid under a transform, bright voxels) explained to a network that says lesion where it
    is bright: painting over them, it can say so no more."""
    bright = np.zeros(SHAPE, bool)
    bright[4:8, 6:11, 8:14] = True
    volume = addVolume(np.where(bright, 3, 1).astype(np.float32), obliqueMatrix((2.0, 2.0, 2.5)), "case")
    addTransform(obliqueMatrix((1.0, 1.0, 1.0), (5.0, 25.0, -10.0), (3.0, -4.0, 5.0)), volume)
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.chooseModelFile(writeThresholdModel(tmp_path / "model", [1.0], 1.5))
    click(panel.ui.predictButton)
    panel.waitIdle()
    choose(panel.ui.pixelSetComboBox, "Predicted class")
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == ""
    return volume, bright


def nodes():
    return {node.GetID() for node in slicer.mrmlScene.GetNodes()}


def masks(painting, volume):
    ids = painting.GetSegmentation().GetSegmentIDs()
    return {i: slicer.util.arrayFromSegmentBinaryLabelmap(painting, i, volume).astype(bool) for i in ids}


def facts(painting):
    return json.loads(painting.GetAttribute("SegHiResGradCAM.Painting"))


def test_one_click_takes_the_evidence_away_and_the_segment_with_it(panel, bead):
    volume, bright = bead
    ui, before = panel.ui, nodes()
    panel.open(ui.paintButton)
    assert ui.paintButton.enabled and ui.paintComboBox.currentText == "Most important region (50 %)"
    assert not ui.paintTextLabel.isVisible()
    with events.LoopGap() as gap:
        click(ui.paintButton)
        assert ui.applyButton.text == "C&ancel" and not ui.paintButton.enabled
        panel.waitIdle()
    assert ui.errorLabel.text == "" and gap.longest < 1.0
    (painting,) = attachedTo(panel.node)
    found = masks(painting, volume)
    assert (found["before"] == bright).all() and (found["region"] & bright).any()
    told = facts(painting)
    assert told["before"]["voxels"] == bright.sum() and told["after"]["voxels"] < told["before"]["voxels"]
    after = found.get("after", np.zeros(SHAPE, bool))
    assert after.sum() == told["after"]["voxels"] and told["change"] < 0
    assert ui.paintTextLabel.isVisible() and ui.paintTextLabel.text == told["sentence"]
    # the network says bright; the surroundings are not: painted over as a whole, nothing is left
    ui.shareSlider.value = 100
    choose(ui.paintComboBox, "Coloured region (100 %)")
    click(ui.paintButton)
    panel.waitIdle()
    assert ui.errorLabel.text == "" and facts(attachedTo(panel.node)[-1])["after"]["voxels"] == 0
    assert set(masks(attachedTo(panel.node)[-1], volume)) == {"region", "before"}
    click(ui.removeButton)
    assert not nodes() - before


def test_a_box_of_the_scene_is_painted_over_where_it_is(panel, bead):
    volume, bright = bead
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Bead")
    events.wait(50)  # the list follows the scene
    corners = gridOfVolume(volume).ras(np.argwhere(bright))
    roi.SetCenter(*corners.mean(axis=0))
    roi.SetSize(*(np.ptp(corners, axis=0) + 1))
    panel.open(panel.ui.paintComboBox)
    choose(panel.ui.paintComboBox, "ROI: Bead")
    click(panel.ui.paintButton)
    panel.waitIdle()
    assert panel.ui.errorLabel.text == ""
    (painting,) = attachedTo(panel.node)
    assert (masks(painting, volume)["region"] & bright).sum() == bright.sum()
    assert facts(painting)["after"]["voxels"] == 0 and "box" in panel.ui.paintTextLabel.text
    # a box beside the volume is one sentence and changes nothing
    roi.SetCenter(1e4, 0, 0)
    before = nodes()
    click(panel.ui.paintButton)
    panel.waitIdle()
    assert "No voxel centre lies inside the box" in panel.ui.errorLabel.text and nodes() == before


def test_in_the_demo_the_marker_is_what_the_shortcut_network_looks_at(panel):
    ui = panel.ui
    panel.openDemo()
    panel.applyAndWait()
    names = [ui.shownLayerComboBox.itemText(n) for n in range(ui.shownLayerComboBox.count)]
    choose(ui.shownLayerComboBox, next(name for name in names if "decoder" in name))
    panel.waitIdle()
    panel.open(ui.paintComboBox)
    choose(ui.paintComboBox, "Segment: Marker")
    click(ui.paintButton)
    panel.waitIdle()
    assert ui.errorLabel.text == ""
    told = facts(attachedTo(panel.node, "painting")[0])
    assert told["flips"] and told["before"]["score"] > 0 > told["after"]["score"]
    assert told["before"]["ml"] > 5 and told["after"]["ml"] < 0.1
    # the segment that was painted over is deleted, then the volume
    segmentation = panel.presenter.parameters.segmentation
    segmentation.GetSegmentation().RemoveSegment("Marker")
    panel.presenter.changed()
    assert ui.paintComboBox.currentText == "Most important region (50 %)" and ui.paintButton.enabled
    slicer.mrmlScene.RemoveNode(ui.volumeSelector.currentNode())
    events.wait(50)
    assert not ui.paintButton.enabled
    assert tipOf(ui.paintButton) == "The volume of this map is gone: it cannot be looked at again."
    assert ui.paintTextLabel.text == told["sentence"]  # what was found stays


def test_cancelled_the_scene_is_unchanged(panel, bead):
    before = nodes()
    panel.open(panel.ui.paintButton)
    click(panel.ui.paintButton)
    click(panel.ui.applyButton)
    panel.waitIdle()
    assert panel.ui.statusLabel.text == "Cancelled. The scene is unchanged." and nodes() == before
    assert panel.ui.paintButton.enabled and not panel.ui.paintTextLabel.isVisible()
