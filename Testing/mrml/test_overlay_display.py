import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib import DisplaySettings, addOverlay, applyDisplay
from SegHiResGradCAMLib.scene.overlay.OverlayDisplay import settingsOf
from stage.builders import (
    addVolume,
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


def test_the_display_has_fixed_window_and_the_shares_threshold(mrml, volume):
    cells = np.abs(np.random.default_rng(6).normal(size=layerGridOf(volume).shape))
    node = addOverlay(mrml, makeExplanation(cells, layerGridOf(volume)), volume, settings=DisplaySettings(share=0.5))
    display, values = node.GetDisplayNode(), slicer.util.arrayFromVolume(node)
    assert not display.GetAutoWindowLevel() and not display.GetAutoThreshold() and display.GetApplyThreshold()
    assert display.GetWindowLevelMin() == 0
    assert display.GetWindowLevelMax() == pytest.approx(values.max(), rel=1e-6)
    shown = values[(values >= display.GetLowerThreshold()) & (values <= display.GetUpperThreshold())]
    assert shown.sum(dtype=float) / values.sum(dtype=float) == pytest.approx(0.5, abs=1e-3)


def test_colour_tables_are_shared_between_maps_but_the_diverging_one_is_not(mrml, volume):
    explanation, _ = spot(volume)
    plain = [addOverlay(mrml, explanation, volume) for _ in range(2)]
    signed = [addOverlay(mrml, explanation, volume, settings=DisplaySettings(signed=True)) for _ in range(2)]
    assert len({node.GetDisplayNode().GetColorNodeID() for node in plain}) == 1
    assert len({node.GetDisplayNode().GetColorNodeID() for node in signed}) == 2


def test_the_diverging_table_is_transparent_below_the_threshold(mrml, volume):
    cells = np.random.default_rng(7).normal(size=layerGridOf(volume).shape)
    settings = DisplaySettings(signed=True, share=0.6)
    node = addOverlay(mrml, makeExplanation(cells, layerGridOf(volume)), volume, grid="layer", settings=settings)
    table, end = node.GetDisplayNode().GetColorNode(), node.GetDisplayNode().GetWindowLevelMax()
    alpha = np.array([_rgba(table, n)[3] for n in range(256)])
    steps = np.clip((cells + end) * (255 / (2 * end)), 0, 255).astype(int)
    shown = np.abs(cells[alpha[steps] > 0]).sum() / np.abs(cells).sum()
    assert 0.6 <= shown < 0.63
    assert alpha[0] == alpha[255] == 1 and alpha[127] == 0
    applyDisplay(node, DisplaySettings(signed=True, share=0.9))
    assert node.GetDisplayNode().GetColorNode() is table  # rebuilt in place
    assert sum(_rgba(table, n)[3] == 0 for n in range(256)) < (alpha == 0).sum()


def _rgba(table, index):
    rgba = [0.0] * 4
    table.GetColor(index, rgba)
    return rgba


def test_other_settings_change_the_look_and_not_the_values(mrml, volume, nodeIds):
    cells = np.random.default_rng(8).normal(size=layerGridOf(volume).shape)
    node = addOverlay(mrml, makeExplanation(cells, layerGridOf(volume)), volume)
    before, values = len(nodeIds()), slicer.util.arrayFromVolume(node).copy()
    for settings in (DisplaySettings(signed=True), DisplaySettings(colorTable="Viridis", share=0.5, smooth=False)):
        applyDisplay(node, settings)
        assert settingsOf(node) == settings
        assert len(nodeIds()) == before  # the table that nobody uses any more went
    assert node.GetDisplayNode().GetColorNode().GetName() == "SegHiResGradCAM Viridis"
    assert (slicer.util.arrayFromVolume(node) == values).all() and not node.GetDisplayNode().GetInterpolate()


def test_the_legend_says_method_class_layer_unit_and_share(mrml, volume):
    node = addOverlay(mrml, spot(volume)[0], volume)
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
    assert legend.GetVisibility()
    assert legend.GetTitleText().split("\n") == [
        "Seg-HiRes-Grad CAM",
        "lesion, encoder.2",
        f"logit/ml, {100 * float(node.GetAttribute('SegHiResGradCAM.ShareShown')):.0f} % of evidence",
    ]


@pytest.mark.parametrize(
    "maximum, labels", [(28, "28.0 0.0"), (0.14, "0.140 0.000"), (3100, "3100 0"), (2e-5, "2.0e-05 0.0e+00")]
)
def test_legend_labels_have_three_digits(mrml, volume, maximum, labels):
    node = addOverlay(mrml, spot(volume)[0], volume, settings=DisplaySettings(maximum=maximum))
    form = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node).GetLabelFormat()
    assert f"{form % maximum} {form % 0}" == labels


@pytest.mark.parametrize("signed", [False, True])
def test_a_zero_map_is_there_but_invisible_and_the_legend_says_why(mrml, volume, signed):
    explanation = makeExplanation(
        np.zeros(layerGridOf(volume).shape), layerGridOf(volume), status="zero_map", reason="the gradient is zero"
    )
    node = addOverlay(mrml, explanation, volume, settings=DisplaySettings(signed=signed))
    assert _visibleVoxels(node) == 0
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
    assert legend.GetTitleText().endswith("nothing to show:\nthe gradient is zero")


def test_only_negative_evidence_is_invisible_unless_both_signs_are_shown(mrml, volume):
    explanation = makeExplanation(-np.ones(layerGridOf(volume).shape), layerGridOf(volume))
    node = addOverlay(mrml, explanation, volume)
    assert _visibleVoxels(node) == 0
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
    assert "no value is positive; try both signs" in legend.GetTitleText()
    applyDisplay(node, DisplaySettings(signed=True))
    assert _visibleVoxels(node) > 0.7 * np.prod(SHAPE)
    assert "of both signs" in legend.GetTitleText()


def _visibleVoxels(node):
    """Counted in the image that Slicer's own display node makes for the slice views."""
    from vtk.util.numpy_support import vtk_to_numpy

    pipeline = node.GetDisplayNode()
    pipeline.GetOutputImageDataConnection().GetProducer().Update()
    rgba = vtk_to_numpy(pipeline.GetOutputImageData().GetPointData().GetScalars())
    return int(np.count_nonzero(rgba[:, 3]))


def test_what_slicer_draws_is_what_the_threshold_says(mrml, volume):
    cells = np.abs(np.random.default_rng(9).normal(size=layerGridOf(volume).shape))
    node = addOverlay(mrml, makeExplanation(cells, layerGridOf(volume)), volume)
    values = slicer.util.arrayFromVolume(node)
    assert _visibleVoxels(node) == np.count_nonzero(values >= node.GetDisplayNode().GetLowerThreshold())


def test_what_slicer_draws_of_both_signs_is_what_was_planned(mrml, volume):
    cells = np.random.default_rng(10).normal(size=layerGridOf(volume).shape)
    node = addOverlay(mrml, makeExplanation(cells, layerGridOf(volume)), volume, settings=DisplaySettings(signed=True))
    values, end = slicer.util.arrayFromVolume(node), node.GetDisplayNode().GetWindowLevelMax()
    table = node.GetDisplayNode().GetColorNode()
    alpha = np.array([_rgba(table, n)[3] for n in range(256)])
    steps = np.clip((values.astype(float) + end) * (255 / (2 * end)), 0, 255).astype(int)
    planned = np.count_nonzero(alpha[steps])
    assert abs(_visibleVoxels(node) - planned) <= 0.002 * planned
