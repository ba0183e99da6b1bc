"""The colour legend: method, class, layer and unit stand next to every map."""

from __future__ import annotations

import math
from typing import Any

import slicer

from ...setup.Translation import _
from ..nodes import AttributeNames
from ..nodes.Provenance import explanationFacts
from ..nodes.TrustFacts import isNotSupported
from .DisplaySettings import DisplaySettings

LABELS = 5
_WIDTH_PER_CHARACTER = 0.0125  # of the view: Slicer fits the text to the legend's width and ignores font sizes


def updateLegend(volumeNode: Any, settings: DisplaySettings) -> Any:
    """Creates an overlay's legend, or brings the one it has up to date. Returns the legend's display node."""
    legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(volumeNode)
    wasModifying = legend.StartModify()
    legend.SetTitleText(_title(volumeNode, settings.signed))
    lower, upper = volumeNode.GetDisplayNode().GetWindowLevelMin(), volumeNode.GetDisplayNode().GetWindowLevelMax()
    form = _labelFormat(upper)
    longest = max(len(form % (lower + n * (upper - lower) / (LABELS - 1))) for n in range(LABELS))
    legend.SetLabelFormat(form)
    legend.SetNumberOfLabels(LABELS)
    legend.SetSize(_WIDTH_PER_CHARACTER * longest, 0.45)
    legend.SetPosition(0.98, 0.5)
    for text in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
        text.SetFontFamilyToArial()
    legend.SetVisibility(settings.legend)
    legend.Modified()
    legend.EndModify(wasModifying)
    return legend


def _title(volumeNode: Any, signed: bool) -> str:
    """A few short lines; a map that shows nothing says why instead of unit and share, and one that fails says so."""
    facts = explanationFacts(volumeNode)
    lines = [facts["method_title"], f"{facts['class_name']}, {facts['layer']['name']}"]
    if "place_ras_mm" in facts["provenance"]:
        lines.append(facts["pixel_set"])  # of a map that follows the crosshair: what it is about changes as it is seen
    shareShown = float(volumeNode.GetAttribute(AttributeNames.PREFIX + "ShareShown"))
    if shareShown > 0:
        unit = volumeNode.GetAttribute(AttributeNames.PREFIX + "Unit")
        lines.append(
            (_("{unit}, {percent:.0f} % of both signs") if signed else _("{unit}, {percent:.0f} % of evidence")).format(
                unit=unit, percent=100 * shareShown
            )
        )
    else:
        lines += [
            _("nothing to show:"),
            volumeNode.GetAttribute(AttributeNames.PREFIX + "Reason") or _("no value is positive"),
        ]
    if isNotSupported(volumeNode):
        lines.append(_("not supported by the model"))
    return "\n".join(lines)


def _labelFormat(largest: float) -> str:
    """Three digits for the largest label and as many decimals for the others; powers of ten beyond that."""
    exponent = math.floor(math.log10(largest))
    if not -3 <= exponent <= 4:
        return "%.1e"
    return f"%.{max(0, 2 - exponent)}f"
