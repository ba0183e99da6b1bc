"""A volume of clinical size: the event loop goes on, whatever is clicked; what is stopped half-way leaves nothing."""

import json
import os
import signal

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib.scene.nodes.Attachments import attachedTo
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from SegHiResGradCAMLib.scene.overlay.OverlayDisplay import settingsOf
from stage.gui import choose, click, events
from stage.large import clickThrough, openLargeCase
from stage.panel import Panel

SHAPE = (256, 256, 256)
#: still too large to be placed on Slicer's side
SMALLER = (160, 160, 160)


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


def nodes():
    return {node.GetID() for node in slicer.mrmlScene.GetNodes()}


def folders():
    """What lies in the worker's private folders, by name."""
    root = slicer.app.temporaryPath
    return sorted(name for folder in os.listdir(root) if folder.startswith("seghirescam-worker-")
                  for name in os.listdir(os.path.join(root, folder)))  # fmt: skip


def onTheVolumesVoxels(panel):
    """The choice that makes maps as large as the volume."""
    on(panel, "On the volume's voxels")


def on(panel, voxels):
    """Chooses the voxels of the maps."""
    if panel.ui.advancedSection.collapsed:
        click(panel.ui.advancedSection)
        panel.waitIdle()
    choose(panel.ui.gridComboBox, voxels)


@pytest.mark.parametrize("onVoxels", [False, True])
def test_no_click_holds_the_event_loop_and_the_map_is_the_engines(panel, onVoxels):
    openLargeCase(panel, SHAPE)
    if onVoxels:
        onTheVolumesVoxels(panel)
    steps = clickThrough(panel)
    assert max(gap for gap, _ in steps.values()) < 1.0, steps
    assert {"apply", "another layer", "threshold 50 %", "second question"} <= set(steps)
    # what the worker placed is what placing the map here gives
    desk = panel.presenter.desk
    node, origin = desk.node, desk.results.origin(desk.node)
    one, volume = origin.maps[desk.results.shownLayer(node)], gridOfVolume(panel.presenter.parameters.volume)
    grid = volume if onVoxels else one.quarter_grid(volume)
    assert gridOfVolume(node).same_as(grid, 1e-6)
    local = one.resampled_to(grid).array
    shown = slicer.util.arrayFromVolume(node)
    assert shown.dtype == np.float32 and shown.size <= (np.prod(SHAPE) if onVoxels else 4**3 * one.map.size)
    assert np.abs(shown - local).max() <= 2e-6 * np.abs(local).max()  # a millionth of the peak is stored as 0
    # and the threshold holds what it says
    share, level = settingsOf(node).share, node.GetDisplayNode().GetLowerThreshold()
    click(panel.ui.signedCheckBox)
    level = node.GetDisplayNode().GetLowerThreshold()
    held = shown[shown >= level].sum(dtype=float) / shown[shown > 0].sum(dtype=float)
    assert share <= held <= share + 2e-3
    # nothing is left in the private folder but the image, once nobody is asked any more
    panel.presenter.checks.stop()
    client = panel.presenter.engine._client
    events.waitUntil(lambda: client.state == "ready", 120_000, "the check has ended")
    # on a busy machine the worker is ready before the last file of the stopped check is gone
    left = lambda: [name.split("_")[0] for name in folders()]  # noqa: E731
    events.waitUntil(lambda: left() == ["image"], 10_000, "nothing but the image is left")


def half(panel, phase):
    """Until the running job says this phase."""
    events.waitUntil(lambda: panel.presenter.busy and phase in panel.presenter.job.phase, 120_000, phase)


def test_cancel_and_a_death_while_a_map_is_placed_leave_no_half_made_node(panel):
    openLargeCase(panel, SMALLER)
    onTheVolumesVoxels(panel)
    panel.applyAndWait()
    ui, first, before = panel.ui, panel.node, nodes()
    shown = ui.shownLayerComboBox.currentText
    other = next(
        text for n in range(ui.shownLayerComboBox.count) if "bottleneck" in (text := ui.shownLayerComboBox.itemText(n))
    )
    choose(ui.shownLayerComboBox, other)
    assert ui.applyButton.text == "C&ancel" and "another layer" in ui.statusLabel.text
    panel.apply()
    panel.waitIdle()
    assert ui.statusLabel.text == "Cancelled. The scene is unchanged."
    assert nodes() == before and panel.node is first and ui.shownLayerComboBox.currentText == shown

    choose(ui.shownLayerComboBox, other)
    half(panel, "placing the map")
    os.kill(panel.workerPid(), signal.SIGKILL)
    panel.waitIdle()
    assert "ended" in ui.errorLabel.text and nodes() == before and panel.node is first

    choose(ui.shownLayerComboBox, other)  # the maps are still here: another worker places them
    panel.waitIdle()
    assert ui.errorLabel.text == "" and ui.shownLayerComboBox.currentText == other
    assert len(nodes()) == len(before) and panel.presenter.engine.cost["forward_calls"] == 1


