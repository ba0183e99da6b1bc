import gc
import json

import numpy as np
import pytest

import slicer
from seghirescam.protocol.errors import GeometryError
from seghirescam.protocol.grid import Grid
from SegHiResGradCAMLib import DisplaySettings, addOverlay, applyDisplay, explanationFacts, readImage, removeOverlay
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume, localMatrix
from SegHiResGradCAMLib.scene.nodes.Provenance import inputVolumesOf
from SegHiResGradCAMLib.scene.overlay.StrongestPlace import strongestPlace
from stage.builders import (
    addSegmentation,
    addTransform,
    addVolume,
    blob,
    layerGridOf,
    makeExplanation,
    obliqueMatrix,
    spot,
)

SHAPE = (24, 32, 40)


@pytest.fixture
def volume():
    values = np.random.default_rng(3).integers(0, 200, SHAPE).astype(np.int16)
    return addVolume(values, obliqueMatrix(), "DOE^JANE")


def brightest(node):
    """World mm of the node's largest voxel."""
    array = slicer.util.arrayFromVolume(node)
    return gridOfVolume(node).ras(np.unravel_index(array.argmax(), array.shape))


def centreOfMass(node):
    array = slicer.util.arrayFromVolume(node).astype(float)
    index = np.argwhere(array > 0)
    return gridOfVolume(node).ras(np.average(index, axis=0, weights=array[array > 0]))


@pytest.mark.parametrize("grid", ["input", "layer"])
def test_a_bright_cell_is_found_at_its_millimetre(mrml, volume, grid):
    explanation, place = spot(volume)
    node = addOverlay(mrml, explanation, volume, grid=grid)
    assert np.linalg.norm(brightest(node) - place) < 1e-3
    assert np.linalg.norm(centreOfMass(node) - place) < 1e-3


@pytest.mark.parametrize("grid", ["input", "layer"])
def test_it_is_found_there_under_a_transform_too_and_moves_with_it(mrml, volume, grid):
    transform = addTransform(obliqueMatrix((1, 1.2, 0.9), (10, 20, -30), (7, -8, 9)), volume)
    explanation, place = spot(volume)
    node = addOverlay(mrml, explanation, volume, grid=grid)
    assert node.GetTransformNodeID() == transform.GetID()
    assert np.linalg.norm(brightest(node) - place) < 1e-3
    volume.SetAndObserveTransformNodeID(None)
    node.SetAndObserveTransformNodeID(None)
    unmoved = gridOfVolume(volume).ras(np.array((3, 5, 4)) * 4)
    assert np.linalg.norm(brightest(node) - unmoved) < 1e-3


def test_on_the_input_grid_matrix_and_shape_are_the_inputs(mrml, volume):
    node = addOverlay(mrml, spot(volume)[0], volume)
    assert np.abs(localMatrix(node) - localMatrix(volume)).max() < 1e-12
    array = slicer.util.arrayFromVolume(node)
    assert array.shape == SHAPE and array.dtype == np.float32


def test_the_density_adds_up_to_the_maps_total(mrml, volume):
    cells = np.random.default_rng(4).normal(size=layerGridOf(volume).shape)
    explanation = makeExplanation(cells, layerGridOf(volume))
    node = addOverlay(mrml, explanation, volume)
    integral = slicer.util.arrayFromVolume(node).sum(dtype=float) * gridOfVolume(node).voxel_ml
    assert integral == pytest.approx(explanation.total, abs=1e-4 * np.abs(cells).sum())
    assert node.GetAttribute("SegHiResGradCAM.Unit") == "logit/ml"


