"""Follow the crosshair: the map is always that of the place it names, however fast the user moves."""

import random

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib import explanationFacts, isOverlay
from SegHiResGradCAMLib.scene.nodes.Attachments import attachedTo
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from SegHiResGradCAMLib.scene.overlay.Legend import updateLegend
from SegHiResGradCAMLib.scene.overlay.OverlayDisplay import settingsOf
from stage.builders import addTransform, addVolume, obliqueMatrix
from stage.gui import choose, click, events
from stage.panel import Panel, tipOf, writeModel, writeThresholdModel

SHAPE = (12, 18, 20)
MOVES = 500


@pytest.fixture
def panel(stageScene):
    stageScene.addSliceViews()
    opened = Panel()
    opened.widget.ask = lambda question: True
    opened.open(opened.ui.followCheckBox)
    yield opened
    opened.close()
    stageScene.removeSliceViews()


@pytest.fixture
def crosshair():
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCrosshairNode")


@pytest.fixture
def case(panel, crosshair, tmp_path):
    """(volume on an oblique grid under a transform, two bright blobs apart); the model says lesion where it is bright
    and is ready, the crosshair in the middle of the first blob."""
    bright = np.zeros((2, *SHAPE), bool)
    bright[0, 2:5, 3:8, 3:8] = True
    bright[1, 7:10, 10:14, 12:17] = True
    volume = addVolume(np.where(bright.any(axis=0), 3, 1).astype(np.float32), obliqueMatrix(), "case")
    addTransform(obliqueMatrix((1.0, 1.0, 1.0), (5.0, 25.0, -10.0), (3.0, -4.0, 5.0)), volume)
    chosen(panel, volume, writeThresholdModel(tmp_path / "model", [1.0], 1.5))
    crosshair.SetCrosshairRAS(*gridOfVolume(volume).ras((3, 5, 5)))
    return volume, bright


def chosen(panel, volume, model):
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.chooseModelFile(model)
    choose(panel.ui.classComboBox, "lesion")


def rest(panel):
    """Until nothing is asked and nothing waits."""
    live = panel.presenter.live
    events.waitUntil(lambda: live._wanted is None and live.job is None and not panel.presenter.busy, 120_000, "at rest")
    events.wait(20)


def follow(panel):
    click(panel.ui.followCheckBox)
    rest(panel)
    assert panel.ui.errorLabel.text == "" and panel.ui.followCheckBox.checked


def placeOf(node):
    return explanationFacts(node)["provenance"]["place_ras_mm"]


def overlays():
    return [node for node in slicer.mrmlScene.GetNodes() if isOverlay(node)]


def inForeground(node):
    composites = [one for one in slicer.mrmlScene.GetNodes() if one.IsA("vtkMRMLSliceCompositeNode")]
    assert len(composites) == 3
    return {one.GetForegroundVolumeID() == node.GetID() for one in composites}


def voxels(node):
    return explanationFacts(node)["provenance"]["pixel_set_voxels"]


def test_five_hundred_moves_show_no_stale_map_and_end_at_the_last_place(panel, crosshair, tmp_path):
    volume = addVolume(np.random.default_rng(1).normal(size=(16, 16, 16)).astype(np.float32), np.diag([2.0, 2, 2, 1]))
    chosen(panel, volume, writeModel(tmp_path / "model"))
    crosshair.SetCrosshairRAS(10, 10, 10)
    follow(panel)
    assert len(overlays()) == 1
    node, shown, sent = panel.node, [], []
    send, chance = panel.presenter.engine.send, random.Random(2)
    panel.presenter.engine.send = lambda *words: (sent.append(1), send(*words))

    def look(caller, event):  # whenever the map's node has changed, whoever changed it
        if shown[-1:] != [placeOf(node)]:
            shown.append(placeOf(node))
            assert shown[-1] == list(crosshair.GetCrosshairRAS()), "a stale map"

    tag = node.AddObserver("ModifiedEvent", look)
    try:
        for n in range(MOVES):
            crosshair.SetCrosshairRAS(*(chance.uniform(0, 30) for _ in range(3)))
            if n % 100 == 99:
                rest(panel)
            else:  # mostly moving; now and then a pause in which the worker may or may not answer
                events.wait(chance.choice((0, 0, 1, 2)) if n % 30 else chance.choice((30, 60, 150)))
        rest(panel)
    finally:
        node.RemoveObserver(tag)
    assert panel.ui.errorLabel.text == "" and len(sent) < MOVES and len(shown) >= 5
    assert panel.node is node and overlays() == [node]
    last = list(crosshair.GetCrosshairRAS())
    assert shown[-1] == placeOf(node) == last and inForeground(node) == {True}
    # and it is the map of that voxel, as an engine says that was never asked anything else
    assert np.abs(slicer.util.arrayFromVolume(node) - _alone(panel, tmp_path, volume, last)).max() < 1e-5


