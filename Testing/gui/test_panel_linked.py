"""Numbers that lead to places: a row of evidence by segment to its segment, a point of the curve to its volume."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import vtk
from PySide6 import QtCore

import slicer
from SegHiResGradCAMLib.scene.nodes.Attachments import SEGMENTS, attachedTo
from SegHiResGradCAMLib.scene.nodes.Geometry import arrayFromMatrix, gridOfVolume
from SegHiResGradCAMLib.scene.overlay.DisplaySettings import DisplaySettings
from SegHiResGradCAMLib.scene.overlay.Overlay import addOverlay
from SegHiResGradCAMLib.scene.results.MaskedVolume import hideMasked, maskedOf, maskedVolumes, showMasked
from SegHiResGradCAMLib.scene.results.TrustTables import addCurves
from stage.builders import addSegmentation, addTransform, addVolume, obliqueMatrix, spot
from stage.gui import choose, click, events
from stage.gui.standins.base import send, standIn
from stage.panel import Panel, writeModel

SIZE = 24


@pytest.fixture
def panel(stageScene):
    stageScene.addSliceViews()
    opened = Panel()
    opened.widget.ask = lambda question: True
    yield opened
    opened.close()
    stageScene.removeSliceViews()


@pytest.fixture
def case(panel, tmp_path):
    """(volume, segmentation) under a transform; a cube explained."""
    values = np.random.default_rng(1).normal(100, 20, (SIZE,) * 3).astype(np.float32)
    volume = addVolume(values, obliqueMatrix((2.0, 2.0, 2.0)), "case")
    addTransform(obliqueMatrix((1.0, 1.0, 1.0), (5.0, 25.0, -10.0), (3.0, -4.0, 5.0)), volume)
    masks = {name: np.zeros(values.shape, bool) for name in ("lesion", "left", "right")}
    masks["lesion"][8:16, 8:16, 8:16] = True
    masks["left"][8:12, 8:14, 8:13] = True
    masks["right"][13:19, 13:17, 10:15] = True
    segmentation = addSegmentation(volume, **masks)
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.presenter.pick(segmentation=segmentation, segmentId="lesion")
    panel.chooseModelFile(writeModel(tmp_path / "model"))
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == ""
    panel.openSections()
    return volume, segmentation


def items(combo):
    return [combo.itemText(n) for n in range(combo.count)]


def backgrounds():
    return {one.GetBackgroundVolumeID() for one in composites()}


def composites():
    found = [one for one in slicer.mrmlScene.GetNodes() if one.IsA("vtkMRMLSliceCompositeNode")]
    assert len(found) == 3
    return found


def distances(ras):
    """mm between a place and the plane of each of the three views."""
    views = [one for one in slicer.mrmlScene.GetNodes() if one.IsA("vtkMRMLSliceNode")]
    planes = [arrayFromMatrix(one.GetSliceToRAS()) for one in views]
    assert len(planes) == 3
    return [abs((plane[:3, 3] - ras) @ plane[:3, 2]) for plane in planes]


def test_a_row_shows_its_segment_and_the_views_go_to_its_centre(panel, case):
    volume, segmentation = case
    ui, display = panel.ui, segmentation.GetDisplayNode()
    assert not ui.evidenceRowsComboBox.isVisible()
    click(ui.segmentsButton)
    panel.waitIdle()
    (table,) = attachedTo(panel.node, SEGMENTS)
    names, shares = (table.GetTable().GetColumnByName(name) for name in ("segment", "share"))
    told = {names.GetValue(n): shares.GetValue(n) for n in range(names.GetNumberOfTuples())}
    expected = sorted((name for name in told if name != "elsewhere"), key=lambda name: -told[name])
    assert items(ui.evidenceRowsComboBox)[1:] == [f"{100 * told[name]:.1f} % {name}" for name in expected]
    display.SetVisibility(False)
    display.SetSegmentVisibility("left", False)
    for name, low, high in (("left", (8, 8, 8), (11, 13, 12)), ("right", (13, 13, 10), (18, 16, 14))):
        choose(ui.evidenceRowsComboBox, f"{100 * told[name]:.1f} % {name}")
        panel.waitIdle()
        assert display.GetVisibility() and display.GetSegmentVisibility(name)
        centre = gridOfVolume(volume).ras((np.array(low) + high) / 2)
        assert max(distances(centre)) < 1.8  # of a labelmap Slicer takes a voxel near its middle, here of 2 mm
        assert ui.statusLabel.text.startswith(f"{name} at R ") and ui.evidenceRowsComboBox.currentText.endswith(name)
    segmentation.GetSegmentation().RemoveSegment("left")
    choose(ui.evidenceRowsComboBox, f"{100 * told['left']:.1f} % left")
    assert ui.errorLabel.text.startswith("There is no segment 'left' any more.")


@pytest.fixture
def checked(panel, case):
    """The fractions of the shown map's deletion curve; as the full check brings them (this network uses no context)."""
    fractions = [0.0, 0.1, 0.3, 0.6, 1.0]
    falling = {"fractions": fractions, "score": [1.0, 0.5, 0.25, 0.1, 0.0], "dice": [1.0, 0.5, 0.25, 0.1, 0.0]}
    curves = [falling | {"name": "by the map"}, falling | {"name": "random order 1"}]
    addCurves(panel.node, curves, panel.presenter.desk.results.shownLayer(panel.node))
    panel.presenter.changed()
    return fractions