@pytest.mark.parametrize("moved", [False, True])
def test_on_quarters_of_cells_it_lies_and_adds_up_as_on_the_volumes_voxels(mrml, moved):
    volume = addVolume(np.zeros((48, 64, 80), np.int16), obliqueMatrix())
    if moved:
        addTransform(obliqueMatrix((1, 1.2, 0.9), (10, 20, -30), (7, -8, 9)), volume)
    world = gridOfVolume(volume)
    own = world.strided((8, 8, 8), (3.5, 3.5, 3.5), (6, 8, 10))
    cells = blob(own, own.ras((2.5, 4, 5)), 14.0) - 0.1
    explanation = makeExplanation(cells, own)
    node, fine = (addOverlay(mrml, explanation, volume, grid=grid) for grid in ("quarter", "input"))
    grid, array = gridOfVolume(node), slicer.util.arrayFromVolume(node)
    assert array.shape == (24, 32, 40) and node.GetAttribute("SegHiResGradCAM.Unit") == "logit/ml"
    for kji in ((0, 0, 0), (23, 5, 17), (23, 31, 39)):
        assert np.abs(grid.ras(kji) - world.ras(np.array(kji) * 2 + 0.5)).max() < 1e-6
    assert array.sum(dtype=float) * grid.voxel_ml == pytest.approx(explanation.total, abs=1e-6 * np.abs(cells).sum())
    assert np.linalg.norm(centreOfMass(node) - centreOfMass(fine)) < 0.02 * np.linalg.norm(own.spacing_kji)
    assert strongestPlace(node) == pytest.approx(strongestPlace(fine), abs=max(own.spacing_kji) / 4)
    for one in (node, fine):
        assert float(one.GetAttribute("SegHiResGradCAM.ShareShown")) == pytest.approx(0.8, abs=2e-3)
    levels = [one.GetDisplayNode().GetLowerThreshold() for one in (node, fine)]
    assert levels[0] == pytest.approx(levels[1], rel=0.02)


def test_where_the_volume_is_the_coarser_its_own_voxels_are_taken(mrml, volume):
    node = addOverlay(mrml, spot(volume)[0], volume, grid="quarter")  # cells of four voxels
    assert np.abs(localMatrix(node) - localMatrix(volume)).max() < 1e-9
    assert slicer.util.arrayFromVolume(node).shape == SHAPE


def test_the_layer_grid_keeps_signed_cells_exactly(mrml, volume):
    cells = np.random.default_rng(5).normal(size=layerGridOf(volume).shape).astype(np.float32)
    node = addOverlay(mrml, makeExplanation(cells, layerGridOf(volume)), volume, grid="layer")
    assert (slicer.util.arrayFromVolume(node) == cells).all()
    assert node.GetAttribute("SegHiResGradCAM.Unit") == "logit/cell"
    assert np.abs(gridOfVolume(node).ijk_to_ras - layerGridOf(volume).ijk_to_ras).max() < 1e-9


def test_rounding_dust_and_non_finite_values_are_stored_as_zero(mrml, volume):
    cells = np.full(layerGridOf(volume).shape, 1e-9)
    cells[1, 1, 1], cells[2, 2, 2], cells[3, 3, 3] = 5, np.nan, np.inf
    node = addOverlay(mrml, makeExplanation(cells, layerGridOf(volume)), volume, grid="layer")
    assert np.count_nonzero(slicer.util.arrayFromVolume(node)) == 1
    json.loads(node.GetAttribute("SegHiResGradCAM.Explanation"), parse_constant=pytest.fail)


def test_references_and_attributes_let_the_run_be_repeated(mrml, volume):
    second = addVolume(np.zeros(SHAPE), obliqueMatrix())
    segmentation = addSegmentation(volume, lesion=np.ones(SHAPE))
    explanation, _ = spot(volume)
    node = addOverlay(mrml, explanation, [volume, second], segmentation, segmentId="lesion")
    assert inputVolumesOf(node) == [volume, second]
    assert node.GetNodeReference("SegHiResGradCAM.Segmentation") is segmentation
    assert explanationFacts(node) == json.loads(json.dumps(explanation.to_json()))
    assert node.GetAttribute("SegHiResGradCAM.SegmentId") == "lesion"
    assert float(node.GetAttribute("SegHiResGradCAM.Score")) == 12.5


def test_the_result_lies_beside_the_input_in_the_subject_hierarchy(mrml, volume):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(mrml)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.CreateItem(study, volume)
    node = addOverlay(mrml, spot(volume)[0], volume)
    item = hierarchy.GetItemByDataNode(node)
    assert item and hierarchy.GetItemParent(item) == study
    removeOverlay(node)
    children = []
    hierarchy.GetItemChildren(study, children)
    assert len(children) == 1


def test_no_patient_name_reaches_anything_we_write(mrml, volume):
    volume.SetAttribute("DICOM.PatientName", "DOE^JANE")
    segmentation = addSegmentation(volume, lesion=np.ones(SHAPE))
    segmentation.SetName("DOE^JANE segmentation")
    before = {node.GetID() for node in mrml.GetNodes()}
    addOverlay(mrml, spot(volume)[0], volume, segmentation)
    for node in mrml.GetNodes():
        if node.GetID() not in before:
            written = [node.GetName(), node.GetDescription()]
            written += [node.GetAttribute(name) for name in node.GetAttributeNames()]
            assert "DOE" not in " ".join(text or "" for text in written)


