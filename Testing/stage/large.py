"""A case of clinical size in the panel, and the clicks of a user on it, each with the longest gap of the event loop."""

from __future__ import annotations

import time

import numpy as np

import slicer
from seghirescam.protocol.resampling import resampled
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from stage.builders import addSegmentation, addVolume
from stage.gui import choose, click, events


def openLargeCase(panel, shape) -> None:
    """The demo brain on ``shape`` (K, J, I) int16 voxels with its lesion, in place of the demo's own nodes.

    The segment's labelmap fills the volume's whole extent, as after painting in Slicer.
    """
    panel.openDemo()
    small = panel.presenter.parameters.volume
    grid = gridOfVolume(small)
    fine = grid.strided(*_steps(grid.shape, shape), shape)
    voxels = np.rint(resampled(slicer.util.arrayFromVolume(small).astype(np.float32), grid, fine)).astype(np.int16)
    volume = addVolume(voxels, fine.ijk_to_ras, "large")
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(panel.presenter.parameters.segmentation, "Lesion", small)
    segmentation = addSegmentation(volume, Lesion=resampled(mask.astype(np.float32), grid, fine) > 0.5)
    parameters = panel.presenter.parameters
    former = parameters.volume, parameters.segmentation
    panel.presenter.pick(volume=volume, segmentation=segmentation, segmentId="Lesion")
    for node in former:
        slicer.mrmlScene.RemoveNode(node)
    panel.waitIdle()


def _steps(coarse, shape):
    jump = [a / b for a, b in zip(coarse, shape, strict=True)]
    return jump, [(j - 1) / 2 for j in jump]


class Clock:
    """steps: {what was done: (longest gap of the event loop, until it was done), both in seconds}."""

    def __init__(self, panel):
        self._panel, self.steps = panel, {}

    def __call__(self, name, action):
        started = time.monotonic()
        with events.LoopGap() as gap:
            action()
            self._panel.waitIdle()
        self.steps[name] = gap.longest, time.monotonic() - started

    @property
    def longest(self) -> float:
        return max(gap for gap, _ in self.steps.values())


def clickThrough(panel) -> dict:
    """Apply, other layers (there and back), thresholds, both signs, the strongest place, a second question.

    Returns Clock.steps.  Raises AssertionError where the panel shows an error.
    """
    ui, clock = panel.ui, Clock(panel)
    clock("apply", lambda: click(ui.applyButton))
    assert ui.errorLabel.text == "" and panel.node is not None, ui.errorLabel.text
    asked = ui.shownLayerComboBox.currentText
    names = [ui.shownLayerComboBox.itemText(n) for n in range(ui.shownLayerComboBox.count)]
    other = next(name for name in names if "bottleneck" in name)
    clock("another layer", lambda: choose(ui.shownLayerComboBox, other))
    assert ui.shownLayerComboBox.currentText == other, ui.errorLabel.text
    clock("back to the first", lambda: choose(ui.shownLayerComboBox, asked))
    assert ui.shownLayerComboBox.currentText == asked, ui.errorLabel.text
    clock("threshold 50 %", lambda: click(ui.share50Button))
    clock("threshold 95 %", lambda: click(ui.share95Button))
    clock("both signs", lambda: click(ui.signedCheckBox))
    clock("strongest place", lambda: click(ui.strongestButton))
    choose(ui.pixelSetComboBox, "Whole image")
    clock("second question", lambda: click(ui.applyButton))
    assert ui.errorLabel.text == "" and len(panel.results) == 2, ui.errorLabel.text
    return clock.steps