@standIn(vtkSignals=("dataSelected(vtkStringArray*,vtkCollection*)",))
class PlotView(QtCore.QObject):
    """qMRMLPlotView, as far as a click goes."""

    dataSelected = QtCore.Signal(object, object)


def test_a_point_of_the_curve_shows_the_masked_volume_in_one_node_that_goes_with_the_result(panel, case, checked):
    volume, ui = case[0], panel.ui
    for one in composites():
        one.SetBackgroundVolumeID(volume.GetID())
    array, before = slicer.util.arrayFromVolume(volume), {node.GetID() for node in slicer.mrmlScene.GetNodes()}
    shown = ui.maskedComboBox
    assert items(shown)[0] == "Nothing masked out" and shown.count == len(checked)
    changed = []
    for text in items(shown)[1:]:
        choose(shown, text)
        panel.waitIdle()
        assert ui.errorLabel.text == "" and shown.currentText == text
        (node,) = maskedVolumes(slicer.mrmlScene)
        assert backgrounds() == {node.GetID()} and node.GetParentTransformNode() is volume.GetParentTransformNode()
        assert gridOfVolume(node).same_as(gridOfVolume(volume), 1e-9)
        changed.append(slicer.util.arrayFromVolume(node) != array)
        assert not changed[-1][8:16, 8:16, 8:16].any()
    assert node.GetDisplayNode().GetWindowLevelMax() == volume.GetDisplayNode().GetWindowLevelMax()
    counts = [one.sum() for one in changed]
    assert counts == sorted(counts) and counts[0] > 0  # more and more, and what was gone stays gone
    assert all((a <= b).all() for a, b in itertools.pairwise(changed))
    assert volume.GetID() not in backgrounds()
    assert node.GetID() in ui.volumeSelector.sortFilterProxyModel().hiddenNodeIDs
    choose(shown, "Nothing masked out")
    panel.waitIdle()
    assert backgrounds() == {volume.GetID()} and shown.currentText == "Nothing masked out"
    choose(shown, items(shown)[2])
    panel.waitIdle()
    assert len({node.GetID() for node in slicer.mrmlScene.GetNodes()} - before) == 2  # the volume and its display
    click(ui.removeButton)
    panel.waitIdle()
    assert backgrounds() == {volume.GetID()} and maskedVolumes(slicer.mrmlScene) == []


