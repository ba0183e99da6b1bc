"""A comparison in the scene: a folder beside the volume with one overlay a cell and a table of all cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import slicer
from seghirescam.protocol.explanation import Explanation

from ...schedule.Steps import StepsOf
from ..nodes import AttributeNames
from ..nodes.Attachments import attachedToAny
from ..nodes.Provenance import isOverlay
from ..nodes.SceneNodes import displaysOf, nodesOfClass, removeWithOwn
from ..nodes.SubjectHierarchy import folderBeside, moveInto, removeEmptyFolder, sweepItems, takeOut
from ..overlay.ColorTables import removeUnusedTables
from ..overlay.DisplaySettings import DisplaySettings
from ..overlay.Overlay import addOverlay, ownNodes, removeOverlay
from ..views.SliceLayers import hideFromForeground
from .ComparisonTable import fillTable


def comparisonSteps(
    scene: Any,
    rows: list[dict],
    explanations: list[Explanation],
    inputNodes: Any,
    segmentationNode: Any,
    segmentId: str | list[str] | None,
    name: str,
    tell: Callable | None = None,
    fill: Callable[[Any, list[dict]], object] = fillTable,
) -> StepsOf[tuple[Any, list]]:
    """Generator for Steps, one overlay a step; returns (table node, overlays in the order of the explanations).

    rows: of the table.  inputNodes, segmentationNode, segmentId: as addOverlay takes them; of maps
    that are about different segments a list.  fill: makes the table of the rows.  Maps stay on their layers'
    own cells, and no slice view shows any of them yet.  tell: hears the fraction that is done.  Stopped in the middle,
    or after an error of addOverlay, the scene is as before.  A scene that is saved meanwhile holds none of it: Slicer
    tells nobody that it is going to save.
    """
    table: Any = None
    made: list[Any] = []
    shared = segmentId if not isinstance(segmentId, list) else None
    try:
        table = _addTable(scene, rows, explanations, inputNodes, segmentationNode, shared, name, fill)
        setSaved([table], False)
        folder = folderBeside(scene, name, inputNodes[0])
        moveInto(folder, table)
        for n, explanation in enumerate(explanations):
            if tell is not None:
                tell(n / len(explanations))
            yield
            settings = DisplaySettings(foreground=False)
            own = segmentId[n] if isinstance(segmentId, list) else segmentId
            made.append(addOverlay(scene, explanation, inputNodes, segmentationNode, "layer", settings, own))
            made[-1].SetAttribute(AttributeNames.UNFINISHED, "1")
            made[-1].SetNodeReferenceID(AttributeNames.COMPARISON_ROLE, table.GetID())
            moveInto(folder, made[-1])
            for display in displaysOf(made[-1]):
                display.SetAttribute(AttributeNames.OF_COMPARISON, "1")
            setSaved(made[-1:], False)
    except BaseException:  # GeneratorExit too: somebody pressed Cancel
        for node in made:
            _removeIfThere(node, removeOverlay)
        if table is not None:
            _removeIfThere(table, _removeTable)
        raise
    for node in made:
        node.RemoveAttribute(AttributeNames.UNFINISHED)
    setSaved([table, *made], True)
    return table, made


def comparisonOf(volumeNode: Any) -> Any:
    """The table of the comparison that an overlay belongs to, also after the scene was reloaded; None without one."""
    return volumeNode.GetNodeReference(AttributeNames.COMPARISON_ROLE)


def overlaysOf(table: Any) -> list:
    """The overlays of a comparison that are still in the scene."""
    volumes = nodesOfClass(table.GetScene(), "vtkMRMLScalarVolumeNode")
    return [node for node in volumes if isOverlay(node) and comparisonOf(node) is table]


def removalSteps(table: Any, removeOne: Callable = removeOverlay) -> StepsOf[None]:
    """Generator for Steps: removes overlays, table and folder; stopped in the middle it removes the rest at once.

    With the first step they leave the slice views, the list of results, the subject hierarchy and whatever is saved
    from now on.  A folder into which the user has put something else stays.
    """
    nodes, folder = overlaysOf(table), 0
    try:
        for node in nodes:
            node.SetAttribute(AttributeNames.UNFINISHED, "1")
            hideFromForeground(node)
        for one in setSaved([*nodes, table], False):
            folder = takeOut(one) or folder
        removeEmptyFolder(table.GetScene(), folder)
        while nodes:
            yield
            _removeIfThere(nodes.pop(), removeOne)
    finally:
        for node in nodes:
            _removeIfThere(node, removeOne)
        _removeIfThere(table, _removeTable)


def removeLeftovers(scene: Any) -> None:
    """What a folder that was deleted in the Data module left behind: displays and legends of its overlays; and maps of
    a comparison that was on its way in or out when its scene was saved by an earlier version."""
    volumes = nodesOfClass(scene, "vtkMRMLScalarVolumeNode")
    unfinished = [node for node in volumes if isOverlay(node) and node.GetAttribute(AttributeNames.UNFINISHED)]
    parts = [comparisonOf(node) for node in unfinished]
    for node in unfinished:
        removeOverlay(node)
    for table in parts:
        if table is not None and table.GetScene() is not None and not overlaysOf(table):
            _removeTable(table)
    sweepItems(scene)
    left = [one for one in nodesOfClass(scene, "vtkMRMLDisplayNode") if one.GetAttribute(AttributeNames.OF_COMPARISON)]
    for display in [one for one in left if one.GetDisplayableNode() is None]:
        scene.RemoveNode(display)
    # a scene that was saved while maps came or went holds their colours without them
    tables = nodesOfClass(scene, "vtkMRMLColorTableNode")
    removeUnusedTables(scene, [one for one in tables if one.GetAttribute(AttributeNames.COLOR_TABLE)])


def _addTable(
    scene: Any,
    rows: list[dict],
    explanations: list[Explanation],
    inputNodes: Any,
    segmentationNode: Any,
    segmentId: str | None,
    name: str,
    fill: Callable[[Any, list[dict]], object],
) -> Any:
    table = slicer.vtkMRMLTableNode()
    table.SetName(scene.GenerateUniqueName(name))
    fill(table, rows)
    scene.AddNode(table)
    for node in inputNodes:
        table.AddNodeReferenceID(AttributeNames.INPUT_VOLUME_ROLE, node.GetID())
    if segmentationNode is not None:
        table.SetNodeReferenceID(AttributeNames.SEGMENTATION_ROLE, segmentationNode.GetID())
        if segmentId is not None:
            table.SetAttribute(AttributeNames.PREFIX + "SegmentId", segmentId)
    table.SetAttribute(AttributeNames.COMPARISON, json.dumps(_asked(explanations), sort_keys=True))
    return table


def _asked(explanations: list[Explanation]) -> dict:
    """What all cells share."""
    if not explanations:
        return {}
    one = explanations[0].to_json()
    provenance = {key: value for key, value in one["provenance"].items() if key != "method_settings"}
    asked = ("class_index", "class_name", "score_title", "pixel_set")
    return {key: one[key] for key in asked} | {"provenance": provenance}


def _removeIfThere(node: Any, remove: Callable[[Any], object]) -> None:
    if node.GetScene() is not None:  # else somebody else has removed it meanwhile
        remove(node)


def _removeTable(table: Any) -> None:
    """With the segments that came with it, and not with a segmentation that was there before."""
    own = table.GetNodeReference(AttributeNames.SEGMENTATION_ROLE)
    if own is not None and own.GetAttribute(AttributeNames.OF_COMPARISON):
        takeOut(own)
        removeWithOwn(own)
    scene, folder = table.GetScene(), takeOut(table)
    removeWithOwn(table)
    removeEmptyFolder(scene, folder)


def setSaved(nodes: list, saved: bool) -> list:
    """Whether nodes are written with the scene, and all that goes with them; returns these, tables last."""
    displays = [one for node in nodes for one in displaysOf(node)]
    own = [one for display in displays for one in ownNodes(display)]
    found = [*displays, *own, *attachedToAny(nodes), *sorted(nodes, key=lambda node: node.IsA("vtkMRMLTableNode"))]
    for one in found:
        one.SetSaveWithScene(saved)
    return found
