"""Where two models disagree, as a table node: what each says about each set, in numbers."""

from __future__ import annotations

from typing import Any

from ...setup.Translation import _
from ..nodes.TableColumns import setColumns

_WORDS = ("set", "model", "class", "layer", "status", "unit", "reason")
#: title, key of Disagreement.facts (None: made here), what it means
_COLUMNS = (
    ("set", "title", _("Voxels that only A takes for the class, only B, or both.")),
    ("model", None, _("Who was asked about the set.")),
    ("class", "class", _("The model's class.")),
    ("layer", "layer", _("The layer whose cells the map lies on.")),
    ("status", "status", _("ok, or why there is no positive evidence; refused: no answer; empty: nobody was asked.")),
    ("voxels", "voxels", _("Of the set, on the volume.")),
    ("ml", "ml", _("Of the set; of a single slice its thickness counts.")),
    ("Dice", "dice", _("Of the two predictions: 2 |A and B| / (|A| + |B|).")),
    ("score", "score", _("What was explained: the score, summed over the set.")),
    (
        "score per voxel",  # no tr
        "score_per_voxel",
        _("Score / the set's voxels on the model's grid; compare sets, not models."),
    ),
    ("unit", "unit", _("Of the scores.")),
    ("total", "total", _("The sum of the map over all cells.")),
    (
        "share of evidence inside",  # no tr
        "inside",
        _("Share of the map's positive evidence inside the set, 0 to 1."),
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
    ("reason", None, _("Why there is no map, or nothing to see in it.")),
)


def fillDisagreement(tableNode: Any, rows: list[dict]) -> None:
    """rows: dicts as of the worker's disagree. One row a set and model; a number that there is not is NaN."""
    over = next((row["chance_over"] for row in rows if row.get("chance_over")), "volume")
    columns = [(title.format(over=over), key, meaning.format(over=over)) for title, key, meaning in _COLUMNS]
    setColumns(
        tableNode, [(title, meaning, [_value(row, title, key) for row in rows]) for title, key, meaning in columns]
    )


def _value(row: dict, title: str, key: str | None) -> str | float | None:
    if title == "model":
        return f"{row['side']}: {row['model']}" if row["side"] else ""
    if title == "reason":
        return f"{row['reason']} {row['left_out']}".strip()
    if title == "voxels":
        return float(row["voxels"]) if "voxels" in row else None
    if title in _WORDS:
        return row[str(key)] or ""
    return row.get(str(key))
