"""A comparison in the scene: folder, overlays, table, and nothing left when it goes."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import vtk

import slicer
from seghirescam.protocol.errors import GeometryError
from seghirescam.protocol.explanation import LayerInfo
from SegHiResGradCAMLib import explanationFacts, settingsOf
from SegHiResGradCAMLib.panel.results.Results import Results
from SegHiResGradCAMLib.scene.nodes.Geometry import gridOfVolume, localMatrix
from SegHiResGradCAMLib.scene.overlay.ColorTables import sharedTable
from SegHiResGradCAMLib.scene.overlay.VolumeRendering import showIn3D
from SegHiResGradCAMLib.scene.results.ComparisonNodes import (
    comparisonOf,
    comparisonSteps,
    overlaysOf,
    removalSteps,
    removeLeftovers,
)
from SegHiResGradCAMLib.scene.results.TrustTables import addNumbers
from SegHiResGradCAMLib.schedule.Steps import finished
from stage.builders import addSegmentation, addTransform, addVolume, layerGridOf, makeExplanation, obliqueMatrix

SHAPE = (16, 24, 32)
NAME = "Comparison: lesion, tumour"


def row(method, layer, place, **values):
    numbers = dict.fromkeys(("score", "total", "completeness", "inside", "chance", "lift")) | {"chance_over": "body"}
    told = {"method": method, "title": method.title(), "layer": layer, "mm_per_cell_kji": [10.0, 4.4, 3.2]}
    told |= {"status": "ok", "unit": "logit", "seconds": 0.25, "reason": "", "left_out": "", "map": place}
    return told | numbers | values


@pytest.fixture
def case(mrml):
    """(volume under a transform in a folder, its segmentation, rows, explanations)"""
    volume = addVolume(np.zeros(SHAPE, np.int16), obliqueMatrix(), "volume")
    addTransform(obliqueMatrix((1, 1, 1), (5, 0, 20), (3, 4, 5)), volume)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(mrml)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume) or hierarchy.CreateItem(folder, volume), folder)
    segmentation = addSegmentation(volume, lesion=np.ones(SHAPE, bool))
    maps = []
    for n, (layer, stride) in enumerate((("encoder.1", 2), ("encoder.2", 4), ("decoder.1", 2)), start=1):
        grid = layerGridOf(volume, stride)
        cells = np.random.default_rng(n).normal(size=grid.shape)
        info = LayerInfo(layer, 8, grid.shape, (stride,) * 3, "encoder", True)
        maps.append(makeExplanation(cells, grid, layer=info, method="m", method_title=f"Method {n}"))
    rows = [
        row("m", "encoder.1", 0, score=12.5, total=-3.25, completeness=-0.26, inside=0.4, chance=0.1, lift=4.0),
        row("m", "encoder.2", 1, total=1e-9),
        row("cam", "encoder.2", None, status="refused", reason="No linear head reads it. Take another layer."),
        row("m", "decoder.1", 2, unit="arbitrary", left_out="", inside=1 / 3),
    ]
    return volume, segmentation, rows, maps


def made(mrml, case):
    volume, segmentation, rows, maps = case
    return finished(comparisonSteps(mrml, rows, maps, [volume], segmentation, "lesion", NAME))


def items(mrml):
    """{name: name of what holds it} of the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(mrml)
    found = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), found, True)
    numbers = [found.GetId(n) for n in range(found.GetNumberOfIds())]
    return {hierarchy.GetItemName(i): hierarchy.GetItemName(hierarchy.GetItemParent(i)) for i in numbers}


def test_a_folder_beside_the_volume_holds_the_maps_on_their_own_cells_and_the_table(mrml, case):
    volume, segmentation, _, maps = case
    table, overlays = made(mrml, case)
    places = items(mrml)
    assert places[NAME] in ("study", NAME)  # the table has the folder's name
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(mrml)
    parents = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in (table, *overlays)}
    (folder,) = parents
    assert hierarchy.GetItemName(folder) == NAME and hierarchy.GetItemLevel(folder) == "Folder"
    assert hierarchy.GetItemParent(folder) == hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume))
    for node, one in zip(overlays, maps, strict=True):
        array = slicer.util.arrayFromVolume(node)
        assert array.shape == one.map.shape and np.abs(array - one.map).max() <= 1e-6 * np.abs(one.map).max()
        assert np.abs(gridOfVolume(node).ijk_to_ras - one.grid.ijk_to_ras).max() < 1e-9
        assert node.GetTransformNodeID() == volume.GetTransformNodeID() and localMatrix(node).shape == (4, 4)
        assert explanationFacts(node)["method_title"] == one.method_title
        assert node.GetNodeReference("SegHiResGradCAM.Segmentation") is segmentation
        assert not settingsOf(node).foreground and comparisonOf(node) is table
    assert overlaysOf(table) == overlays
    facts = json.loads(table.GetAttribute("SegHiResGradCAM.Comparison"))
    assert facts["class_name"] == "lesion" and facts["provenance"]["image_sha256"] == "0" * 64
    assert table.GetNodeReference("SegHiResGradCAM.InputVolume") is volume


