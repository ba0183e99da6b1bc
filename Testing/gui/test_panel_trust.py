"""Is the map faithful? Numbers behind every map, the full check with its cost, curves and tables: real clicks."""

import csv
import json

import numpy as np
import pytest

import slicer
from seghirescam.evaluation.metrics.body import grey_window
from SegHiResGradCAMLib.scene.nodes.Attachments import attachedTo
from SegHiResGradCAMLib.scene.nodes.TrustFacts import trustOf
from stage.builders import addSegmentation, addVolume
from stage.gui import choose, click, events
from stage.panel import Panel, tipOf, writeModel

FAILS = "not supported by the model"


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    opened.widget.ask = lambda question: True
    yield opened
    opened.close()


@pytest.fixture
def small(panel, tmp_path):
    """A small random network asked about a small random volume: its map means little, and is quick to check."""
    values = np.random.default_rng(1).normal(100, 20, (24, 24, 24)).astype(np.float32)
    volume = addVolume(values, np.diag([2.0, 2.0, 2.0, 1.0]), "case")
    mask = np.zeros(values.shape, dtype=bool)
    mask[8:16, 8:16, 8:16] = True
    other = np.zeros(values.shape, dtype=bool)
    other[12:20, 4:12, 8:16] = True  # overlaps
    panel.ui.volumeSelector.setCurrentNode(volume)
    panel.presenter.pick(segmentation=addSegmentation(volume, lesion=mask, other=other), segmentId="lesion")
    panel.chooseModelFile(writeModel(tmp_path / "model"))
    panel.applyAndWait()
    assert panel.ui.errorLabel.text == ""
    return volume


def nodes():
    return {node.GetID() for node in slicer.mrmlScene.GetNodes()}


def opened(panel):
    panel.waitIdle()
    return panel.ui


def column(table, name):
    found = table.GetTable().GetColumnByName(name)
    return [found.GetValue(n) for n in range(table.GetNumberOfRows())]


def ofKind(panel, kind):
    return attachedTo(panel.node, kind)


def test_the_map_comes_first_its_numbers_follow_and_every_question_goes_before_them(panel):
    ui = panel.ui
    panel.openDemo()
    panel.applyAndWait()
    before = nodes()
    assert ui.applyButton.text == "&Apply" and ui.statusLabel.text.startswith("Done in ")
    assert ui.checkStateLabel.text.startswith("Checking this map: ") and ui.stopCheckButton.isVisible()
    assert not ui.trustLabel.isVisible() and not ui.progressBar.isVisible()
    with events.LoopGap() as gap:
        panel.waitChecked()
    assert gap.longest < 1.0 and nodes() == before  # nothing comes into the scene by itself
    first = trustOf(panel.node)["fast"]
    assert first["cost"]["forwards"] <= 3 and not ui.checkStateLabel.isVisible() and not ui.stopCheckButton.isVisible()
    for row in first["rows"]:
        assert row["sentence"] and row["title"] in ui.numbersLabel.text and row["sentence"] in tipOf(ui.numbersLabel)
    assert len(first["rows"]) >= 4 and "color" not in ui.numbersLabel.text and not ui.verdictLabel.isVisible()

    # the next question is answered at once, without another pass, by the worker that was checking
    pid = panel.workerPid()
    choose(ui.pixelSetComboBox, "Predicted class")
    panel.applyAndWait()
    assert ui.checkStateLabel.isVisible()
    choose(ui.pixelSetComboBox, "Segment")
    panel.apply()
    panel.waitIdle()
    assert ui.errorLabel.text == "" and ui.statusLabel.text.endswith("without running the network again.")
    assert panel.workerPid() == pid and len(panel.results) == 3
    panel.waitChecked()  # the one that gave way too
    assert all(trustOf(node) for node in panel.presenter.desk.results.nodes())


def test_stopped_or_switched_off_the_map_stays_and_nothing_more_is_asked(panel, small):
    ui = panel.ui
    click(ui.stopCheckButton) if ui.stopCheckButton.isVisible() else panel.presenter.checks.stop()
    assert ui.checkStateLabel.text in ("Not checked.", "") and len(panel.results) == 1
    opened(panel)
    panel.open(ui.checkCheckBox)
    click(ui.checkCheckBox)
    assert not ui.checkCheckBox.checked
    choose(ui.pixelSetComboBox, "Whole image")
    panel.applyAndWait()
    assert panel.presenter.checks.job is None and ui.checkStateLabel.text == "Not checked."
    panel.close()
    again = Panel()
    assert not again.ui.checkCheckBox.checked and again.ui.checkStateLabel.text == ""
    again.close()