@pytest.mark.parametrize("settings", [DisplaySettings(), DisplaySettings(signed=True)])
@pytest.mark.parametrize("grid", ["input", "quarter", "layer"])
def test_removing_a_result_leaves_nothing_behind(mrml, volume, nodeIds, settings, grid):
    segmentation = addSegmentation(volume, lesion=np.ones(SHAPE))
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(mrml)
    hierarchy.CreateItem(hierarchy.GetSceneItemID(), volume)
    before, items = nodeIds(), hierarchy.GetNumberOfItems()
    node = addOverlay(mrml, spot(volume)[0], volume, segmentation, grid, settings)
    logic = slicer.modules.volumerendering.logic()
    logic.CreateDefaultVolumeRenderingNodes(node)
    assert len(nodeIds()) >= len(before) + 5
    removeOverlay(node)
    assert nodeIds() == before and hierarchy.GetNumberOfItems() == items


def test_the_voxels_of_a_removed_result_are_given_back(mrml, volume):
    gone = []
    for settings in (DisplaySettings(), DisplaySettings(signed=True)):
        node = addOverlay(mrml, spot(volume)[0], volume, settings=settings)
        applyDisplay(node, DisplaySettings(share=0.5))
        node.GetImageData().AddObserver("DeleteEvent", lambda *about: gone.append(True))
        removeOverlay(node)
        del node
    gc.collect()
    assert gone == [True, True]


def test_removing_one_of_two_results_keeps_the_others_colours(mrml, volume):
    first, second = (addOverlay(mrml, spot(volume)[0], volume) for _ in range(2))
    removeOverlay(first)
    assert second.GetDisplayNode().GetColorNode().GetNumberOfColors() == 256


def test_a_failure_half_way_leaves_the_scene_as_it_was(mrml, volume, nodeIds, monkeypatch):
    before = nodeIds()
    explanation, _ = spot(volume)
    monkeypatch.setattr("SegHiResGradCAMLib.scene.overlay.Overlay.placeBeside", lambda *nodes: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        addOverlay(mrml, explanation, volume)
    assert nodeIds() == before


def test_an_unknown_grid_is_refused(mrml, volume, nodeIds):
    before = nodeIds()
    with pytest.raises(ValueError, match="input, quarter, layer"):
        addOverlay(mrml, spot(volume)[0], volume, grid="model")
    assert nodeIds() == before


def test_two_results_have_two_names(mrml, volume):
    names = [addOverlay(mrml, spot(volume)[0], volume).GetName() for _ in range(2)]
    assert names[0] == "Seg-HiRes-Grad CAM, lesion, encoder.2" and names[1] != names[0]


def test_a_grid_turned_against_the_input_lands_at_its_millimetre_too(mrml, volume):
    world = readImage(volume).grid
    middle = world.ras((12, 16, 20))
    turned = Grid.from_spacing((20, 20, 20), (4, 4, 4), middle - 40)
    cells = blob(turned, middle, 5.0)
    node = addOverlay(mrml, makeExplanation(cells, turned), volume)
    assert np.linalg.norm(centreOfMass(node) - middle) < 0.5
    with pytest.raises(GeometryError):
        Grid((1, 1, 1), np.zeros((4, 4)))


@pytest.mark.parametrize("grid", ["input", "quarter", "layer"])
def test_a_map_follows_its_volume_when_the_transform_was_edited_after_the_question(mrml, volume, grid):
    from dataclasses import replace

    explanation, place = spot(volume)
    explanation = replace(explanation, provenance={"image_grid": gridOfVolume(volume).to_json()})
    before = addOverlay(mrml, explanation, volume, grid=grid)
    shift = np.eye(4)
    shift[:3, 3] = (8.0, -3.0, 500.0)
    addTransform(shift, volume)
    node = addOverlay(mrml, explanation, volume, grid=grid)
    assert np.linalg.norm(brightest(node) - (place + shift[:3, 3])) < 1e-3
    assert np.array_equal(slicer.util.arrayFromVolume(node), slicer.util.arrayFromVolume(before))


def test_a_map_of_a_volume_that_has_changed_its_size_is_refused(mrml, volume):
    from dataclasses import replace

    explanation, _ = spot(volume)
    other = Grid((3, 4, 5), np.eye(4))
    with pytest.raises(GeometryError, match="another size"):
        addOverlay(mrml, replace(explanation, provenance={"image_grid": other.to_json()}), volume)