def _alone(panel, folder, volume, ras):
    """The map of a voxel at the shown layer, on the voxels of the node."""
    from seghirescam.models import recognise
    from seghirescam.protocol.image import Image
    from seghirescam.protocol.recipes import Voxel
    from seghirescam.session.explain import explain

    source, facts = panel.presenter.models.facts.source, panel.presenter.models.facts
    model = recognise(source).open(source, consent=facts.codeHash)
    image = Image(np.array(slicer.util.arrayFromVolume(volume))[None], gridOfVolume(volume))
    layer = explanationFacts(panel.node)["layer"]["name"]
    (one,) = explain(model, image, Voxel(tuple(ras)), class_index=1, layers=[layer])
    return one.resampled_to(gridOfVolume(panel.node)).array


def test_the_part_of_the_prediction_is_asked_about_and_goes_when_its_reason_is_painted_over(panel, crosshair, case):
    """The second blob is a false positive, say: a click, its reason, painted over, gone."""
    volume, bright = case
    crosshair.SetCrosshairRAS(*gridOfVolume(volume).ras((8, 12, 14)))
    choose(panel.ui.placeFormComboBox, "predicted part")
    click(panel.ui.askHereButton)
    rest(panel)
    panel.waitChecked()
    node = panel.node
    assert voxels(node) == bright[1].sum() and not panel.ui.followCheckBox.checked
    assert explanationFacts(node)["pixel_set"].startswith("part of predicted lesion at R ")
    panel.openSections()
    assert panel.ui.numbersLabel.isVisible()  # a map that nobody follows is checked as any other
    panel.ui.shareSlider.value = 100
    choose(panel.ui.paintComboBox, next(t for n in range(9) if "100 %" in (t := panel.ui.paintComboBox.itemText(n))))
    click(panel.ui.paintButton)
    panel.waitIdle()
    assert panel.ui.errorLabel.text == ""
    (painting,) = attachedTo(node)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(painting, "after", volume).astype(bool)
    assert (array == bright[0]).all()  # the false positive is gone, the other blob stays
    # the next place does not take away what was found out about this one
    crosshair.SetCrosshairRAS(*gridOfVolume(volume).ras((3, 5, 5)))
    click(panel.ui.askHereButton)
    rest(panel)
    assert voxels(panel.node) == bright[0].sum() and len(overlays()) == 2 and attachedTo(node) == [painting]


def test_a_place_without_an_answer_takes_the_map_out_of_the_views_and_says_why(panel, crosshair, case):
    volume, bright = case
    grid = gridOfVolume(volume)
    choose(panel.ui.placeFormComboBox, "predicted part")
    follow(panel)
    node = panel.node
    panel.ui.opacitySlider.value = 40
    assert inForeground(node) == {True} and voxels(node) == bright[0].sum()
    crosshair.SetCrosshairRAS(*grid.ras((11, 1, 19)))
    rest(panel)
    assert inForeground(node) == {False} and "Place the point inside the component." in panel.ui.placeTextLabel.text
    assert panel.ui.followCheckBox.checked and panel.ui.errorLabel.text == ""
    choose(panel.ui.placeFormComboBox, "voxel")
    crosshair.SetCrosshairRAS(*grid.ras((99, 1, 19)))
    rest(panel)
    assert inForeground(node) == {False} and "lies outside the image" in panel.ui.placeTextLabel.text
    crosshair.SetCrosshairRAS(*grid.ras((8, 12, 14)))
    rest(panel)
    assert panel.node is node and inForeground(node) == {True} and voxels(node) == 1
    assert settingsOf(node).opacity == 0.4
    title = updateLegend(node, settingsOf(node)).GetTitleText()
    assert "voxel at R {:.1f}, A {:.1f}, S {:.1f} mm".format(*crosshair.GetCrosshairRAS()) in title


