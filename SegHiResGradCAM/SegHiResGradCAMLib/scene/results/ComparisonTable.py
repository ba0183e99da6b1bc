"""The cells of a comparison as a table node: what each method says at each layer, in numbers."""

from __future__ import annotations

from typing import Any

from ...setup.Translation import _
from ..nodes.TableColumns import setColumns

_WORDS = ("method", "layer", "mm per cell", "status", "unit", "reason")  # no tr
#: title, key of Comparison.facts (None: made here), what it means
_COLUMNS = (
    ("method", "title", _("The method's name.")),
    ("layer", "layer", _("The layer whose cells the map lies on.")),
    (
        "mm per cell",  # no tr
        None,
        _("Size of the layer's cells, along K, J and I."),
    ),
    ("status", "status", _("ok, or why there is no positive evidence; refused: the method cannot work there.")),
    ("total", "total", _("The sum over all cells, in the unit.")),
    ("unit", "unit", _("Of the total; arbitrary: on no scale of the score.")),
    ("score", "score", _("What was explained: the score, summed over the pixel set.")),
    ("completeness", "completeness", _("Total / score; empty where the unit is arbitrary.")),
    (
        "share of evidence inside",  # no tr
        "inside",
        _("Share of the map's positive evidence inside the segment, 0 to 1."),
    ),
    (
        "chance over {over}",  # no tr
        "chance",
        _("The share of evidence spread evenly over the {over} that would lie inside."),
    ),
    (
        "lift over {over}",  # no tr
        "lift",
        _("The share inside / chance."),
    ),
    ("seconds", "seconds", _("Of the pass that made the map; gradient methods share one pass for all their cells.")),
    ("reason", None, _("Why there is no map, or nothing to see in it.")),
)


def fillTable(tableNode: Any, rows: list[dict]) -> None:
    """rows: dicts as of the worker's compare. One row a cell; a number that there is not is NaN."""
    over = next((row["chance_over"] for row in rows if row.get("chance_over")), "volume")
    columns = [(title.format(over=over), key, meaning.format(over=over)) for title, key, meaning in _COLUMNS]
    setColumns(
        tableNode,
        [(title, meaning, [_value(row, title, key) for row in rows]) for title, key, meaning in columns],
    )


def _value(row: dict, title: str, key: str | None) -> str | float | None:
    if title == "mm per cell":
        return " x ".join(f"{mm:.3g}" for mm in row["mm_per_cell_kji"])
    if title == "reason":
        return f"{row['reason']} {row['left_out']}".strip()
    if title in _WORDS:
        return row[key] or ""
    return row[key]
