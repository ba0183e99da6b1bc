"""A prediction in the scene: shared and overlapping label maps, colours, the way into a bundle and back."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import slicer
from seghirescam.protocol.errors import GeometryError
from SegHiResGradCAMLib import readPixelSet
from SegHiResGradCAMLib.scene.segments.PredictionNode import addPrediction, classColor
from SegHiResGradCAMLib.scene.volumes.Voxels import Voxels
from stage.builders import addTransform, addVolume, obliqueMatrix

SHAPE = (6, 9, 11)


@pytest.fixture
def volume(mrml):
    node = addVolume(np.zeros(SHAPE, np.int16), obliqueMatrix(), "volume")
    addTransform(obliqueMatrix((1.0, 1.0, 1.0), (10.0, 0.0, 40.0)), node)
    return node


def held(array):
    voxels = Voxels(array.shape, array.dtype)
    voxels.array[...] = array
    return voxels


def part(array, *classes):
    told = [
        {"index": index, "name": name, "value": value, "voxels": int((array == value).sum()), "ml": 0.0}
        for index, name, value in classes
    ]
    return SimpleNamespace(labels=held(array), classes=told)


def drawn(node, volume):
    segmentation = node.GetSegmentation()
    return {
        segmentation.GetSegment(i).GetName(): slicer.util.arrayFromSegmentBinaryLabelmap(node, i, volume).astype(bool)
        for i in segmentation.GetSegmentIDs()
    }


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_classes_of_one_map_share_it_and_survive_a_bundle(volume, stageScene, tmp_path, dtype):
    labels = np.zeros(SHAPE, dtype)
    labels[1:3], labels[3, 2:5], labels[5, 8, 10] = 1, 2, 250
    maps = [part(labels, (1, "liver", 1), (2, "liver ", 2), (3, "empty", 3), (250, "far corner", 250))]
    node = addPrediction(stageScene.mrml, maps, volume, "Predicted", {"classes": []})
    assert node.GetSegmentation().GetNumberOfLayers() == 1
    found = drawn(node, volume)
    assert list(found) == ["liver", "liver ", "far corner"]
    for name, value in (("liver", 1), ("liver ", 2), ("far corner", 250)):
        assert (found[name] == (labels == value)).all()
    ids = node.GetSegmentation().GetSegmentIDs()
    pixels = readPixelSet(node, ids[2], volume)  # as a question reads it
    assert pixels.voxels == 1 and pixels.weights[5, 8, 10] == 1
    path = stageScene.writeMrb(tmp_path / "case.mrb")
    stageScene.readMrb(path)
    node, volume = (slicer.mrmlScene.GetFirstNodeByName(name) for name in ("Predicted", "volume"))
    again = drawn(node, volume)
    assert all((again[name] == found[name]).all() for name in found) and len(again) == 3
    assert json.loads(node.GetAttribute("SegHiResGradCAM.Prediction")) == {"classes": []}


def test_overlapping_classes_keep_their_overlap(volume, mrml):
    whole, core = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    whole[1:5], core[2:4, 3:6] = 1, 1
    node = addPrediction(mrml, [part(whole, (0, "whole", 1)), part(core, (1, "core", 1))], volume, "Predicted", {})
    found = drawn(node, volume)
    assert (found["whole"] == (whole > 0)).all() and (found["core"] == (core > 0)).all()
    assert node.GetSegmentation().GetNumberOfLayers() == 2


def test_another_volume_size_leaves_the_scene_as_it_was(volume, mrml, nodeIds):
    before = nodeIds()
    with pytest.raises(GeometryError, match="another size"):
        addPrediction(mrml, [part(np.ones((2, 2, 2), np.uint8), (1, "a", 1))], volume, "Predicted", {})
    assert nodeIds() == before


def test_colours_of_neighbouring_classes_differ():
    colors = np.array([classColor(n) for n in range(1, 30)])
    assert ((colors >= 0) & (colors <= 1)).all()
    distance = np.linalg.norm(colors[:, None] - colors[None], axis=-1) + np.eye(len(colors))
    assert distance.min() > 0.1 and distance[:6, :6].min() > 0.35
