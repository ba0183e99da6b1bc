"""Compare models...: a second model, one click, the sets as segments, a map of each model for each, and the numbers."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import slicer
from SegHiResGradCAMLib import explanationFacts
from SegHiResGradCAMLib.scene.nodes import AttributeNames
from SegHiResGradCAMLib.scene.results.ComparisonNodes import comparisonOf, overlaysOf
from stage.gui import choose, click, events
from stage.panel import MODULE, Panel, tipOf

HONEST = "Demo network: honest"


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """What the command says of the same question, by a process of its own."""
    folder = tmp_path_factory.mktemp("disagree") / "out"
    words = ["disagree", "--model", "demo:shortcut", "--model", "demo:honest", "--image", "demo:case"]
    words += [
        "--class",
        "lesion",
        "--score",
        "contrast",
        "--rival",
        "look-alike",
        "--dpi",
        "40",
        "--json",
        "--out",
        str(folder),
    ]
    env = {**os.environ, "PYTHONPATH": str(MODULE.parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "seghirescam", *words], capture_output=True, text=True, check=True, env=env
    )
    return json.loads(done.stdout)


def nodes():
    return {node.GetID() for node in slicer.mrmlScene.GetNodes()}


def column(table, name):
    found = table.GetTable().GetColumnByName(name)
    return [found.GetValue(n) for n in range(table.GetNumberOfRows())]


def test_one_click_tells_where_two_models_disagree_and_remove_takes_all_of_it(panel, truth):
    ui = panel.ui
    assert not ui.disagreeButton.enabled and tipOf(ui.disagreeButton) == "Choose a volume."
    panel.openDemo()
    panel.openAdvanced()
    assert not ui.disagreeButton.enabled and tipOf(ui.disagreeButton) == "Choose a second model."
    panel.open(ui.secondModelComboBox)
    choose(ui.secondModelComboBox, "Demo network: shortcut")
    panel.waitIdle()
    assert tipOf(ui.disagreeButton).startswith("Choose another model than the first")
    choose(ui.secondModelComboBox, HONEST)
    panel.waitIdle()
    assert ui.secondClassComboBox.currentText == "lesion" and not ui.secondClassComboBox.isVisible()
    assert ui.disagreeButton.enabled
    before = nodes()
    click(ui.disagreeButton)
    assert ui.applyButton.text == "C&ancel" and not ui.disagreeButton.enabled
    panel.waitIdle()
    assert ui.errorLabel.text == ""

    # the numbers are the command's
    table = comparisonOf(panel.node)
    rows = truth["rows"]
    assert column(table, "set") == [row["title"] for row in rows]
    assert column(table, "model") == [f"{row['side']}: {row['model']}" for row in rows]
    for name, key in (("score", "score"), ("score per voxel", "score_per_voxel"), ("total", "total")):
        assert column(table, name) == pytest.approx([row[key] for row in rows], rel=1e-4), name
    assert column(table, "share of evidence inside") == pytest.approx([row["inside"] for row in rows], rel=1e-4)
    assert column(table, "Dice") == pytest.approx([truth["dice"]] * len(rows), rel=1e-9)
    assert column(table, "voxels") == [row["voxels"] for row in rows]
    assert f"{truth['dice']:.3f}" in ui.disagreeTextLabel.text and ui.disagreeTextLabel.isVisible()
    assert f"A without B: {rows[0]['voxels']} voxels" in ui.disagreeTextLabel.text
    assert "a voxel at" in tipOf(ui.disagreeTextLabel)

    # the sets are segments, each map is about one of them
    sets = table.GetNodeReference(AttributeNames.SEGMENTATION_ROLE)
    segmentation = sets.GetSegmentation()
    sizes = {}
    for segment in segmentation.GetSegmentIDs():
        array = slicer.util.arrayFromSegmentBinaryLabelmap(sets, segment, panel.presenter.parameters.volume)
        sizes[segmentation.GetSegment(segment).GetName()] = int(np.count_nonzero(array))
    assert sizes == {row["title"]: row["voxels"] for row in rows}
    overlays = overlaysOf(table)
    told = [explanationFacts(node) for node in overlays]
    assert [(f["pixel_set"], f["provenance"]["model"]) for f in told] == [(r["title"], r["model"]) for r in rows]
    assert [f["total"] for f in told] == pytest.approx([row["total"] for row in rows], rel=1e-4)

    click(ui.removeButton)
    events.waitUntil(lambda: nodes() == before, 30_000, "all nodes of the comparison are gone")
    assert ui.errorLabel.text == ""


def test_cancel_leaves_nothing_while_computing_and_while_the_maps_come(panel):
    ui, presenter = panel.ui, panel.presenter
    panel.openDemo()
    panel.openAdvanced()
    panel.open(ui.secondModelComboBox)
    choose(ui.secondModelComboBox, HONEST)
    panel.waitIdle()
    before = nodes()
    click(ui.disagreeButton)
    panel.waitComputing()
    click(ui.applyButton)
    panel.waitIdle()
    assert ui.statusLabel.text == "Cancelled. The scene is unchanged." and nodes() == before
    click(ui.disagreeButton)
    events.waitUntil(lambda: presenter.comparisons._steps.running, 120_000, "maps are being added")
    assert nodes() > before
    click(ui.applyButton)
    panel.waitIdle()
    assert ui.statusLabel.text == "Cancelled. The scene is unchanged." and nodes() == before
    assert ui.disagreeButton.enabled and not ui.disagreeTextLabel.isVisible()


def test_the_second_models_class_is_matched_by_name_and_never_guessed(panel):
    ui, presenter = panel.ui, panel.presenter
    panel.openDemo()
    panel.openAdvanced()
    panel.open(ui.secondModelComboBox)
    choose(ui.secondModelComboBox, HONEST)
    panel.waitIdle()
    presenter.pick(className="look-alike")
    second = presenter.disagreements.second
    assert second.className == "look-alike" and not ui.secondClassComboBox.isVisible()
    presenter.disagreements.chooseClass("lesion")
    assert ui.secondClassComboBox.isVisible() and presenter.disagreements.whyNot() != "Choose the second model's class."
    choose(ui.secondClassComboBox, "look-alike")
    assert second.className == "look-alike" and not ui.secondClassComboBox.isVisible()
    second.facts = replace(second.facts, classes=("background", "tumour"))  # as a model that calls it otherwise
    presenter.changed()
    assert second.className == "" and tipOf(ui.disagreeButton) == "Choose the second model's class."
    choose(ui.secondClassComboBox, "tumour")
    assert second.className == "tumour" and "need the rival class" in presenter.disagreements.whyNot()
    presenter.pick(secondModel="file#00000000")
    assert "is not known on this computer" in presenter.disagreements.whyNot()
