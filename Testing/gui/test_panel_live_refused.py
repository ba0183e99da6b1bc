"""What is pointed at cannot be asked about: said in words, and the panel goes on."""

import numpy as np
import pytest

import slicer
from stage.builders import addVolume
from stage.gui import choose, click, events
from stage.panel import Panel, writeThresholdModel


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    opened.widget.ask = lambda question: True
    yield opened
    opened.close()


def bent():
    """A non-linear transform in the scene."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    assert not node.IsTransformToWorldLinear()
    return node


def test_a_box_under_a_non_linear_transform_is_refused_in_words_and_the_panel_goes_on(panel, tmp_path):
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    panel.ui.volumeSelector.setCurrentNode(addVolume(np.ones((8, 8, 8), np.float32), name="one"))
    panel.chooseModelFile(writeThresholdModel(tmp_path / "model", [1.0], 0.5))
    choose(panel.ui.classComboBox, "lesion")
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Region")
    roi.SetXYZ(4, 4, 4)
    roi.SetRadiusXYZ(3.0, 3.0, 3.0)
    panel.open(panel.ui.followCheckBox)
    events.waitUntil(panel.ui.pointerComboBox.isVisible, 10_000, "the box is offered")
    choose(panel.ui.pointerComboBox, "The box Region")
    roi.SetAndObserveTransformNodeID(bent().GetID())
    panel.presenter.changed()  # as any click does
    assert not panel.ui.placeFormComboBox.isVisible()  # it is a box all the same
    click(panel.ui.askHereButton)
    assert panel.ui.errorLabel.text.startswith("The ROI is under a non-linear transform. Harden the transform")
    assert panel.presenter.live.job is None and not panel.presenter.busy
    click(panel.ui.followCheckBox)
    assert panel.ui.errorLabel.text.startswith("The ROI is under a non-linear transform.")
    roi.SetAndObserveTransformNodeID(None)
    live = panel.presenter.live
    events.waitUntil(lambda: live._wanted is None and live.job is None and panel.node is not None, 60_000, "answered")
    assert "box at R 4.0, A 4.0, S 4.0 mm" in panel.ui.placeTextLabel.text