def test_the_table_holds_the_numbers_to_the_last_bit(mrml, case):
    table, _ = made(mrml, case)
    rows, columns = case[2], {table.GetColumnName(n): n for n in range(table.GetNumberOfColumns())}
    assert list(columns) == [
        "method", "layer", "mm per cell", "status", "total", "unit", "score", "completeness",
        "share of evidence inside", "chance over body", "lift over body", "seconds", "reason",
    ]  # fmt: skip
    keys = {"share of evidence inside": "inside", "chance over body": "chance", "lift over body": "lift"}
    for name in ("total", "score", "completeness", "share of evidence inside", *list(keys)[1:], "seconds"):
        column = table.GetTable().GetColumn(columns[name])
        assert column.IsA("vtkDoubleArray")
        for n, told in enumerate(rows):
            wanted = told[keys.get(name, name)]
            assert math.isnan(column.GetValue(n)) if wanted is None else column.GetValue(n) == wanted
    words = [[table.GetCellText(n, columns[c]) for c in ("method", "layer", "mm per cell", "status")] for n in range(4)]
    assert words[0] == ["M", "encoder.1", "10 x 4.4 x 3.2", "ok"] and words[2][3] == "refused"
    assert table.GetCellText(2, columns["reason"]) == "No linear head reads it. Take another layer."


def test_removing_a_comparison_leaves_nothing(mrml, case, nodeIds):
    before, places = nodeIds(), items(mrml)
    for _ in range(2):
        table, overlays = made(mrml, case)
        assert table.GetName().startswith(NAME)
        results = Results(mrml)
        assert results.nodes() == overlays and len(results.lines()) == 3
        assert results.lines()[0].method == "Method 1"
        results.showOnly(overlays[0])
        steps = removalSteps(table, results.remove)
        next(steps)
        assert results.nodes() == []
        next(steps)
        steps.close()  # stopped in the middle it is gone all the same
        assert nodeIds() == before and items(mrml) == places


def test_a_folder_deleted_in_the_data_module_leaves_nothing_either(mrml, case, nodeIds):
    before = nodeIds()
    table, _ = made(mrml, case)
    other, kept = made(mrml, case)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(mrml)
    hierarchy.RemoveItem(hierarchy.GetItemParent(hierarchy.GetItemByDataNode(table)), True, True)
    removeLeftovers(mrml)
    assert overlaysOf(other) == kept and all(node.GetNumberOfDisplayNodes() == 2 for node in kept)
    finished(removalSteps(other))
    assert nodeIds() == before


def test_stopped_or_failing_in_the_middle_the_scene_is_as_before(mrml, case, nodeIds):
    volume, segmentation, rows, maps = case
    before, places = nodeIds(), items(mrml)
    steps = comparisonSteps(mrml, rows, maps, [volume], segmentation, "lesion", NAME)
    for _ in range(3):
        next(steps)
    assert nodeIds() > before and Results(mrml).nodes() == []  # not offered before it is whole
    steps.close()
    assert nodeIds() == before and items(mrml) == places
    bad = replace(maps[2], provenance={"image_grid": layerGridOf(volume, 2).to_json()})
    with pytest.raises(GeometryError):
        finished(comparisonSteps(mrml, rows, [*maps[:2], bad], [volume], segmentation, "lesion", NAME))
    assert nodeIds() == before and items(mrml) == places


def inTheFile(stageScene, path):
    """(classes of what a saved scene holds beside Slicer's own nodes and storage nodes, items of its hierarchy)"""
    stageScene.readMrb(path)
    found = [
        node for node in stageScene.mrml.GetNodes() if not node.IsA("vtkMRMLStorageNode") and node.GetSaveWithScene()
    ]
    return sorted(node.GetClassName() for node in found), items(stageScene.mrml)


@pytest.mark.parametrize("way", ("in", "out"))
def test_a_scene_saved_while_a_comparison_comes_or_goes_holds_none_of_it(mrml, case, stageScene, tmp_path, way):
    """Nobody is told before a scene is saved, so what is on its way must never be worth saving."""
    volume, segmentation, rows, maps = case
    sharedTable(mrml, "Inferno")  # stays for the next map
    without = stageScene.writeMrb(tmp_path / "without.mrb")
    if way == "in":
        steps = comparisonSteps(mrml, rows, maps, [volume], segmentation, "lesion", NAME)
        for _ in range(3):
            next(steps)
    else:
        table, overlays = made(mrml, case)
        addNumbers(overlays[1], {"fast": {"rows": []}}, "encoder.1")
        showIn3D(overlays[2])
        steps = removalSteps(table)
        next(steps)
        assert overlaysOf(table) == overlays  # all of them are still there
    during = stageScene.writeMrb(tmp_path / "during.mrb")
    finished(steps)
    after = stageScene.writeMrb(tmp_path / "after.mrb")
    kinds, places = inTheFile(stageScene, without)
    foundKinds, foundPlaces = inTheFile(stageScene, during)
    assert foundKinds == kinds
    if way == "out":
        assert foundPlaces == places
    removeLeftovers(mrml)
    assert items(mrml) == places  # items without nodes are swept when the scene was read
    assert stageScene.messages.errors == []
    kinds, _ = inTheFile(stageScene, after)
    assert kinds.count("vtkMRMLScalarVolumeNode") == (4 if way == "in" else 1)  # whole, or not at all
    removeLeftovers(mrml)
    assert kinds.count("vtkMRMLTableNode") == (way == "in")


def test_maps_that_an_earlier_version_saved_on_their_way_out_are_swept(mrml, case, stageScene, tmp_path, nodeIds):
    _table, overlays = made(mrml, case)
    kept = overlays.pop()
    for node in overlays:
        node.SetAttribute("SegHiResGradCAM.Unfinished", "1")
    stageScene.readMrb(stageScene.writeMrb(tmp_path / "case.mrb"))
    assert len(Results(mrml).ownVolumes()) == 3 and len(Results(mrml).nodes()) == 1
    removeLeftovers(mrml)
    assert [mrml.GetNodeByID(one).GetName() for one in Results(mrml).ownVolumes()] == [kept.GetName()]
    before = nodeIds()
    removeLeftovers(mrml)
    assert nodeIds() == before
