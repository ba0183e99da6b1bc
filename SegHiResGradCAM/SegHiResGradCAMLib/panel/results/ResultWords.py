"""What a result says of itself in words: its line in the tree, its layers, its full provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seghirescam.protocol.explanation import LayerInfo

from ...scene.nodes.Provenance import explanationFacts
from ...scene.nodes.TrustFacts import verdictOf, verdictText
from ...scene.results.ComparisonNodes import comparisonOf
from ...setup.Translation import _
from ..Option import Option
from .ResultLine import ResultLine

#: the engine's word for maps that are on no scale of the score
ARBITRARY = "arbitrary"
#: how the titles of most scores begin: the tree's lines leave it out
_USUAL_SCORE = "logit of "  # no tr


def layerOption(layer: LayerInfo) -> Option:
    """A layer as the lists show it: name, part, mm per cell; stride and channels as the longer explanation."""
    return Option(layer.name, layerText(layer.name, layer.part, layer.mm_per_cell), str(layer))


def facts(node: Any) -> list[str]:
    """Provenance in lines a user reads: what was asked of which model, and how much of the score the map explains."""
    found = explanationFacts(node)
    origin = found["provenance"]
    size = ""
    if "pixel_set_voxels" in origin:
        size = _(" ({pixel_set_voxels} voxels of the model{more})").format(
            pixel_set_voxels=origin["pixel_set_voxels"], more=_more(origin)
        )
    lines = [
        _("{method_title}, layer {name}").format(method_title=found["method_title"], name=found["layer"]["name"]),
        _("Why {class_name}? {score_title}, summed over {pixel_set}{size}").format(
            class_name=found["class_name"], score_title=found["score_title"], pixel_set=found["pixel_set"], size=size
        ),
    ]
    if found["score"] is not None:
        arbitrary = found["unit"] == ARBITRARY
        lines.append(
            _("Score {score:.4g}").format(score=found["score"])
            + (_("; the map has no unit") if arbitrary else f" {found['unit']}")
        )
        if found["completeness"] is not None and not arbitrary:
            lines[-1] += _(", of which the map explains {percent:.0f} %").format(percent=100 * found["completeness"])
    if "model" in origin:
        lines.append(
            _("Model: {model}, on {device}, {engine}").format(
                model=origin["model"], device=origin.get("device", "?"), engine=origin.get("engine", "")
            )
        )
    if found["reason"]:
        lines.append(found["reason"])
    return [*lines, *found["notes"]]


def _tip(node: Any) -> str:
    return "\n".join(filter(None, [verdictText(node), *facts(node)]))


def _more(origin: dict) -> str:
    """Volume and share of the pixel set; maps made by former versions do not know the share."""
    ml, share = origin.get("pixel_set_ml"), origin.get("pixel_set_share")
    told = "" if ml is None else _(", {ml:.3g} ml").format(ml=ml)
    return told + ("" if share is None else _(", {percent:.3g} % of the image").format(percent=100 * share))


def resultLine(node: Any) -> ResultLine:
    found = explanationFacts(node)
    table = comparisonOf(node)
    asked = [found["score_title"].removeprefix(_USUAL_SCORE), found["pixel_set"], found["provenance"].get("model", "")]
    return ResultLine(
        node.GetID(),
        (_("Comparison: ") if table is not None else "") + " · ".join(part for part in asked if part),
        found["method_title"],
        _shortLayer(found["layer"]["name"], found["layer"]["mm_per_cell_kji"]),
        None if found["unit"] == ARBITRARY else found["completeness"],
        verdictOf(node),
        _tip(node),
    )


def _shortLayer(name: str, mmPerCell: Sequence[float] | None) -> str:
    sizes = [] if mmPerCell is None else [f"{mm:.3g}" for mm in mmPerCell]
    return f"{name}, {' x '.join(sizes if len(set(sizes)) > 1 else sizes[:1])} mm" if sizes else name  # no tr


def layerText(name: str, part: str, mmPerCell: Sequence[float] | None) -> str:
    size = "" if mmPerCell is None else f", {' x '.join(f'{mm:.3g}' for mm in mmPerCell)} mm"  # no tr
    return f"{name} ({part}{size})"