def test_painting_over_and_sharing_out_the_evidence_hold_nothing_up(panel):
    openLargeCase(panel, SMALLER)
    panel.applyAndWait()
    before, ui = nodes(), panel.ui
    panel.open(ui.paintButton)
    with events.LoopGap() as gap:
        click(ui.paintButton)
        panel.waitIdle()
    assert ui.errorLabel.text == "" and gap.longest < 1.0 and len(nodes() - before) > 0
    (painting,) = attachedTo(panel.node)
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(painting, "region", panel.presenter.parameters.volume)
    facts = json.loads(painting.GetAttribute("SegHiResGradCAM.Painting"))
    voxel = gridOfVolume(panel.presenter.parameters.volume).voxel_ml
    assert mask.sum() * voxel == pytest.approx(facts["painted_ml"], rel=1e-3)
    panel.waitIdle()
    panel.open(ui.segmentsButton)
    with events.LoopGap() as gap:
        click(ui.segmentsButton)
        panel.waitIdle()
    assert ui.errorLabel.text == "" and gap.longest < 1.0 and ui.segmentsTextLabel.text.startswith("Evidence: ")
    click(ui.removeButton)
    assert not nodes() - before


def test_cancel_while_the_volume_is_read_stops_at_once(panel):
    openLargeCase(panel, SMALLER)
    before = nodes()
    click(panel.ui.applyButton)
    assert panel.ui.applyButton.text == "C&ancel"
    click(panel.ui.applyButton)
    panel.waitIdle()
    assert panel.ui.statusLabel.text == "Cancelled. The scene is unchanged." and nodes() == before
    assert panel.ui.applyButton.text == "&Apply" and panel.ui.applyButton.enabled


def test_a_volume_removed_while_its_map_is_placed_takes_the_question_with_it(panel):
    openLargeCase(panel, SMALLER)
    onTheVolumesVoxels(panel)
    panel.apply()
    half(panel, "placing the map")
    slicer.mrmlScene.RemoveNode(panel.presenter.parameters.volume)
    panel.waitIdle()
    assert "removed" in panel.ui.errorLabel.text
    assert not any(node.IsA("vtkMRMLScalarVolumeNode") for node in slicer.mrmlScene.GetNodes())


def test_while_another_question_runs_a_map_that_must_be_placed_waits_and_says_so(panel):
    openLargeCase(panel, SMALLER)
    onTheVolumesVoxels(panel)
    panel.applyAndWait()
    ui, first = panel.ui, panel.node
    texts = [ui.shownLayerComboBox.itemText(n) for n in range(ui.shownLayerComboBox.count)]
    shown = ui.shownLayerComboBox.currentText
    choose(ui.pixelSetComboBox, "Whole image")
    panel.apply()
    choose(ui.shownLayerComboBox, next(text for text in texts if "bottleneck" in text))
    assert ui.errorLabel.text == "The worker is busy with another question. Wait for its answer, or cancel it."
    assert panel.node is first and ui.shownLayerComboBox.currentText == shown
    panel.waitIdle()
    assert ui.errorLabel.text == "" and len(panel.results) == 2


def test_the_evidence_of_segments_is_the_same_whatever_voxels_the_map_is_shown_on(panel):
    openLargeCase(panel, SMALLER)
    texts = []
    for voxels in ("On quarters of the layer's cells", "On the volume's voxels"):
        on(panel, voxels)
        panel.applyAndWait()
        panel.open(panel.ui.segmentsButton)
        click(panel.ui.segmentsButton)
        panel.waitIdle()
        texts.append(panel.ui.segmentsTextLabel.text)
    assert texts[0] == texts[1] and texts[0].startswith("Evidence: ")
