import numpy as np
import pytest
import vtk

import slicer
from seghirescam.protocol.errors import EmptyPixelSetError, PixelSetError
from seghirescam.protocol.grid import Grid
from SegHiResGradCAMLib import readImage, readPixelSet
from stage.builders import addSegmentation, addTransform, addVolume, blob, obliqueMatrix

SHAPE = (12, 30, 40)


def ball(grid, centreIndex, radiusMm):
    """Voxels of the grid within a radius around one of its (K, J, I) indices."""
    return blob(grid, grid.ras(centreIndex), 1.0) > np.exp(-(radiusMm**2) / 2)


def slicersOwn(segmentation, name, volume):
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, name, volume)


def test_a_segment_in_the_same_geometry_is_exactly_its_mask():
    volume = addVolume(np.zeros(SHAPE), obliqueMatrix())
    mask = ball(readImage(volume).grid, (6, 15, 20), 6)
    pixelSet = readPixelSet(addSegmentation(volume, tumour=mask), "tumour", volume)
    assert mask.sum() > 300 and (pixelSet.weights == mask).all()
    assert pixelSet.label == "segment 'tumour'"
    assert pixelSet.ml == pytest.approx(mask.sum() * 0.8 * 1.1 * 2.5 / 1000, rel=1e-6)


def test_overlapping_segments_are_each_complete():
    volume = addVolume(np.zeros(SHAPE), obliqueMatrix())
    grid = readImage(volume).grid
    one, two = ball(grid, (6, 15, 18), 6), ball(grid, (6, 15, 22), 6)
    segmentation = addSegmentation(volume, one=one, two=two)
    assert (one & two).sum() > 100
    assert (readPixelSet(segmentation, "one", volume).weights == one).all()
    assert (readPixelSet(segmentation, "two", volume).weights == two).all()


def test_another_geometry_gives_the_mask_that_slicer_exports():
    fine = addVolume(np.zeros((30, 40, 50)), obliqueMatrix((0.7, 0.7, 1.0), (5, 10, -20), (-28, 14, 46)))
    segmentation = addSegmentation(fine, tumour=ball(readImage(fine).grid, (15, 20, 25), 8))
    volume = addVolume(np.zeros(SHAPE), obliqueMatrix())
    weights = readPixelSet(segmentation, "tumour", volume).weights
    expected = slicersOwn(segmentation, "tumour", volume)
    assert expected.sum() > 300 and (weights == expected).mean() == 1


def test_another_geometry_keeps_the_centre_within_a_tenth_of_a_millimetre():
    fine = addVolume(np.zeros((40, 50, 60)), obliqueMatrix((0.6, 0.6, 0.6), (5, 10, -20), (-20, 14, 50)))
    grid = readImage(fine).grid
    segmentation = addSegmentation(fine, tumour=ball(grid, (20, 25, 30), 9))
    volume = addVolume(np.zeros((40, 60, 80)), obliqueMatrix((0.7, 0.7, 1.2), origin=(-40, 0, 40)))
    found = readPixelSet(segmentation, "tumour", volume)
    centre = found.grid.ras(np.argwhere(found.weights)).mean(axis=0)
    assert np.linalg.norm(centre - grid.ras((20, 25, 30))) < 0.1


def test_parent_transforms_on_both_nodes_are_honoured():
    fine = addVolume(np.zeros((30, 40, 50)), obliqueMatrix((0.7, 0.7, 1.0), (5, 10, -20), (-28, 14, 46)))
    fineGrid = readImage(fine).grid
    mask = ball(fineGrid, (15, 20, 25), 8)
    segmentation = addSegmentation(fine, tumour=mask)
    volume = addVolume(np.zeros((20, 40, 50)), obliqueMatrix())
    shift = np.eye(4)
    shift[:3, 3] = 4, -3, 5
    addTransform(shift, segmentation)
    addTransform(obliqueMatrix((1, 1, 1), (0, 0, 8), (3, 2, 6)), volume)
    found = readPixelSet(segmentation, "tumour", volume)
    # the slow way: every voxel centre, taken back to the segmentation's own frame
    kji = np.stack(np.meshgrid(*[np.arange(n) for n in found.grid.shape], indexing="ij"), axis=-1)
    nearest = np.floor(fineGrid.kji(found.grid.ras(kji) - shift[:3, 3]) + 0.5).astype(int)
    inside = ((nearest >= 0) & (nearest < fineGrid.shape)).all(axis=-1)
    expected = inside & mask[tuple(np.moveaxis(np.where(inside[..., None], nearest, 0), -1, 0))]
    assert expected.sum() > 300 and (found.weights == expected).all()
    # Slicer resamples twice in this case, so it agrees only nearly
    exported = slicersOwn(segmentation, "tumour", volume) > 0
    assert 2 * (expected & exported).sum() / (expected.sum() + exported.sum()) > 0.85


