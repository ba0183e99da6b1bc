"""Compare methods...: one click, a folder with a map for each method and layer, a table; cancelled, nothing."""

import math
import re
import zipfile

import pytest

import slicer
from seghirescam.protocol.grid import Grid
from SegHiResGradCAMLib import explanationFacts, settingsOf
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume
from SegHiResGradCAMLib.scene.results.ComparisonNodes import comparisonOf, overlaysOf
from stage.gui import click, events
from stage.panel import Panel, tipOf


@pytest.fixture
def panel(stageScene):
    opened = Panel()
    yield opened
    opened.close()


def nodes():
    return {node.GetID() for node in slicer.mrmlScene.GetNodes()}


def column(table, name):
    return table.GetTable().GetColumnByName(name)


def savedVolumes(path):
    """How many volumes a scene that was saved says it has."""
    with zipfile.ZipFile(path) as bundle:
        (scene,) = [name for name in bundle.namelist() if name.endswith(".mrml")]
        kept = sum(name.endswith(".nrrd") and ".seg." not in name for name in bundle.namelist())
        text = bundle.read(scene).decode()
    return len(re.findall(r"<Volume\s", text)), kept


def test_one_click_gives_a_folder_of_maps_and_a_table_and_remove_takes_all_of_it(panel, stageScene, tmp_path):
    ui = panel.ui
    assert not ui.compareButton.enabled and tipOf(ui.compareButton) == "Choose a volume."
    panel.openDemo()
    panel.openAdvanced()
    assert ui.compareButton.enabled and ui.applyButton.enabled
    stageScene.writeMrb(tmp_path / "before.mrb")  # gives the case its storage nodes
    before = nodes()
    panel.open(ui.compareButton)
    with events.LoopGap() as gap:
        click(ui.compareButton)
        assert ui.applyButton.text == "C&ancel" and not ui.compareButton.enabled
        panel.waitIdle()
    assert ui.errorLabel.text == "" and gap.longest < 1.0
    table = comparisonOf(panel.node)
    overlays = overlaysOf(table)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    (folder,) = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in (table, *overlays)}
    assert hierarchy.GetItemName(folder) == "Comparison: Lesion, lesion"
    volume = panel.presenter.parameters.volume
    assert hierarchy.GetItemParent(folder) == hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume))
    assert [settingsOf(node).foreground for node in overlays] == [True] + [False] * (len(overlays) - 1)
    assert len(panel.results) == len(overlays) and panel.node is overlays[0]

    # every cheap method at every main layer is a row; what has no map says why
    rows = table.GetNumberOfRows()
    status = [column(table, "status").GetValue(n) for n in range(rows)]
    reasons = [column(table, "reason").GetValue(n) for n in range(rows)]
    assert len(overlays) == sum(one != "refused" for one in status) and "refused" in status
    assert all(reason for one, reason in zip(status, reasons, strict=True) if one == "refused")
    slow = {told["title"] for told in panel.presenter.engine.methods if told["slow"]}
    methods = {column(table, "method").GetValue(n) for n in range(rows)}
    layers = {column(table, "layer").GetValue(n) for n in range(rows)}
    assert len(methods) >= 8 and not methods & slow and rows == len(methods) * len(layers)
    assert {name.split(".")[0] for name in layers} >= {"encoder", "decoder"}

    # the numbers are those of the maps
    over = "body"  # the brain on its background
    facts = {(f["method_title"], f["layer"]["name"]): (f, node) for node in overlays for f in [explanationFacts(node)]}
    for n in range(rows):
        if status[n] == "refused":
            assert math.isnan(column(table, "total").GetValue(n))
            continue
        found, node = facts[column(table, "method").GetValue(n), column(table, "layer").GetValue(n)]
        assert column(table, "total").GetValue(n) == found["total"]
        assert column(table, "score").GetValue(n) == found["score"]
        assert gridOfVolume(node).same_as(Grid.from_json(found["grid"]), 1e-6)
        assert 0 <= column(table, f"chance over {over}").GetValue(n) < 1
        array = slicer.util.arrayFromVolume(node).astype(float)
        # a shown map is 0 below a millionth of its peak
        assert abs(array.sum() - found["total"]) <= 1e-6 * abs(array).max() * array.size
    paper = next(n for n in range(rows) if column(table, "method").GetValue(n) == "Seg-HiRes-Grad CAM")
    inside, even = (column(table, name).GetValue(paper) for name in ("share of evidence inside", f"chance over {over}"))
    assert column(table, f"lift over {over}").GetValue(paper) == pytest.approx(inside / even, rel=1e-12)

    assert "all its maps" in tipOf(ui.removeButton)
    with events.LoopGap() as gap:
        click(ui.removeButton)
        assert panel.node is None and len(panel.results) == 0
    assert nodes() - before  # still going
    assert savedVolumes(stageScene.writeMrb(tmp_path / "case.mrb")) == (1, 1)
    with events.LoopGap() as later:
        events.waitUntil(lambda: nodes() == before, 120_000, "all nodes of the comparison are gone")
    assert gap.longest < 1.0 and later.longest < 1.0 and ui.errorLabel.text == ""
    assert not hierarchy.GetItemChildWithName(hierarchy.GetSceneItemID(), "Comparison: Lesion, lesion")


def test_cancel_leaves_nothing_while_computing_and_while_the_maps_come(panel):
    ui, presenter = panel.ui, panel.presenter
    panel.openDemo()
    panel.openAdvanced()
    before = nodes()
    panel.open(ui.compareButton)
    click(ui.compareButton)
    panel.waitComputing()
    click(ui.applyButton)
    panel.waitIdle()
    assert ui.statusLabel.text == "Cancelled. The scene is unchanged." and nodes() == before

    presenter.comparisons.compare()
    events.waitUntil(lambda: presenter.comparisons._steps.running, 120_000, "maps are being added")
    assert nodes() > before and presenter.busy
    presenter.apply()
    panel.waitIdle()
    assert ui.statusLabel.text == "Cancelled. The scene is unchanged." and nodes() == before
    assert ui.applyButton.text == "&Apply" and ui.compareButton.enabled
