"""Predict: the model's own segmentation in the scene, explained at once, compared with what somebody else drew."""

import json

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib import explanationFacts
from SegHiResGradCAMLib.panel.question.Choices import PixelSetChoice
from stage.builders import addSegmentation, addTransform, addVolume, obliqueMatrix
from stage.gui import choose, click, events
from stage.panel import Panel, writeThresholdModel

SHAPE = (12, 18, 20)
CLASSES = ("background", "lesion", "never")


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    opened.widget.ask = lambda question: True
    yield opened
    opened.close()


@pytest.fixture
def case(panel, tmp_path):
    """(volume on an oblique grid under a transform, where the model will say lesion); the model is chosen."""
    values = np.random.default_rng(4).uniform(0, 1, SHAPE).astype(np.float32)
    values[3:8, 5:12, 6:15] += 2
    volume = addVolume(values, obliqueMatrix(), "case")
    addTransform(obliqueMatrix((1.0, 1.0, 1.0), (5.0, 25.0, -10.0), (3.0, -4.0, 5.0)), volume)
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.chooseModelFile(writeThresholdModel(tmp_path / "model", [1.0], 1.5, classes=CLASSES))
    return volume, values > 1.5


def nodes():
    return {node.GetID() for node in slicer.mrmlScene.GetNodes()}


def segmentNames(node):
    segmentation = node.GetSegmentation()
    return {segmentation.GetSegment(i).GetName(): i for i in segmentation.GetSegmentIDs()}


def test_the_prediction_is_the_engines_voxel_by_voxel_and_is_explained_without_predicting_again(panel, case):
    volume, expected = case
    ui = panel.ui
    assert ui.statusLabel.text == "Choose a segmentation, or let the model predict one." and ui.predictButton.enabled
    with events.LoopGap() as gap:
        click(ui.predictButton)
        assert ui.applyButton.text == "C&ancel" and not ui.predictButton.enabled
        panel.waitIdle()
    assert ui.errorLabel.text == "" and gap.longest < 1.0
    node = panel.presenter.parameters.segmentation
    assert list(segmentNames(node)) == ["lesion"]  # no background, nothing empty
    labels = slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentNames(node)["lesion"], volume)
    assert (labels.astype(bool) == expected).all()
    assert node.GetTransformNodeID() == volume.GetTransformNodeID()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    parents = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(one)) for one in (node, volume)}
    assert len(parents) == 1 and hierarchy.GetItemByDataNode(node)
    ml = expected.sum() * abs(np.linalg.det(obliqueMatrix()[:3, :3])) / 1000
    size = f"{expected.sum()} voxels, {ml:.3g} ml, {100 * expected.mean():.3g} % of the image"
    assert f"lesion ({size}). Not found: never." in ui.statusLabel.text
    facts = json.loads(node.GetAttribute("SegHiResGradCAM.Prediction"))
    assert [(one["name"], one["voxels"]) for one in facts["classes"]] == [("lesion", expected.sum()), ("never", 0)]
    assert len(facts["weights_sha256"]) == 64 and not node.GetDisplayNode().GetVisibility2DFill()

    # chosen with its class, and the network has run already
    assert panel.presenter.parameters.className == "lesion" and ui.applyButton.enabled
    panel.applyAndWait()
    assert ui.errorLabel.text == "" and panel.presenter.engine.cost["forward_calls_now"] == 0
    assert ui.statusLabel.text.endswith("without running the network again.")
    assert explanationFacts(panel.node)["provenance"]["pixel_set_voxels"] == expected.sum()


def test_false_positives_and_negatives_are_counted_against_the_segment(panel, case):
    volume, predicted = case
    drawn = np.zeros(SHAPE, dtype=bool)
    drawn[5:10, 5:12, 6:15] = True
    segmentation = addSegmentation(volume, lesion=drawn, all=predicted)
    panel.presenter.pick(segmentation=segmentation, segmentId="lesion", className="lesion")
    cube = abs(np.linalg.det(obliqueMatrix()[:3, :3])) / 1000
    for choice, wanted in (
        (PixelSetChoice.FALSE_POSITIVES, predicted & ~drawn),
        (PixelSetChoice.FALSE_NEGATIVES, drawn & ~predicted),
    ):
        choose(panel.ui.pixelSetComboBox, choice.label())
        panel.applyAndWait()
        assert panel.ui.errorLabel.text == "" and wanted.sum() > 0
        facts = explanationFacts(panel.node)["provenance"]
        assert facts["pixel_set_voxels"] == wanted.sum()
        assert facts["pixel_set_ml"] == pytest.approx(wanted.sum() * cube, rel=1e-5)
        name = choice.label().split(" against")[0].lower()
        assert f"{name} of lesion against segment 'lesion' ({wanted.sum()} voxels" in panel.ui.factsText.plainText
    panel.presenter.pick(segmentId="all")
    panel.presenter.pick(className="lesion")
    panel.applyAndWait()
    assert "false negatives of lesion against segment 'all' has no voxel" in panel.ui.errorLabel.text


def test_what_is_refused_cancelled_or_finds_nothing_leaves_no_node_and_a_panel_that_works(panel, case, tmp_path):
    before, ui = nodes(), panel.ui
    panel.widget.ask = lambda question: False
    click(ui.predictButton)
    panel.waitIdle()
    assert ui.errorLabel.text.endswith("No code was executed.") and nodes() == before and ui.predictButton.enabled

    panel.widget.ask = lambda question: True
    click(ui.predictButton)
    assert ui.errorLabel.text == ""
    click(ui.applyButton)
    panel.waitIdle()
    assert ui.statusLabel.text == "Cancelled. The scene is unchanged." and nodes() == before

    panel.chooseModelFile(writeThresholdModel(tmp_path / "blind", [1.0], 1e3, classes=CLASSES))
    click(ui.predictButton)
    panel.waitIdle()
    assert ui.errorLabel.text.startswith("The model found none of its classes") and nodes() == before
