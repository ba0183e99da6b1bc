"""The full check: its cost first, then the user, then numbers, curves and a mark that goes wherever the map goes."""

import csv
import json
import math

import pytest

import slicer
from mrml.asking import CURVES, answer, checked, makeCase, makePanel, ready
from SegHiResGradCAMLib import exportOverlay
from SegHiResGradCAMLib.panel.trust.FastCheckLogic import KEY
from SegHiResGradCAMLib.scene.nodes.Attachments import attach, attachedTo, removeOrphans
from SegHiResGradCAMLib.scene.results.TrustTables import addCurves

FAILS = "not supported by the model"


@pytest.fixture
def case():
    return makeCase()


@pytest.fixture
def panel(mrml, case):
    """With a map of two layers, encoder.2 shown."""
    made = makePanel(mrml, {KEY: "no"})
    ready(made, case)
    made.presenter.apply()
    made.presenter.onAnswer(answer(case, "encoder.2", "decoder.1"))
    return made


def fullyChecked(panel, verdict=FAILS):
    panel.answers.append(True)
    panel.presenter.trust.checkFully()
    panel.presenter.onAnswer({"cost": {"forwards": 42, "text": "about 42 predictions, 3 min on this machine"}})
    panel.presenter.onAnswer(checked("full", verdict=verdict))
    return panel.presenter.desk.node


def kinds(node):
    return sorted(one.GetAttribute("SegHiResGradCAM.Attached") for one in attachedTo(node))


def column(table, name):
    found = table.GetTable().GetColumnByName(name)
    return [found.GetValue(n) for n in range(table.GetNumberOfRows())]


def legend(node):
    return slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node).GetTitleText()


def test_the_cost_is_told_before_anything_runs_and_no_is_respected(panel, nodeIds):
    before = nodeIds()
    panel.presenter.trust.checkFully()
    purpose, _, _, question = panel.engine.sent[-1]
    assert (purpose, question["tier"], question["layer"]) == ("cost of the full check", "full", "encoder.2")
    assert panel.states[-1].run.busy and panel.questions == []
    panel.presenter.onAnswer({"cost": {"forwards": 42, "text": "about 42 predictions, 3 min on this machine"}})
    assert panel.questions == [
        "The full check of this map takes about 42 predictions, 3 min on this machine. It can be cancelled. Start it?"
    ]
    assert panel.engine.sent[-1][0] == "cost of the full check" and not panel.states[-1].run.busy
    assert panel.states[-1].run.status == "The full check was not started." and nodeIds() == before
    panel.answers.append(True)
    panel.presenter.trust.checkFully()
    panel.presenter.onAnswer({"cost": {"forwards": 42, "text": "x"}})
    assert panel.engine.sent[-1][0] == "full check" and panel.states[-1].run.busy
    panel.presenter.onError("cancelled", "Cancelled.", "")
    assert panel.states[-1].run.status == "Cancelled. The scene is unchanged." and nodeIds() == before


def test_a_map_that_fails_is_marked_in_panel_list_legend_node_and_file(panel, tmp_path):
    assert FAILS not in legend(panel.presenter.desk.node)
    node = fullyChecked(panel)
    state = panel.states[-1]
    assert (
        state.trust.verdict == "This map is not supported by the model: chance."
        and state.run.status == "Checked fully."
    )
    assert state.desk.results[0].verdict == FAILS
    assert state.desk.results[0].tip.startswith(state.trust.verdict) and state.trust.verdict not in state.desk.facts
    assert legend(node).splitlines()[-1] == FAILS
    assert json.loads(node.GetAttribute("SegHiResGradCAM.Trust"))["full"]["verdict"] == FAILS
    _, sidecar, *tables = exportOverlay(node, tmp_path / "map.nrrd")
    facts = json.loads(sidecar.read_text(encoding="utf-8"))["trust"]["full"]
    assert facts["verdict"] == FAILS and facts["rows"][0]["value"]["value"] == -0.125 and "curves" not in facts
    assert [path.name for path in tables] == ["map_numbers.csv", "map_curves.csv"]
    # another layer of the same pass is another map
    panel.presenter.desk.showLayer("decoder.1")
    other = panel.presenter.desk.node
    assert FAILS not in legend(other) and panel.states[-1].trust.verdict == "" and panel.states[-1].trust.curvesReason
    assert len(exportOverlay(other, tmp_path / "other.nrrd")) == 2
    panel.presenter.desk.showLayer("encoder.2")
    assert legend(panel.presenter.desk.node).splitlines()[-1] == FAILS and panel.states[-1].trust.curvesReason == ""


