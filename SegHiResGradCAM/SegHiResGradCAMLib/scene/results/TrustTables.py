"""The numbers of a check as a table node; its curves as a table, plot series and a chart."""

from __future__ import annotations

import colorsys
import math
from typing import Any

import slicer

from ...setup.Translation import _
from ..nodes.Attachments import CHART, CURVES, NUMBERS, SERIES, aboutLayer, attach, replacing
from ..nodes.Provenance import explanationFacts
from ..nodes.TableColumns import setColumns
from ..nodes.TrustFacts import FAST, FULL

_FRACTION = "fraction of the volume"  # no tr
_CHANCE_OVER = "chance over"  # no tr
_RANDOM, _RANDOM_COLOR = "random", (0.6, 0.6, 0.6)
#: a legend of more entries lies over the curves
_NAMED = 3
_READ = _("score (solid), Dice (dashed)")
_DASHED, _SOLID = slicer.vtkMRMLPlotSeriesNode.LineStyleDash, slicer.vtkMRMLPlotSeriesNode.LineStyleSolid


def addNumbers(overlay: Any, checks: dict, layerName: str) -> Any:
    """A table node with one row a number; a former table about the same map is replaced. Returns it.

    checks: as of writeTrust, of the map of that layer; the full check's rows come first.
    """
    rows: list[dict] = []
    for tier in (FULL, FAST):
        known = {row["metric"] for row in rows}
        told = checks.get(tier, {"rows": ()})["rows"]
        rows += [_row(row, tier) for row in told if row["title"] not in known]
    columns = (
        ("metric", _("What was measured.")),
        ("value", _("Empty (NaN) where the status is not ok.")),
        ("unit", _("Of the value; empty for shares and other plain numbers.")),
        ("chance", _("The value without any knowledge, where that has a meaning.")),
        ("lift", _("Value / chance.")),
        (_CHANCE_OVER, _("Over what chance was counted: the body, the volume, the layer's cells.")),
        ("status", _("ok, or why there is no value.")),
        ("threshold", _("What the full check asks for.")),
        ("passed", _("yes or no; empty where nothing is asked for.")),
        ("tier", _("Of the check: fast or full.")),
        ("sentence", _("What the number says.")),
    )
    filled = [(title, meaning, [row[title] for row in rows]) for title, meaning in columns]
    return addTable(overlay, _("Is the map faithful"), NUMBERS, layerName, filled)


def addCurves(overlay: Any, curves: Any, layerName: str) -> Any:
    """A table of the curves and a chart over it; former ones about the same map are replaced. Returns the chart.

    curves: [{"name", "fractions", "score", "dice"}].  Scores are drawn solid, Dice dashed, the scores of random orders
    grey; the Dice of these stand in the table only.  The axis says so where there are too many for a legend.
    """
    columns: list[tuple] = []
    drawn: list[tuple[str, str, int, str]] = []
    shared = all(curve["fractions"] == curves[0]["fractions"] for curve in curves)
    for n, curve in enumerate(curves):
        x = _FRACTION if shared else f"{_FRACTION}, {curve['name']}"
        if n == 0 or not shared:
            columns.append((x, _("How much of the volume was changed, 0 to 1."), curve["fractions"]))
        for key, meaning in (
            ("score", _("Score, 1: as it was, 0: everything changed.")),
            ("dice", _("Dice with before.")),
        ):
            values, title = curve.get(key), f"{curve['name']}, {key}"
            if values is None:
                continue
            columns.append((title, meaning, values))
            shown = key == "score" or not curve["name"].startswith(_RANDOM)
            if shown and all(value is not None and math.isfinite(value) for value in values):
                drawn.append((title, x, n, key))
    longest = max(len(values) for _, _, values in columns)  # VTK draws a table only where all columns are as long
    filled = [(t, m, [*values, *[None] * (longest - len(values))]) for t, m, values in columns]
    former = aboutLayer(overlay, layerName, CHART, SERIES)
    name = _name(overlay, _("Deletion and insertion"), layerName, chartOf(overlay, layerName))
    with replacing(former) as made:
        chart = _chart(made, overlay, drawn, len(curves), layerName)
        table = addTable(overlay, _("Curves"), CURVES, layerName, filled)  # replaces the former one if nothing fails
        for series in made[1:]:
            series.SetAndObserveTableNodeID(table.GetID())
        chart.SetName(name)
        chart.SetTitle(name)
    return chart


def chartOf(overlay: Any, layerName: str) -> Any:
    """The chart about the map of a layer, None without one."""
    return next(iter(aboutLayer(overlay, layerName, CHART)), None)


def showChart(chart: Any) -> None:
    """Changes the layout to one with a plot view, where there is a layout."""
    slicer.modules.plots.logic().ShowChartInLayout(chart)


def _chart(made: list, overlay: Any, drawn: list[tuple], count: int, layerName: str) -> Any:
    """made: gets the chart, then its series, which have no table yet."""
    scene = overlay.GetScene()
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    made.append(chart)
    for title, x, n, key in drawn:
        series = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", title)
        made.append(series)
        series.SetXColumnName(x)
        series.SetYColumnName(title)
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleNone)
        series.SetLineStyle(_SOLID if key == "score" else _DASHED)
        series.SetColor(*(_RANDOM_COLOR if title.startswith(_RANDOM) else colorsys.hsv_to_rgb(n / count, 0.8, 0.85)))
        attach(series, overlay, SERIES, layerName)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    chart.SetXAxisTitle(_FRACTION)
    grey = any(title.startswith(_RANDOM) for title, *_ in drawn)
    chart.SetYAxisTitle(_("{read}; grey: random orders").format(read=_READ) if grey else _READ)
    chart.SetLegendVisibility(len(drawn) <= _NAMED)
    attach(chart, overlay, CHART, layerName)
    return chart


def addTable(overlay: Any, title: str, kind: str, layerName: str, columns: Any) -> Any:
    """A table node attached to an overlay; the former one of this kind about the same map goes.

    columns: as of setColumns.
    """
    scene, former = overlay.GetScene(), aboutLayer(overlay, layerName, kind)
    name = _name(overlay, title, layerName, former[-1] if former else None)
    with replacing(former) as made:
        table = scene.AddNewNodeByClass("vtkMRMLTableNode")
        made.append(table)
        table.SetName(name)
        setColumns(table, columns)
        attach(table, overlay, kind, layerName)
    return table


def _name(overlay: Any, title: str, layerName: str, former: Any) -> str:
    """That of the node that is replaced, a new one where there is none."""
    if former is not None:
        return former.GetName()
    return overlay.GetScene().GenerateUniqueName(f"{title}: {explanationFacts(overlay)['class_name']}, {layerName}")


def _row(row: dict, tier: str) -> dict:
    value, passed = row["value"], row.get("passed")
    told = {key: value[key] for key in ("value", "unit", "chance", "lift", "status")}
    verdict = "" if passed is None else "yes" if passed else "no"
    return told | {
        _CHANCE_OVER: value.get("chance_over", ""),
        "metric": row["title"], "threshold": row.get("threshold"), "passed": verdict, "tier": tier,
        "sentence": row["sentence"],
    }  # fmt: skip