def test_a_click_on_the_plot_is_the_same_and_a_result_that_is_deleted_elsewhere_leaves_no_empty_view(
    panel, case, checked, monkeypatch
):
    volume, view = case[0], PlotView()
    layout = SimpleNamespace(plotViewCount=1, plotWidget=lambda n: SimpleNamespace(plotView=lambda: view))
    monkeypatch.setattr(type(slicer.app), "layoutManager", lambda self: layout)
    panel.presenter.changed()
    for one in composites():
        one.SetBackgroundVolumeID(volume.GetID())
    series = {
        one.GetYColumnName(): one for one in slicer.mrmlScene.GetNodes() if one.IsA("vtkMRMLPlotSeriesNode")
    }  # fmt: skip

    def clickOn(name, *points):
        ids, chosen, all_ = vtk.vtkStringArray(), vtk.vtkIdTypeArray(), vtk.vtkCollection()
        ids.InsertNextValue(series[name].GetID())
        for point in points:
            chosen.InsertNextValue(point)
        all_.AddItem(chosen)
        send(view, "dataSelected(vtkStringArray*,vtkCollection*)", ids, all_)
        panel.waitIdle()

    clickOn("random order 1, score", 2)
    clickOn("by the map, score", 1, 2)
    assert maskedVolumes(slicer.mrmlScene) == []
    clickOn("by the map, score", 2)
    assert panel.ui.maskedComboBox.currentText == f"{100 * checked[2]:.3g} % masked out"
    assert backgrounds() == {maskedOf(panel.node).GetID()}
    slicer.mrmlScene.RemoveNode(panel.node)
    events.wait(50)
    panel.waitIdle()
    assert backgrounds() == {volume.GetID()} and maskedVolumes(slicer.mrmlScene) == []


def test_another_result_lies_over_its_own_volume_and_not_over_what_was_masked_out_for_the_former(panel, case, checked):
    volume, ui = case[0], panel.ui
    for one in composites():
        one.SetBackgroundVolumeID(volume.GetID())
    former = panel.node

    def mask():
        choose(ui.maskedComboBox, items(ui.maskedComboBox)[2])
        panel.waitIdle()
        assert backgrounds() == {maskedOf(former).GetID()}

    mask()
    panel.openAdvanced()
    choose(ui.scoreComboBox, next(t for n in range(3) if "odds" in (t := ui.scoreComboBox.itemText(n))))
    panel.applyAndWait()
    assert panel.node is not former and backgrounds() == {volume.GetID()}
    other = panel.node
    panel.presenter.desk.choose(former.GetID())
    mask()
    panel.presenter.desk.choose(other.GetID())
    assert panel.node is other and backgrounds() == {volume.GetID()}
    panel.presenter.desk.choose(former.GetID())
    mask()
    panel.presenter.desk.layerBelow()  # nothing was masked out in the order of that map
    panel.waitIdle()
    assert panel.node is not former and backgrounds() == {volume.GetID()}


def test_hiding_what_was_masked_out_for_one_volume_leaves_the_views_of_another(panel, case, checked):
    volume, ui = case[0], panel.ui
    for one in composites():
        one.SetBackgroundVolumeID(volume.GetID())
    choose(ui.maskedComboBox, items(ui.maskedComboBox)[2])
    panel.waitIdle()
    first = maskedOf(panel.node)
    elsewhere = addVolume(np.ones((SIZE,) * 3, np.float32), name="elsewhere")
    second = addOverlay(slicer.mrmlScene, spot(elsewhere)[0], elsewhere, settings=DisplaySettings(foreground=False))
    voxels = SimpleNamespace(array=np.ones((SIZE,) * 3), image=vtk.vtkImageData())
    voxels.image.DeepCopy(elsewhere.GetImageData())
    shown = showMasked(second, elsewhere, SimpleNamespace(voxels=voxels), "encoder.1", "0.1")
    assert backgrounds() == {first.GetID()}  # they show another volume
    hideMasked(second)
    assert backgrounds() == {first.GetID()}
    composites()[0].SetBackgroundVolumeID(shown.GetID())
    hideMasked(second)
    assert backgrounds() == {first.GetID(), elsewhere.GetID()}


def test_a_click_on_the_curve_of_another_map_masks_nothing_out(panel, case, checked, monkeypatch):
    clicked = panel.presenter.masked._clicked
    mine = next(one for one in slicer.mrmlScene.GetNodes() if one.IsA("vtkMRMLPlotSeriesNode"))
    former, ui = panel.node, panel.ui
    panel.openAdvanced()
    choose(ui.scoreComboBox, next(t for n in range(3) if "odds" in (t := ui.scoreComboBox.itemText(n))))
    panel.applyAndWait()
    falling = {"fractions": [0.0, 0.5, 1.0], "score": [1.0, 0.5, 0.0], "dice": [1.0, 0.5, 0.0], "name": "by the map"}
    addCurves(panel.node, [falling], panel.presenter.desk.results.shownLayer(panel.node))
    assert panel.node is not former and mine.GetYColumnName() == "by the map, score"
    clicked([mine.GetID()], 1)
    panel.waitIdle()
    assert maskedVolumes(slicer.mrmlScene) == []