def test_a_map_that_holds_is_not_marked(panel):
    node = fullyChecked(panel, "supported")
    assert FAILS not in legend(node) and panel.states[-1].desk.results[0].verdict != FAILS


def test_table_and_chart_hold_the_numbers_beside_the_map_and_csv_says_the_same(panel, case, tmp_path):
    node = fullyChecked(panel)
    assert kinds(node) == ["chart", "curves", "numbers", "series", "series", "series"]
    numbers, curves = (
        next(one for one in attachedTo(node) if one.GetAttribute("SegHiResGradCAM.Attached") == kind)
        for kind in ("numbers", "curves")
    )
    assert column(numbers, "metric") == ["deletion gain", "completeness gap", "class swap"]
    values = column(numbers, "value")
    assert values[:2] == [-0.125, 0.76] and math.isnan(values[2])
    assert column(numbers, "lift")[0] == -0.25 and column(numbers, "chance")[0] == 0.5
    assert column(numbers, "status") == ["ok", "ok", "not_measured"] and column(numbers, "passed") == ["no", "", ""]
    assert column(numbers, "threshold")[0] == 0.05 and column(numbers, "sentence")[0] == "No better than random order."
    assert column(curves, "deletion, dice") == CURVES[0]["dice"]
    chart = panel.presenter.trust.chart()
    drawn = [chart.GetNthPlotSeriesNode(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [(one.GetXColumnName(), one.GetYColumnName()) for one in drawn] == [
        ("fraction of the volume", "deletion, score"), ("fraction of the volume", "deletion, dice"),
        ("fraction of the volume", "insertion, score"),
    ]  # fmt: skip
    assert all(one.GetTableNode() is curves for one in drawn)  # a curve with a gap stands in the table only
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    places = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(one)) for one in (case[0], node, *attachedTo(node))}
    assert len(places) == 1 and all(hierarchy.GetItemByDataNode(one) for one in attachedTo(node))
    exportOverlay(node, tmp_path / "map.nrrd")
    with open(tmp_path / "map_curves.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["insertion, score"]) for row in rows] == CURVES[1]["score"] and rows[1]["insertion, dice"] == ""
    with open(tmp_path / "map_numbers.csv", encoding="utf-8", newline="") as file:
        assert [row["value"] for row in csv.DictReader(file)] == ["-0.125", "0.76", ""]


def test_few_curves_have_a_legend_and_many_an_axis_that_says_how_to_read_them(panel):
    chart = addCurves(panel.presenter.desk.node, CURVES, "encoder.2")
    assert chart.GetLegendVisibility() and chart.GetYAxisTitle() == "score (solid), Dice (dashed)"
    names = ("by the map", *(f"random order {n}" for n in range(1, 6)))
    chart = addCurves(panel.presenter.desk.node, [CURVES[0] | {"name": name} for name in names], "encoder.2")
    drawn = [chart.GetNthPlotSeriesNode(n).GetName() for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert drawn == ["by the map, score", "by the map, dice", *(f"random order {n}, score" for n in range(1, 6))]
    assert not chart.GetLegendVisibility()
    assert chart.GetYAxisTitle() == "score (solid), Dice (dashed); grey: random orders"
    table = chart.GetNthPlotSeriesNode(0).GetTableNode()
    assert table.GetNumberOfColumns() == 13  # all of them stand in the table


def test_asked_again_the_tables_are_replaced_and_removed_with_the_result(panel, nodeIds, mrml):
    other = len(nodeIds())
    node = fullyChecked(panel)
    count = len(nodeIds())
    fullyChecked(panel)
    assert len(nodeIds()) == count > other
    panel.presenter.trust.addTable()
    assert len(nodeIds()) == count
    panel.presenter.desk.showLayer("decoder.1")  # what was found out stays with the result
    assert kinds(panel.presenter.desk.node) == ["chart", "curves", "numbers", "series", "series", "series"]
    assert len(nodeIds()) == count and node.GetScene() is None
    panel.presenter.desk.remove()
    assert not [one for one in mrml.GetNodes() if one.GetAttribute("SegHiResGradCAM.Attached")]
    left = {one.GetClassName() for one in mrml.GetNodes()}
    assert not left & {"vtkMRMLTableNode", "vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode"}


def test_a_map_deleted_in_the_data_module_takes_its_tables_along(panel, mrml):
    node = fullyChecked(panel)
    mrml.RemoveNode(node)
    mrml.StartState(mrml.BatchProcessState)
    removeOrphans(mrml)  # a scene that is being read: what they belong to may come still
    mrml.EndState(mrml.BatchProcessState)
    assert [one for one in mrml.GetNodes() if one.GetAttribute("SegHiResGradCAM.Attached")]
    panel.presenter.sceneChanged()
    assert not [one for one in mrml.GetNodes() if one.GetAttribute("SegHiResGradCAM.Attached")]


def test_everything_comes_back_with_a_saved_scene_and_goes_with_the_map(panel, case, stageScene, tmp_path, mrml):
    fullyChecked(panel)
    state = panel.states[-1]
    path = stageScene.writeMrb(tmp_path / "scene.mrb")
    panel.presenter.sceneClosing()
    stageScene.readMrb(path)
    ready(panel, (slicer.util.getNode("volume"), slicer.util.getNode("segmentation")))
    panel.presenter.sceneChanged()
    node, again = panel.presenter.desk.node, panel.states[-1]
    assert (again.trust.verdict, again.checks.numbers, again.trust.curvesReason) == (
        state.trust.verdict,
        state.checks.numbers,
        "",
    )
    assert again.desk.results[0].verdict == state.desk.results[0].verdict and legend(node).splitlines()[-1] == FAILS
    assert kinds(node) == ["chart", "curves", "numbers", "series", "series", "series"]
    chart = panel.presenter.trust.chart()
    series = chart.GetNthPlotSeriesNode(0)
    assert column(series.GetTableNode(), series.GetYColumnName()) == CURVES[0]["score"]
    numbers = next(one for one in attachedTo(node) if one.GetAttribute("SegHiResGradCAM.Attached") == "numbers")
    assert column(numbers, "value")[0] == -0.125
    panel.presenter.desk.remove()
    assert not [one for one in mrml.GetNodes() if one.GetAttribute("SegHiResGradCAM.Attached")]


def test_the_layout_changes_on_the_button_and_only_then(panel, mrml):
    layout = mrml.AddNewNodeByClass("vtkMRMLLayoutNode")
    layout.AddLayoutDescription(layout.SlicerLayoutFourUpPlotView, "<layout></layout>")
    layout.AddLayoutDescription(layout.SlicerLayoutConventionalPlotView, "<layout></layout>")
    view = mrml.AddNewNodeByClass("vtkMRMLPlotViewNode")
    before = layout.GetViewArrangement()
    fullyChecked(panel)
    assert layout.GetViewArrangement() == before and not view.GetPlotChartNodeID()
    panel.presenter.trust.showCurves()
    assert layout.GetViewArrangement() != before
    assert view.GetPlotChartNodeID() == panel.presenter.trust.chart().GetID() and panel.states[-1].run.error == ""


COST = {"cost": {"forwards": 42, "text": "about 42 predictions"}}


@pytest.mark.parametrize("purpose", ["cost of the full check", "full check", "paint"])
def test_a_result_that_is_removed_stops_what_is_asked_about_it_and_the_worker_stays(panel, mrml, purpose):
    if purpose == "paint":
        panel.presenter.paint.paint()
    else:
        panel.answers.append(True)
        panel.presenter.trust.checkFully()
    if purpose == "full check":
        panel.presenter.onAnswer(COST)
    assert panel.engine.sent[-1][0] == purpose
    panel.presenter.desk.showLayer("decoder.1")  # another node of the same result
    panel.presenter.sceneChanged()
    assert panel.states[-1].run.busy and panel.engine.dropped == 0
    closed = panel.engine.closed
    panel.presenter.desk.remove()
    panel.presenter.sceneChanged()
    state = panel.states[-1]
    assert not state.run.busy and (panel.engine.dropped, panel.engine.closed) == (1, closed) and state.run.error == ""
    assert state.run.status == "Stopped, because the map that it was about was removed."


def meanwhile(panel, happens):
    """The user says yes, after something happened while the question was open."""
    panel.presenter.ask = lambda question: happens() or True
    panel.presenter.trust.checkFully()
    panel.presenter.onAnswer(COST)
    return panel.states[-1].run.status


def test_a_late_yes_starts_nothing_where_the_question_no_longer_holds(panel, case, mrml):
    desk = panel.presenter.desk
    said = meanwhile(panel, lambda: desk.showLayer("decoder.1"))
    assert said == "The full check was not started. Another layer is shown now: ask for its full check."
    doubled = slicer.util.arrayFromVolume(case[0]) * 2
    said = meanwhile(panel, lambda: slicer.util.updateVolumeFromArray(case[0], doubled))
    assert said == (
        "The full check was not started. The volume has changed or moved since this map was made: press Apply again."
    )
    panel.presenter.apply()
    panel.presenter.onAnswer(answer(case, "encoder.2"))
    kept = desk.node
    said = meanwhile(panel, lambda: desk.results.remove(kept))
    assert said == "The full check was not started. There is no map: press Apply first."
    assert "full check" not in [sent[0] for sent in panel.engine.sent] and not panel.presenter.busy


def test_the_question_does_not_pop_up_over_another_module(panel):
    panel.answers.append(True)
    panel.presenter.trust.checkFully()
    panel.presenter.exit()
    panel.presenter.onAnswer(COST)
    assert panel.questions == [] and panel.engine.sent[-1][0] == "cost of the full check"
    assert not panel.presenter.busy and panel.engine.closed == 1
    assert panel.states[-1].run.status == (
        "The full check was not started, because you had left the module: ask for it again."
    )


@pytest.mark.parametrize("fails", ["TableNode", "PlotSeriesNode", "PlotChartNode"])
def test_numbers_and_curves_that_cannot_be_made_leave_the_former_ones(panel, nodeIds, monkeypatch, fails):
    node = fullyChecked(panel)
    before = nodeIds()

    def refuse(one, *words):
        if one.GetClassName() == f"vtkMRML{fails}":
            raise RuntimeError("no place")
        attach(one, *words)

    monkeypatch.setattr("SegHiResGradCAMLib.scene.results.TrustTables.attach", refuse)
    fullyChecked(panel, "supported")
    assert panel.states[-1].run.error.startswith("Internal error in the module.")
    if fails == "TableNode":
        assert nodeIds() == before
    else:  # the numbers were complete: another node of the same name
        assert {name for _, name in nodeIds()} == {name for _, name in before} and len(nodeIds()) == len(before)
    chart = panel.presenter.trust.chart()
    assert chart.GetNumberOfPlotSeriesNodes() == 3 and chart.GetNthPlotSeriesNode(0).GetTableNode() is not None
    monkeypatch.undo()
    fullyChecked(panel)
    assert {name for _, name in nodeIds()} == {name for _, name in before} and kinds(node) == [
        "chart", "curves", "numbers", "series", "series", "series",
    ]  # fmt: skip
