"""Check: is the model fed as it is meant to be? The result as text below the model, as long as it is about it."""

import json

import numpy as np
import pytest

from stage.builders import addSegmentation, addVolume, obliqueMatrix
from stage.gui import click
from stage.panel import Panel, writeThresholdModel

pytest.importorskip("monai")
SHAPE = (12, 18, 20)


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    opened.widget.ask = lambda question: True
    yield opened
    opened.close()


def test_a_wrong_normalisation_is_found_and_told_while_the_case_is_chosen(panel, tmp_path):
    values = np.random.default_rng(4).uniform(0, 1, SHAPE).astype(np.float32)
    values[3:8, 5:12, 6:15] = 3
    volume = addVolume(100 * values, obliqueMatrix(), "case")
    # the network knows values of 0..1: above 0.5 it says lesion
    model = writeThresholdModel(tmp_path / "model", [1.0], 0.5)
    ui = panel.ui
    assert not ui.feedingButton.enabled and not ui.feedingTextLabel.isVisible()
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.chooseModelFile(model)
    assert "Choose a segment that the model should draw." in ui.feedingButton.toolTip
    segmentation = addSegmentation(volume, lesion=values > 2, other=values < 0.5)
    panel.presenter.pick(segmentation=segmentation, segmentId="lesion", className="lesion")
    assert ui.feedingButton.enabled
    click(ui.feedingButton)
    assert ui.applyButton.text == "C&ancel" and not ui.feedingButton.enabled
    panel.waitIdle()
    assert ui.errorLabel.text == ""
    # a threshold on two values is met by several: all are named
    assert "normalisation min-max to 0..1 (Dice 1.000)" in ui.feedingTextLabel.text
    assert 'Write "preprocessing": [{' in ui.feedingTextLabel.text
    assert "normalisation min-max to 0..1: Dice 1.000" in ui.feedingTextLabel.toolTip
    assert ui.statusLabel.text.startswith("Checked in ")
    # it is about this segment, and no other
    panel.presenter.pick(segmentId="other")
    assert ui.feedingTextLabel.text == "" and not ui.feedingTextLabel.isVisible()
    panel.presenter.pick(segmentId="lesion", className="lesion")
    assert ui.feedingTextLabel.text
    # written as it says, nothing else is to be done
    about = json.loads(model.read_text())
    model.write_text(json.dumps(about | {"preprocessing": [{"min_max": [0, 1]}]}))
    click(ui.feedingButton)
    panel.waitIdle()
    assert ui.feedingTextLabel.text.startswith("The model fits as it is fed")


def test_no_is_no_and_nothing_runs(panel, tmp_path):
    volume = addVolume(np.ones(SHAPE, np.float32), obliqueMatrix(), "case")
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.chooseModelFile(writeThresholdModel(tmp_path / "model", [1.0], 0.5))
    segmentation = addSegmentation(volume, lesion=np.ones(SHAPE, bool))
    panel.presenter.pick(segmentation=segmentation, segmentId="lesion", className="lesion")
    panel.widget.ask = lambda question: False
    click(panel.ui.feedingButton)
    panel.waitIdle()
    assert panel.ui.errorLabel.text.endswith("No code was executed.") and not panel.ui.feedingTextLabel.isVisible()