def test_a_segment_that_is_only_a_surface_is_converted_without_touching_the_segmentation(nodeIds):
    volume = addVolume(np.zeros((30, 40, 40)), obliqueMatrix((1, 1, 1)))
    centre = readImage(volume).grid.ras((15, 20, 20))
    sphere = vtk.vtkSphereSource()
    sphere.SetCenter(*centre)
    sphere.SetRadius(8)
    sphere.SetThetaResolution(48)
    sphere.SetPhiResolution(48)
    sphere.Update()
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "surface")
    segmentation.SetSourceRepresentationToClosedSurface()
    segmentation.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "tumour", [1, 0, 0], "tumour")
    before, stamp = nodeIds(), segmentation.GetSegmentation().GetMTime()
    weights = readPixelSet(segmentation, "tumour", volume).weights > 0
    expected = ball(readImage(volume).grid, (15, 20, 20), 8)
    assert 2 * (weights & expected).sum() / (weights.sum() + expected.sum()) > 0.97
    assert not segmentation.GetSegmentation().ContainsRepresentation("Binary labelmap")
    assert nodeIds() == before and segmentation.GetSegmentation().GetMTime() == stamp


def test_reading_changes_nothing_in_the_scene(nodeIds):
    volume = addVolume(np.zeros(SHAPE), obliqueMatrix())
    segmentation = addSegmentation(volume, tumour=ball(readImage(volume).grid, (6, 15, 20), 6))
    before, stamp = nodeIds(), segmentation.GetSegmentation().GetMTime()
    readPixelSet(segmentation, "tumour", volume)
    assert nodeIds() == before and segmentation.GetSegmentation().GetMTime() == stamp


def test_an_unknown_segment_is_an_error_that_lists_the_segments():
    volume = addVolume(np.zeros(SHAPE))
    segmentation = addSegmentation(volume, liver=np.ones(SHAPE), spleen=np.ones(SHAPE))
    with pytest.raises(PixelSetError, match="'tumour'.*'liver'.*'spleen'"):
        readPixelSet(segmentation, "tumour", volume)


def test_no_segmentation_is_an_error():
    with pytest.raises(PixelSetError, match="No segmentation"):
        readPixelSet(None, "tumour", addVolume(np.zeros(SHAPE)))


@pytest.mark.parametrize("mask", [None, np.zeros(SHAPE)])
def test_an_empty_segment_is_an_error_of_its_own(mask):
    volume = addVolume(np.zeros(SHAPE))
    with pytest.raises(EmptyPixelSetError, match="'tumour' is empty"):
        readPixelSet(addSegmentation(volume, other=np.ones(SHAPE), tumour=mask), "tumour", volume)


def test_an_empty_segment_beside_surfaces_is_empty_too():
    volume = addVolume(np.zeros(SHAPE))
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "surface")
    segmentation.SetSourceRepresentationToClosedSurface()
    segmentation.AddSegmentFromClosedSurfaceRepresentation(vtk.vtkPolyData(), "tumour", [1, 0, 0], "tumour")
    with pytest.raises(EmptyPixelSetError):
        readPixelSet(segmentation, "tumour", volume)


def test_a_segment_outside_the_volume_is_an_error_that_says_outside():
    far = np.eye(4)
    far[:3, 3] = 500
    other = addVolume(np.zeros(SHAPE), far)
    segmentation = addSegmentation(other, tumour=np.ones(SHAPE))
    with pytest.raises(PixelSetError, match="outside the volume") as problem:
        readPixelSet(segmentation, "tumour", addVolume(np.zeros(SHAPE)))
    assert not isinstance(problem.value, EmptyPixelSetError)


def test_a_segment_smaller_than_a_voxel_is_an_error_that_says_between():
    fine = addVolume(np.zeros((9, 9, 9)), np.diag([0.05, 0.05, 0.05, 1]) + np.array([[0, 0, 0, 3.3]] * 3 + [[0] * 4]))
    segmentation = addSegmentation(fine, dot=np.ones((9, 9, 9)))
    with pytest.raises(PixelSetError, match="between the voxel centres"):
        readPixelSet(segmentation, "dot", addVolume(np.zeros(SHAPE)))


def test_a_large_turned_grid_is_read_slab_by_slab_like_slicer_does():
    volume = addVolume(np.zeros((50, 40, 30)), obliqueMatrix((1, 1, 1), (30, 20, 10), (0, 0, 0)))
    source = addVolume(np.zeros((40, 40, 40)))
    segmentation = addSegmentation(source, tumour=np.random.default_rng(0).random((40, 40, 40)) > 0.5)
    weights = readPixelSet(segmentation, "tumour", volume).weights
    assert (weights == slicersOwn(segmentation, "tumour", volume)).all()
    assert Grid((50, 40, 30), np.eye(4)).shape == weights.shape
