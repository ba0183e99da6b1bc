"""Everything an overlay is must come back in a fresh process."""

import numpy as np
import pytest

import slicer
from mrml.saved_files import readInAFreshProcess
from SegHiResGradCAMLib import DisplaySettings, addOverlay
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume, localMatrix
from SegHiResGradCAMLib.scene.overlay.ColorTables import colorsOf
from stage.builders import addSegmentation, addTransform, addVolume, makeExplanation, obliqueMatrix

SHAPE = (12, 16, 20)


@pytest.fixture
def saved(stageScene, mrml, tmp_path):
    """(overlay nodes by kind, what a fresh process found, its voxels)."""
    stageScene.addSliceViews()
    volume = addVolume(np.random.default_rng(0).integers(0, 99, SHAPE).astype(np.int16), obliqueMatrix(), "input")
    addTransform(obliqueMatrix((1, 1, 1), (10, 0, 0), (1, 2, 3)), volume)
    segmentation = addSegmentation(volume, lesion=np.ones(SHAPE))
    grid = gridOfVolume(volume).strided((5, 5, 5), (0, 0, 0), (3, 4, 4))
    cells = np.random.default_rng(1).normal(size=grid.shape) * 1.23456789e-4
    explanation = makeExplanation(cells, grid, notes=('quotes " and ; : % < > & \n survive',))
    nodes = {
        (where, signed): addOverlay(
            mrml, explanation, volume, segmentation, where, DisplaySettings(signed=signed, share=0.7), "lesion"
        )
        for where in ("input", "quarter", "layer")
        for signed in (False, True)
    }
    mrb = stageScene.writeMrb(tmp_path / "scene.mrb")
    yield nodes, *readInAFreshProcess(mrb, tmp_path)
    stageScene.removeSliceViews()


def test_a_scene_file_keeps_everything(saved):
    nodes, found, voxels = saved
    for (_, signed), node in nodes.items():
        back, display = found[node.GetName()], node.GetDisplayNode()
        assert (voxels[node.GetName()] == slicer.util.arrayFromVolume(node)).all()
        assert np.abs(np.array(back["matrix"]) - localMatrix(node)).max() < 1e-9
        assert np.abs(np.array(back["world"]) - gridOfVolume(node).ijk_to_ras).max() < 1e-9
        lower, upper = display.GetWindowLevelMin(), display.GetWindowLevelMax()
        assert back["window"] == pytest.approx([lower, upper], abs=1e-5 * upper)
        assert back["auto"] == [0, 0]
        assert back["threshold"][0] == (0 if signed else 1)
        legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
        assert back["legend"] == [legend.GetTitleText(), 1, legend.GetLabelFormat()]
        assert back["attributes"] == {name: node.GetAttribute(name) for name in node.GetAttributeNames()}
        assert back["facts"]["notes"] == ['quotes " and ; : % < > & \n survive']
        assert back["share"] == 0.7
        assert (back["input"], back["segmentation"]) == ("input", "segmentation")
        assert back["sibling"]


def test_the_reloaded_threshold_holds_the_same_share(saved):
    nodes, found, voxels = saved
    for (_, signed), node in nodes.items():
        if not signed:
            values = voxels[node.GetName()].astype(float)
            _, lower, upper = found[node.GetName()]["threshold"]
            shown = values[(values >= lower) & (values <= upper)].sum() / values[values > 0].sum()
            assert shown == pytest.approx(float(node.GetAttribute("SegHiResGradCAM.ShareShown")), abs=1e-5)
            assert upper >= values.max()


def test_colours_come_back_with_the_transparent_middle(saved):
    nodes, found, _ = saved
    for (_, signed), node in nodes.items():
        colors = np.array(found[node.GetName()]["colors"])
        assert colors.shape == (256, 4)
        if signed:
            table, rgba = node.GetDisplayNode().GetColorNode(), [0.0] * 4
            expected = []
            for index in range(256):
                table.GetColor(index, rgba)
                expected.append(rgba[3])
            assert (colors[:, 3] == expected).all() and 0 < sum(expected) < 250
            assert np.abs(colors[:, :3] - np.array(colorsOf("Blue-white-red"))[:, :3]).max() < 0.01
        else:
            assert found[node.GetName()]["table"] == "SegHiResGradCAM Inferno"
            assert np.abs(colors - np.array(colorsOf("Inferno"))).max() < 0.01


def test_the_slice_layers_come_back(saved):
    nodes, found, _ = saved
    last = list(nodes.values())[-1].GetName()
    assert found["layers"] == [["input", last]] * 3
