"""The volume below the crosshair moves or changes: the map is asked anew, though nobody has moved the crosshair."""

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib import explanationFacts
from SegHiResGradCAMLib.scene.nodes.Geometry import matrixFromArray
from stage.builders import addTransform, addVolume
from stage.gui import choose, click, events
from stage.panel import Panel, writeThresholdModel

SHAPE = (8, 10, 12)


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    opened.widget.ask = lambda question: True
    opened.open(opened.ui.followCheckBox)
    yield opened
    opened.close()


def rest(panel):
    live = panel.presenter.live
    events.waitUntil(lambda: live._wanted is None and live.job is None and not panel.presenter.busy, 60_000, "at rest")


def test_another_transform_or_other_voxels_are_asked_about_at_once_and_nobody_is_watched_afterwards(panel, tmp_path):
    crosshair = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCrosshairNode")
    volume = addVolume(np.ones(SHAPE, np.float32), name="case")
    transform = addTransform(np.eye(4), volume)
    other = addVolume(np.ones(SHAPE, np.float32), name="other")
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.chooseModelFile(writeThresholdModel(tmp_path / "model", [1.0], 0.5))
    choose(panel.ui.classComboBox, "lesion")
    crosshair.SetCrosshairRAS(4, 4, 4)
    click(panel.ui.followCheckBox)
    rest(panel)
    sent, send = [], panel.presenter.engine.send
    panel.presenter.engine.send = lambda *words: (sent.append(1), send(*words))

    def places():
        """Voxels that hold evidence: of this network the one that was asked about."""
        array = slicer.util.arrayFromVolume(panel.node)
        return np.argwhere(array != 0)[:, ::-1].tolist()

    panel.presenter.pick(grid=type(panel.presenter.parameters.grid).INPUT)
    rest(panel)
    assert places() == [[4, 4, 4]] and len(sent) == 1
    moved = np.eye(4)
    moved[:3, 3] = 2, 0, 0
    transform.SetMatrixTransformToParent(matrixFromArray(moved))
    events.waitUntil(lambda: len(sent) > 1, 10_000, "asked anew")
    rest(panel)
    assert explanationFacts(panel.node)["provenance"]["place_ras_mm"] == [4, 4, 4]
    assert places() == [[2, 4, 4]]  # the voxel that lies there now
    count = len(sent)
    slicer.util.arrayFromVolume(volume)[:] = 3
    slicer.util.arrayFromVolumeModified(volume)
    events.waitUntil(lambda: len(sent) > count, 10_000, "asked anew")
    rest(panel)
    # a volume that is not asked about any more, and afterwards none
    panel.ui.volumeSelector.setCurrentNode(other)
    rest(panel)
    count = len(sent)
    slicer.util.arrayFromVolumeModified(volume)
    events.wait(100)
    assert len(sent) == count
    click(panel.ui.followCheckBox)
    rest(panel)
    slicer.util.arrayFromVolumeModified(other)
    events.wait(100)
    assert panel.presenter.live.job is None
