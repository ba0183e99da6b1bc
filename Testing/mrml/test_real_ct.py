"""The whole path on a real CT that nobody here made: files, scene, a small network trained here, map, overlay, bundle.

SimpleITK, which takes no part in the path, reads the same files and says where everything has to be.
"""

import json

import numpy as np
import pytest
import torch

import stage  # noqa: F401  before anything imports slicer
from engine.toys import ToyUNet

# isort: split
import slicer
from mrml.real_ct import FILES, needs_data
from seghirescam import PlainModel
from seghirescam.evaluation.metrics.shares import chance, dilated, share
from seghirescam.protocol.recipes import SegmentAndPredicted
from seghirescam.session.explain import explain
from SegHiResGradCAMLib import addOverlay, exportOverlay, readImage, readPixelSet
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from stage.files import readVolume, segmentationFromLabels

pytestmark = needs_data
LIVER = 5


def window(array):
    """HU -150..250 to -1..1."""
    return np.clip((array - 50.0) / 200.0, -1, 1)


def truth():
    """Labels [K, J, I] and the RAS of array indices, by SimpleITK alone."""
    import SimpleITK as sitk

    labels = sitk.ReadImage(str(FILES["ct_abdomen_labels.nii.gz"]))

    def ras(kji):
        lps = labels.TransformContinuousIndexToPhysicalPoint([float(v) for v in reversed(list(kji))])
        return np.array([-lps[0], -lps[1], lps[2]])

    return sitk.GetArrayFromImage(labels), ras


@pytest.fixture(scope="module")
def model():
    """A toy 3D U-Net trained for some seconds on this very case: it measures the path, not the network."""
    import SimpleITK as sitk

    torch.manual_seed(0)
    ct = sitk.GetArrayFromImage(sitk.ReadImage(str(FILES["ct_abdomen.nii.gz"])))
    labels, _ = truth()
    x = torch.tensor(window(ct), dtype=torch.float32)
    y = torch.tensor(labels == LIVER)
    network = ToyUNet(kind="batch", classes=2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    rng = np.random.default_rng(0)
    liver = np.argwhere(labels == LIVER)
    for _ in range(40):
        corner = np.clip(liver[rng.integers(len(liver))] - 20 + rng.integers(-16, 16, 3), 0, np.array(x.shape) - 40)
        block = tuple(slice(int(c), int(c) + 40) for c in corner)
        loss = torch.nn.functional.cross_entropy(network(x[block][None, None]), y[block].long()[None])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return PlainModel(
        network.eval(), ["background", "liver"], channels=("CT",), normalise=window, divisor=4, name="toy"
    )


@pytest.fixture
def case(mrml):
    volume = readVolume(mrml, FILES["ct_abdomen.nii.gz"], "CT")
    labels, ras = truth()
    names = {int(v): n for v, n in json.loads(FILES["ct_abdomen_labels.json"].read_text()).items()}
    segmentation = segmentationFromLabels(mrml, labels, volume, {v: names[v] for v in (LIVER, 1, 2)})
    return volume, segmentation, labels, ras


def test_image_and_segment_come_in_with_the_voxels_and_millimetres_of_the_files(case):
    volume, segmentation, labels, ras = case
    image, pixels = readImage(volume), readPixelSet(segmentation, "liver", volume)
    assert np.array_equal(pixels.weights > 0, labels == LIVER)
    for kji in ((0, 0, 0), (10, 20, 30), tuple(n - 1 for n in labels.shape)):
        assert np.linalg.norm(image.grid.ras(kji) - ras(kji)) < 1e-3
        assert np.linalg.norm(pixels.grid.ras(kji) - ras(kji)) < 1e-3
    assert pixels.ml == pytest.approx((labels == LIVER).sum() * 27e-3, rel=1e-4)
    assert image.array.min() < -1000 and image.array.max() > 1000  # Hounsfield units, untouched


def test_the_overlay_of_the_liver_lies_on_the_liver(case, model, tmp_path):
    volume, segmentation, labels, ras = case
    image, pixels = readImage(volume), readPixelSet(segmentation, "liver", volume)
    question = {"pixel_sets": SegmentAndPredicted(pixels), "class_index": "liver"}
    (early,) = explain(model, image, layers=["encoder.2"], **question)
    (last,) = explain(model, image, layers=["decoder.1"], side="writing", **question)
    m_voxels = last.provenance["pixel_set_voxels"]
    assert m_voxels > 0.8 * pixels.voxels  # the network does find most of the liver
    # last layer, placed where it acts: HiRes lies on M and nowhere else, so on the file's label 5
    node = addOverlay(slicer.mrmlScene, last, volume, segmentation, segmentId="liver")
    array = slicer.util.arrayFromVolume(node)
    assert array.shape == labels.shape and not array[labels != LIVER].any()
    assert np.count_nonzero(array) > 0.7 * m_voxels
    assert array.sum(dtype=np.float64) * gridOfVolume(node).voxel_ml == pytest.approx(last.total, rel=1e-3)
    centre = np.argwhere(array != 0).mean(axis=0)
    assert np.linalg.norm(gridOfVolume(node).ras(centre) - ras(centre)) < 1e-3
    # encoder level of stride 4 (12 mm cells): more than chance within one cell of the liver
    density = early.resampled_to(image.grid).array
    near = dilated(labels == LIVER, image.grid, 12.0)
    assert share(density, near) > 1.5 * chance(near)
    assert early.layer.mm_per_cell == pytest.approx((12.0, 12.0, 12.0), rel=1e-3)
    coarse = addOverlay(slicer.mrmlScene, early, volume, segmentation, grid="layer", segmentId="liver")
    place = gridOfVolume(coarse).ras((2, 3, 4))
    assert np.allclose(place, early.grid.ras((2, 3, 4)), atol=1e-3)
    assert np.linalg.norm(place - ras((8, 12, 16))) < 1.2  # a tenth of a cell: how even the trained weights are

    nrrd, sidecar = exportOverlay(node, tmp_path / "liver.nrrd")
    import SimpleITK as sitk

    back = sitk.ReadImage(str(nrrd))
    assert np.array_equal(sitk.GetArrayFromImage(back), array)
    lps = back.TransformIndexToPhysicalPoint((3, 5, 7))
    assert np.linalg.norm(np.array([-lps[0], -lps[1], lps[2]]) - ras((7, 5, 3))) < 1e-3
    assert json.loads(sidecar.read_text())["class_name"] == "liver"


def test_the_scene_of_the_real_ct_comes_back_from_its_bundle(case, model, stageScene, tmp_path):
    volume, segmentation, labels, _ = case
    image, pixels = readImage(volume), readPixelSet(segmentation, "liver", volume)
    (found,) = explain(model, image, pixels, class_index="liver", layers=["decoder.1"])
    node = addOverlay(slicer.mrmlScene, found, volume, segmentation, segmentId="liver")
    array, name = slicer.util.arrayFromVolume(node).copy(), node.GetName()
    stageScene.writeMrb(tmp_path / "ct.mrb")
    stageScene.readMrb(tmp_path / "ct.mrb")
    back = slicer.mrmlScene.GetFirstNodeByName(name)
    assert np.array_equal(slicer.util.arrayFromVolume(back), array)
    ct = slicer.mrmlScene.GetFirstNodeByName("CT")
    assert np.array_equal(slicer.util.arrayFromVolume(ct), image.array[0])
    again = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    assert np.array_equal(readPixelSet(again, "liver", ct).weights > 0, labels == LIVER)