def test_each_layer_is_checked_once(panel, small):
    ui = panel.ui
    panel.waitChecked()
    first, told = ui.shownLayerComboBox.currentText, trustOf(panel.node)
    names = [ui.shownLayerComboBox.itemText(n) for n in range(ui.shownLayerComboBox.count)]
    other = next(name for name in names if name != first)
    choose(ui.shownLayerComboBox, other)
    panel.waitIdle()
    panel.waitChecked()
    assert trustOf(panel.node) and trustOf(panel.node) != told
    choose(ui.shownLayerComboBox, first)
    assert panel.presenter.checks.job is None and trustOf(panel.node) == told and ui.trustLabel.isVisible()


def test_the_full_check_tells_its_cost_asks_and_brings_tables_curves_and_files(panel, small, stageScene, tmp_path):
    ui, asked = opened(panel), []
    panel.waitChecked()
    panel.widget.ask = lambda question: bool(asked.append(question))
    before = nodes()
    panel.open(ui.fullCheckButton)
    click(ui.fullCheckButton)
    panel.waitIdle()
    assert len(asked) == 1 and "predictions" in asked[0] and "It can be cancelled." in asked[0]
    assert ui.statusLabel.text == "The full check was not started." and nodes() == before
    assert not ui.curvesButton.enabled

    panel.widget.ask = lambda question: True
    click(ui.fullCheckButton)
    panel.waitComputing()
    click(ui.applyButton)
    panel.waitIdle()
    assert ui.statusLabel.text == "Cancelled. The scene is unchanged." and nodes() == before

    with events.LoopGap() as gap:
        click(ui.fullCheckButton)
        panel.waitIdle()
    assert ui.errorLabel.text == "" and gap.longest < 1.0
    full = trustOf(panel.node)["full"]
    assert ui.verdictLabel.text == full["verdict_sentence"] and ui.verdictLabel.isVisible()
    shown = [ui.statusLabel.text, ui.numbersLabel.text, ui.factsText.plainText, ui.errorLabel.text]
    assert not any(full["verdict_sentence"] in text for text in shown)  # once is enough
    (numbers,) = ofKind(panel, "numbers")
    assert column(numbers, "sentence")[: len(full["rows"])] == [row["sentence"] for row in full["rows"]]
    for row, number in zip(full["rows"], column(numbers, "value"), strict=False):
        assert number == row["value"]["value"] or (row["value"]["value"] is None and np.isnan(number))
    (curves,), (chart,) = ofKind(panel, "curves"), ofKind(panel, "chart")
    fractions = column(curves, "fraction of the volume")
    assert fractions[0] == 0 and fractions == sorted(fractions) and ui.curvesButton.enabled
    assert {chart.GetNthPlotSeriesNode(n).GetTableNode() for n in range(chart.GetNumberOfPlotSeriesNodes())} == {curves}

    # marked where it fails, nowhere else
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(panel.node).GetTitleText()
    failed = full["verdict"] == FAILS
    assert (FAILS in legend) == failed == panel.results[0].endswith("✗ not supported")
    panel.widget.chooseFolder = lambda former: str(tmp_path / "out")
    (tmp_path / "out").mkdir()
    click(ui.exportButton)
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".nrrd", ".json", ".csv"}
    (sidecar,) = (tmp_path / "out").glob("*.json")
    assert json.loads(sidecar.read_text())["trust"]["full"] == full
    (written,) = (tmp_path / "out").glob("*_curves.csv")
    with open(written, encoding="utf-8", newline="") as file:
        assert [float(row["fraction of the volume"]) for row in csv.DictReader(file)] == fractions

    # saved, read again, removed
    path, shown = stageScene.writeMrb(tmp_path / "case.mrb"), (ui.verdictLabel.text, ui.numbersLabel.text)
    stageScene.readMrb(path)
    panel.widget.initializeParameterNode()
    events.wait(50)
    assert (ui.verdictLabel.text, ui.numbersLabel.text) == shown and ui.curvesButton.enabled
    assert len(ofKind(panel, "numbers")) == 1 and not ui.fullCheckButton.enabled
    assert "press Apply" in tipOf(ui.fullCheckButton)
    click(ui.removeButton)
    events.wait(50)
    left = [node for node in slicer.mrmlScene.GetNodes() if node.GetAttribute("SegHiResGradCAM.Attached")]
    assert left == [] and panel.results == []