def test_points_and_boxes_are_followed_where_they_are(panel, case):
    volume, _ = case
    grid = gridOfVolume(volume)
    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
    for index in ((2, 3, 4), (6, 9, 9)):
        points.AddControlPointWorld(*grid.ras(index))
    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Region")
    roi.SetXYZ(*grid.ras((5, 8, 9)))
    roi.SetRadiusXYZ(6.0, 5.0, 4.0)
    events.wait(50)
    choose(panel.ui.pointerComboBox, "The points Seeds")
    assert panel.ui.followCheckBox.text == "Follow the points Seeds"
    follow(panel)
    assert placeOf(panel.node) == pytest.approx(grid.ras((6, 9, 9)))  # the last one
    points.SetNthControlPointPositionWorld(0, *grid.ras((3, 4, 4)))
    rest(panel)
    assert placeOf(panel.node) == pytest.approx(grid.ras((3, 4, 4)))  # the one that was dragged
    choose(panel.ui.pointerComboBox, "The box Region")
    rest(panel)
    assert not panel.ui.placeFormComboBox.isVisible()
    centres = grid.ras(np.argwhere(np.ones(SHAPE, bool)))
    for radius in ((6.0, 5.0, 4.0), (9.0, 2.5, 7.0)):
        roi.SetRadiusXYZ(*radius)
        rest(panel)
        inside = (np.abs(centres - grid.ras((5, 8, 9))) <= radius).all(axis=1)
        assert voxels(panel.node) == inside.sum() > 0
        assert explanationFacts(panel.node)["pixel_set"].startswith("box at R ")
    slicer.mrmlScene.RemoveNode(roi)
    events.wait(50)
    rest(panel)
    assert panel.ui.followCheckBox.text == "Follow the crosshair" and len(overlays()) == 1


def test_apply_comes_first_and_the_place_that_had_no_answer_is_asked_afterwards(panel, crosshair, case):
    volume, _ = case
    follow(panel)
    choose(panel.ui.pixelSetComboBox, "Predicted class")
    rest(panel)
    place = gridOfVolume(volume).ras((8, 12, 14))
    crosshair.SetCrosshairRAS(*place)
    panel.apply()
    panel.waitIdle()
    rest(panel)
    assert panel.ui.errorLabel.text == "" and len(overlays()) == 2
    assert placeOf(panel.node) == pytest.approx(place)
    assert panel.presenter.checks.job is None  # the worker is kept free while a place is followed
    click(panel.ui.followCheckBox)
    panel.waitChecked()
    panel.openSections()
    assert panel.ui.numbersLabel.isVisible()


def test_another_class_or_layer_is_asked_at_once_and_nothing_is_followed_after_leaving(
    panel, crosshair, case, tmp_path
):
    chosen(panel, case[0], writeModel(tmp_path / "layers"))
    follow(panel)
    node, live = panel.node, panel.presenter.live
    assert live._pointer.observed == 1
    other = next(
        text for n in range(panel.ui.shownLayerComboBox.count)
        if (text := panel.ui.shownLayerComboBox.itemText(n)) != panel.ui.shownLayerComboBox.currentText
    )  # fmt: skip
    choose(panel.ui.shownLayerComboBox, other)
    panel.waitIdle()
    layer = explanationFacts(panel.node)["layer"]["name"]
    assert other.startswith(layer) and panel.node is not node
    crosshair.SetCrosshairRAS(*gridOfVolume(case[0]).ras((8, 12, 14)))
    rest(panel)
    assert explanationFacts(panel.node)["layer"]["name"] == layer and len(overlays()) == 1  # at the shown layer
    choose(panel.ui.classComboBox, "background")
    rest(panel)
    assert explanationFacts(panel.node)["class_name"] == "background" and len(overlays()) == 1
    panel.loaded.exit()
    assert live._pointer.observed == 0 and not live.on
    crosshair.SetCrosshairRAS(1, 2, 3)
    events.wait(50)
    assert live.job is None and live._wanted is None
    panel.loaded.enter()
    assert not panel.ui.followCheckBox.checked


def test_nothing_runs_without_a_yes_and_a_button_says_what_is_missing(panel, crosshair, tmp_path):
    ui, asked = panel.ui, []
    assert not ui.followCheckBox.enabled and tipOf(ui.followCheckBox) == "Choose a volume."
    canary = tmp_path / "ran"
    model = writeModel(tmp_path / "model", extra=f"open({str(canary)!r}, 'w').close()")
    panel.widget.ask = lambda question: asked.append(question)
    chosen(panel, addVolume(np.ones((8, 8, 8), np.float32)), model)
    click(ui.followCheckBox)
    rest(panel)
    assert len(asked) == 1 and not ui.followCheckBox.checked and not canary.exists()
    assert "that was not agreed to" in ui.errorLabel.text and overlays() == []
    # a yes for one model is none for the next, which is chosen while the place is followed
    panel.widget.ask = lambda question: True
    follow(panel)
    assert canary.exists()
    canary.unlink()
    panel.widget.ask = lambda question: False
    panel.chooseModelFile(writeModel(tmp_path / "another", extra=f"open({str(canary)!r}, 'w').close() or 'another'"))
    choose(ui.classComboBox, "lesion")
    rest(panel)
    crosshair.SetCrosshairRAS(3, 3, 3)
    rest(panel)
    assert not canary.exists() and ui.placeTextLabel.text == "Another model was chosen: tick it again."
