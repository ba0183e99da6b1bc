"""The scalar display of a map: colours, window, threshold."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from seghirescam.protocol.display.evidence import Evidence

from ..nodes import AttributeNames
from ..nodes.NodeFacts import factsOf
from .ColorTables import divergingTable, removeUnusedTables, sharedTable
from .DisplayPlan import DisplayPlan
from .DisplaySettings import DisplaySettings
from .EvidenceCache import evidenceOf


def setScalarDisplay(volumeNode: Any, settings: DisplaySettings, evidence: Evidence | None = None) -> DisplayPlan:
    """Sets colours, window and threshold as the settings say and returns what was set.

    evidence: of a map that the node does not hold yet - the display comes first, so that Slicer does not compute an
    automatic window over the whole volume (a second per large map).
    """
    scene = volumeNode.GetScene()
    plan = DisplayPlan.of(evidence or evidenceOf(volumeNode), settings)
    if volumeNode.GetDisplayNode() is None:
        volumeNode.CreateDefaultDisplayNodes()
    display = volumeNode.GetDisplayNode()
    formerTable = display.GetColorNode()
    wasModifying = display.StartModify()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(*plan.window)
    display.AutoThresholdOff()
    if plan.threshold is not None:
        display.SetThreshold(*plan.threshold)
    # slice views know alpha only as on or off: one sign is cut by the threshold, two by the table's transparent middle
    display.SetApplyThreshold(plan.threshold is not None)
    display.SetInterpolate(settings.smooth)
    table = divergingTable(scene, display, plan.hidden) if settings.signed else sharedTable(scene, settings.colorTable)
    display.SetAndObserveColorNodeID(table.GetID())
    display.EndModify(wasModifying)
    if formerTable is not table:
        removeUnusedTables(scene, [formerTable])
    volumeNode.SetAttribute(AttributeNames.SETTINGS, json.dumps(asdict(settings), sort_keys=True))
    volumeNode.SetAttribute(AttributeNames.PREFIX + "ShareShown", f"{plan.shareShown:.6g}")
    return plan


def settingsOf(volumeNode: Any) -> DisplaySettings:
    """The settings last applied to an overlay, also after the scene was reloaded; the defaults if there are none."""
    return DisplaySettings(**factsOf(volumeNode, AttributeNames.SETTINGS))
