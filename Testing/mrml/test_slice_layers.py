import numpy as np
import pytest

from SegHiResGradCAMLib import DisplaySettings, addOverlay, hideFromForeground, removeOverlay, showInForeground
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from stage.builders import addVolume, makeExplanation


@pytest.fixture
def volume():
    return addVolume(np.zeros((8, 8, 8), dtype=np.int16))


@pytest.fixture
def composites(stageScene, mrml):
    stageScene.addSliceViews()
    nodes = list(mrml.GetNodesByClass("vtkMRMLSliceCompositeNode"))
    yield nodes
    stageScene.removeSliceViews()


def explanation(volume):
    grid = gridOfVolume(volume).strided((4, 4, 4), (0, 0, 0), (2, 2, 2))
    return makeExplanation(np.ones(grid.shape), grid)


def foregrounds(composites):
    return [composite.GetForegroundVolumeID() for composite in composites]


def test_the_overlay_is_the_foreground_of_every_slice_view_at_its_opacity(mrml, volume, composites):
    node = addOverlay(mrml, explanation(volume), volume, settings=DisplaySettings(opacity=0.4))
    assert len(composites) == 3 and foregrounds(composites) == [node.GetID()] * 3
    assert [composite.GetForegroundOpacity() for composite in composites] == [0.4] * 3
    assert [composite.GetBackgroundVolumeID() for composite in composites] == [volume.GetID()] * 3


def test_a_background_that_is_there_already_stays(mrml, volume, composites):
    other = addVolume(np.zeros((8, 8, 8)))
    composites[0].SetBackgroundVolumeID(other.GetID())
    addOverlay(mrml, explanation(volume), volume)
    assert composites[0].GetBackgroundVolumeID() == other.GetID()


def test_the_former_foreground_and_opacity_come_back(mrml, volume, composites):
    former = addVolume(np.zeros((8, 8, 8)))
    composites[0].SetForegroundVolumeID(former.GetID())
    composites[0].SetForegroundOpacity(0.25)
    first = addOverlay(mrml, explanation(volume), volume)
    second = addOverlay(mrml, explanation(volume), volume)
    assert foregrounds(composites) == [second.GetID()] * 3
    removeOverlay(second)
    assert foregrounds(composites) == [former.GetID(), None, None]
    assert composites[0].GetForegroundOpacity() == 0.25
    assert not composites[0].GetNodeReferenceID("SegHiResGradCAM.FormerForeground")
    showInForeground(first)
    hideFromForeground(first)
    assert foregrounds(composites) == [former.GetID(), None, None]


def test_the_users_opacity_is_kept_when_asked_to(mrml, volume, composites):
    node = addOverlay(mrml, explanation(volume), volume)
    composites[0].SetForegroundOpacity(0.33)
    showInForeground(node)
    assert composites[0].GetForegroundOpacity() == 0.33


def test_a_view_that_shows_something_else_by_now_is_left_alone(mrml, volume, composites):
    node, other = addOverlay(mrml, explanation(volume), volume), addVolume(np.zeros((8, 8, 8)))
    composites[1].SetForegroundVolumeID(other.GetID())
    removeOverlay(node)
    assert foregrounds(composites) == [None, other.GetID(), None]


def test_without_the_foreground_setting_nothing_changes_in_the_views(mrml, volume, composites):
    addOverlay(mrml, explanation(volume), volume, settings=DisplaySettings(foreground=False))
    assert foregrounds(composites) == [None] * 3


def test_a_scene_without_views_is_fine(mrml, volume):
    node = addOverlay(mrml, explanation(volume), volume)
    hideFromForeground(node)
    showInForeground(node)