def test_evidence_by_segment_adds_up_also_where_segments_overlap(panel, small):
    ui = opened(panel)
    assert ui.segmentsButton.enabled and not ui.segmentsTextLabel.isVisible()
    panel.open(ui.segmentsButton)
    with events.LoopGap() as gap:
        click(ui.segmentsButton)
        panel.waitIdle()
    assert ui.errorLabel.text == "" and gap.longest < 1.0
    (table,) = ofKind(panel, "segments")
    names, shares, chances = (column(table, name) for name in ("segment", "share", "chance over body"))
    assert names[:2] == ["lesion", "other"] and names[-1] == "elsewhere"
    cube = 8**3 * 0.008
    assert column(table, "ml")[:2] == pytest.approx([cube, cube]) and all(0 <= share <= 1 for share in shares)
    # what the map itself says, on the volume's voxels
    values = np.clip(slicer.util.arrayFromVolume(panel.node).astype(float), 0, None)
    mask = np.zeros(values.shape, bool)
    mask[8:16, 8:16, 8:16] = True
    assert shares[0] == pytest.approx(values[mask].sum() / values.sum(), abs=2e-3)
    voxels = slicer.util.arrayFromVolume(panel.presenter.parameters.volume)
    low, high = grey_window(voxels)
    body = voxels > low + 0.1 * (high - low)  # as the engine counts chance for evaluate and explain
    assert not body.all() and chances[0] == pytest.approx((mask & body).sum() / body.sum(), rel=1e-6)
    assert "Chance is counted over the body" in ui.statusLabel.text
    assert column(table, "voxels")[:2] == [512, 512] and column(table, "share of image")[0] == 512 / mask.size
    assert column(table, "lift over body")[0] == pytest.approx(shares[0] / chances[0])
    assert ui.segmentsTextLabel.text.startswith("Evidence: ") and table.GetName() in ui.statusLabel.text
    click(ui.removeButton)
    assert not [node for node in slicer.mrmlScene.GetNodes() if node.IsA("vtkMRMLTableNode")]


def test_maps_of_a_comparison_are_not_checked_by_themselves(panel, small):
    ui = panel.ui
    panel.waitChecked()
    panel.openAdvanced()
    panel.open(ui.compareButton)
    click(ui.compareButton)
    panel.waitIdle()
    assert ui.errorLabel.text == "" and panel.presenter.checks.job is None
    assert not ui.checkStateLabel.isVisible() and not ui.trustLabel.isVisible()
    opened(panel)
    assert not ui.fullCheckButton.enabled and "comparison" in tipOf(ui.fullCheckButton)
    assert not ui.paintButton.enabled and ui.segmentsButton.enabled


@pytest.mark.slow
def test_a_map_of_places_the_network_did_not_use_is_marked_everywhere(panel, tmp_path):
    """The shortcut network and Seg-Grad-CAM, whose averaged gradients light up places the network did not use."""
    ui = panel.ui
    panel.openDemo()
    panel.openAdvanced()
    choose(ui.methodComboBox, "Seg-Grad-CAM")
    panel.applyAndWait()
    opened(panel)
    panel.waitChecked()
    panel.open(ui.fullCheckButton)
    click(ui.fullCheckButton)
    panel.waitIdle(patience=300_000)
    full = trustOf(panel.node)["full"]
    assert ui.errorLabel.text == "" and full["verdict"] == FAILS and "cells removed" in full["verdict_sentence"]
    assert ui.verdictLabel.text == full["verdict_sentence"] and panel.results[0].endswith("✗ not supported")
    assert FAILS in slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(panel.node).GetTitleText()
    panel.widget.chooseFolder = lambda former: str(tmp_path)
    click(ui.exportButton)
    (sidecar,) = tmp_path.glob("*.json")
    assert json.loads(sidecar.read_text())["trust"]["full"]["verdict"] == FAILS
