"""The shipped case and weights: size, geometry, what Slicer reads, and the truth by intervention."""

import json

import numpy as np
import pytest

from demo_training.measure import interventions
from seghirescam.cam.logits.score import Contrast
from seghirescam.demo.case import COLOURS, FOLDER, SEGMENTATION_FILE, SEGMENTS, load_case
from seghirescam.evaluation.painting.intervention import intervene
from seghirescam.models import open_model
from seghirescam.models.demo_networks.preprocessing import LESION, LOOK_ALIKE


@pytest.fixture(scope="module")
def case():
    return load_case()


def test_the_folder_is_small_and_carries_the_notice():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".pyc") <= 5e6
    notice = " ".join((FOLDER / "NOTICE.md").read_text(encoding="utf-8").replace(">", " ").split())
    assert "Copyright (C) 1993–2004 Louis Collins, McConnell Brain Imaging Centre" in notice
    assert "the above copyright notice appear in all copies" in notice


def test_the_log_tells_how_the_committed_weights_were_made():
    log = json.loads((FOLDER / "training_log.json").read_text(encoding="utf-8"))
    for name in ("honest", "shortcut"):
        reached = log[name]["dice_held_out"]
        assert reached["right_class"] == 1 and min(reached["lesion"], reached["look-alike"]) > 0.9
        assert log[name]["seconds"] > 0 and log[name]["torch"] and log[name]["train_seeds"] == [0, 199]


def test_the_case_is_a_brain_in_ras_with_three_disjoint_segments(case):
    image, segments = case
    assert image.array.dtype == np.int16 and image.array.shape == (1, 96, 128, 96)
    assert image.grid.spacing_kji == (2.0, 2.0, 2.0) and np.all(np.diag(image.grid.ijk_to_ras) > 0)
    assert list(segments) == list(SEGMENTS)
    assert sum(s.weights for s in segments.values()).max() == 1
    centres = {name: image.grid.ras(np.argwhere(s.weights)).mean(axis=0) for name, s in segments.items()}
    assert np.linalg.norm(centres["Lesion"] - centres["Marker"]) == pytest.approx(44, abs=0.5)
    assert centres["Marker"][1] > centres["Lesion"][1]  # in front
    brightness = {name: image.array[0][s.weights > 0].mean() for name, s in segments.items()}
    assert brightness["Lesion"] < 0.5 * brightness["Ring"] and brightness["Marker"] > brightness["Ring"] * 0.9


def test_slicer_reads_the_segmentation(case):
    slicer = pytest.importorskip("slicer")
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    image, segments = case
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "case")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(SEGMENTATION_FILE))
    assert storage.ReadData(node) == 1
    read = node.GetSegmentation()
    assert [read.GetNthSegment(n).GetName() for n in range(read.GetNumberOfSegments())] == list(SEGMENTS)
    for name in SEGMENTS:
        assert read.GetSegment(name).GetColor() == pytest.approx(COLOURS[name])
        labelmap = slicer.vtkOrientedImageData()
        node.GetBinaryLabelmapRepresentation(name, labelmap)
        matrix = vtkMatrix4x4()
        labelmap.GetImageToWorldMatrix(matrix)
        to_ras = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
        voxels = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(labelmap.GetDimensions()[::-1])
        found = np.argwhere(voxels > 0)[:, ::-1] + np.array(labelmap.GetExtent()[::2])
        points = np.c_[found, np.ones(len(found))] @ to_ras.T
        expected = image.grid.ras(np.argwhere(segments[name].weights > 0))
        assert sorted(map(tuple, np.round(points[:, :3], 3))) == sorted(map(tuple, np.round(expected, 3)))


@pytest.mark.parametrize(("name", "believes"), [("honest", "ring"), ("shortcut", "marker")])
def test_each_model_calls_it_a_lesion_for_its_own_reason(case, name, believes):
    image, segments = case
    model = open_model(f"demo:{name}")
    regions = {title.lower(): segment for title, segment in segments.items()}
    for row in interventions(model, image, regions):
        assert row.before > 5
        if row.painted == believes:
            assert row.after < -5, "without its reason the model takes the body for a look-alike"
        else:
            assert row.after > 5, "what means nothing to the model changes nothing"
    whole = intervene(model, image, regions["lesion"], regions["lesion"], Contrast(LESION, LOOK_ALIKE))
    assert whole.before.dice > 0.85
