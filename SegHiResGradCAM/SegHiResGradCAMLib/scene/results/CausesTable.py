"""What made the network say so, as a table node beside the map: what each channel or segment adds to the score."""

from __future__ import annotations

import json
from typing import Any

from ...setup.Translation import _
from ..nodes import AttributeNames
from ..nodes.Attachments import ANATOMY, CHANNELS, aboutLayer
from ..nodes.NodeFacts import factsOf
from .TrustTables import addTable

_TITLES = {CHANNELS: _("Which input image mattered"), ANATOMY: _("Which anatomy mattered")}


def addCauses(overlay: Any, told: dict, layerName: str) -> Any:
    """A table node with one row a channel or segment, the largest first; a former one about the same map and of the
    same kind is replaced. Returns it.

    told: the worker's ``causes``, remembered with the node.
    """
    anatomy = told["of"] == ANATOMY
    columns: list[tuple] = [
        ("segment" if anatomy else "channel", _("What was taken away and put back."), lambda one: one["name"]),
        (
            _("adds, {unit}").format(unit=told["unit"]),
            _("Shapley value: what it adds to the mean score."),
            lambda one: one["value"],
        ),
        (_("standard error"), _("Empty (NaN) where the value is exact."), lambda one: one["standard_error"]),
        (_("share of the change"), _("Negative: it spoke against."), lambda one: one["share"]["value"]),
    ]
    if anatomy:
        columns += [
            ("ml", _("Its volume."), lambda one: (one["size"] or {}).get("ml")),
            (
                _("share of the pixel set"),
                _("How much of what is explained lies inside."),
                lambda one: one["pixel_set_inside"],
            ),
            (_("share of evidence"), _("Of the map's positive evidence inside."), lambda one: one["evidence"]["value"]),
        ]
    rows = sorted(told["causes"], key=lambda one: -one["value"])
    filled = [(title, meaning, [of(row) for row in rows]) for title, meaning, of in columns]
    table = addTable(overlay, _TITLES[told["of"]], told["of"], layerName, filled)
    table.SetAttribute(AttributeNames.CAUSES, json.dumps(told, sort_keys=True, allow_nan=False))
    return table


def causesOf(overlay: Any, of: str, layerName: str) -> dict:
    """What was found about the map of a layer, {} before it was asked."""
    found = aboutLayer(overlay, layerName, of)
    return factsOf(found[-1], AttributeNames.CAUSES) if found else {}
