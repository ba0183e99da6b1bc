import numpy as np
import pytest
import vtk

import slicer
from seghirescam.protocol.errors import GeometryError, ImageError
from SegHiResGradCAMLib import readImage
from stage.builders import addTransform, addVolume, obliqueMatrix


def test_voxels_and_oblique_geometry_arrive_exactly():
    array = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)
    image = readImage(addVolume(array, obliqueMatrix()))
    assert image.array.shape == (1, 2, 3, 4) and image.array.dtype == np.int16
    assert (image.array[0] == array).all()
    assert np.abs(image.grid.ijk_to_ras - obliqueMatrix()).max() < 1e-9


def test_the_image_is_a_copy_of_the_node():
    node = addVolume(np.ones((2, 3, 4), dtype=np.float32))
    image = readImage(node)
    image.array[...] = 7
    assert (slicer.util.arrayFromVolume(node) == 1).all()
    slicer.util.arrayFromVolume(node)[...] = 3
    assert (image.array == 7).all()


def test_a_chain_of_linear_transforms_is_part_of_the_grid():
    node = addVolume(np.zeros((2, 3, 4), dtype=np.uint8), obliqueMatrix())
    inner, outer = obliqueMatrix((1, 1, 1), (0, 0, 90), (5, 0, 0)), obliqueMatrix((2, 1, 1), (10, 0, 0), (0, 0, -7))
    transform = addTransform(inner, node)
    addTransform(outer, transform)
    assert np.abs(readImage(node).grid.ijk_to_ras - outer @ inner @ obliqueMatrix()).max() < 1e-9


def test_a_non_linear_transform_is_an_error():
    node = addVolume(np.zeros((2, 3, 4), dtype=np.uint8))
    warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
    spline = slicer.vtkOrientedBSplineTransform()
    coefficients = vtk.vtkImageData()
    coefficients.SetDimensions(8, 8, 8)
    coefficients.AllocateScalars(vtk.VTK_DOUBLE, 3)
    coefficients.GetPointData().GetScalars().Fill(1.0)
    spline.SetCoefficientData(coefficients)
    warp.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(GeometryError, match="non-linear"):
        readImage(node)


def test_channels_are_stacked_in_the_given_order():
    nodes = [addVolume(np.full((2, 3, 4), value, dtype=np.float32)) for value in (3, 1, 2)]
    assert readImage(nodes).array[:, 0, 0, 0].tolist() == [3, 1, 2]


def test_channels_on_different_grids_are_an_error_that_names_the_channel():
    moved = np.eye(4)
    moved[0, 3] = 0.5
    nodes = [addVolume(np.zeros((2, 3, 4))), addVolume(np.zeros((2, 3, 4)), moved)]
    with pytest.raises(ImageError, match="Channel 2 lies on another grid"):
        readImage(nodes)


def test_channels_whose_transforms_bring_them_together_are_one_image():
    moved = np.eye(4)
    moved[0, 3] = 5
    first, second = addVolume(np.zeros((2, 3, 4)), moved), addVolume(np.ones((2, 3, 4)))
    addTransform(moved, second)
    assert readImage([first, second]).array.shape == (2, 2, 3, 4)


def test_a_colour_volume_is_an_error():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "rgb")
    slicer.util.updateVolumeFromArray(node, np.zeros((2, 3, 4, 3), dtype=np.uint8))
    with pytest.raises(ImageError, match="3 values per voxel"):
        readImage(node)


@pytest.mark.parametrize("nodes, words", [([], "No volume"), ([None], "missing")])
def test_no_volume_is_an_error(nodes, words):
    with pytest.raises(ImageError, match=words):
        readImage(nodes)


def test_a_volume_without_voxels_is_an_error():
    with pytest.raises(ImageError, match="no voxels"):
        readImage(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty"))


def test_a_model_is_no_volume():
    with pytest.raises(ImageError, match="not a scalar volume"):
        readImage(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "model"))


def test_reading_adds_nothing_to_the_scene(nodeIds):
    node = addVolume(np.zeros((2, 3, 4)))
    before = nodeIds()
    readImage(node)
    assert nodeIds() == before


def test_no_error_names_the_node():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "DOE^JANE")
    with pytest.raises(ImageError) as problem:
        readImage(node)
    assert "DOE" not in str(problem.value)
