"""The module's own colour tables as MRML nodes: of user type, so that they are saved with the scene."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import slicer

from ...setup.Translation import _
from ..nodes import AttributeNames
from ..nodes.SceneNodes import nodesOfClass, removeWithOwn
from .DisplaySettings import DIVERGING

#: red, green, blue, alpha, each 0..1
Rgba = tuple[float, ...]
FOLDER = Path(__file__).resolve().parents[3] / "Resources" / "ColorTables"


@cache
def colorsOf(name: str) -> tuple[Rgba, ...]:
    """The 256 (red, green, blue, alpha), each 0..1, of a shipped table, e.g. "Inferno"."""
    rows = (FOLDER / f"{name.replace(' ', '-')}.txt").read_text(encoding="utf-8").splitlines()
    fields = (row.split() for row in rows if row and not row.startswith("#"))
    return tuple(tuple(int(value) / 255 for value in field[2:6]) for field in fields)


def sharedTable(scene: slicer.vtkMRMLScene, name: str) -> slicer.vtkMRMLColorTableNode:
    """The scene's node of a shipped table: found if a former map added it, added otherwise."""
    for node in nodesOfClass(scene, "vtkMRMLColorTableNode"):
        if node.GetAttribute(AttributeNames.COLOR_TABLE) == name:
            return node
    return _addTable(scene, name, colorsOf(name), f"SegHiResGradCAM {name}")  # no tr


def divergingTable(scene: slicer.vtkMRMLScene, display: slicer.vtkMRMLDisplayNode, hidden: range) -> Any:
    """The diverging table of one map, with the colours in ``hidden`` made transparent.

    Which colours are hidden follows the map's threshold, so each map has its own node; it is reused on each change.
    """
    colors = [(*rgba[:3], 0.0 if index in hidden else 1.0) for index, rgba in enumerate(colorsOf(DIVERGING))]
    node = display.GetColorNode()
    if node is None or node.GetAttribute(AttributeNames.COLOR_TABLE) != DIVERGING:
        return _addTable(scene, DIVERGING, colors, scene.GenerateUniqueName(f"SegHiResGradCAM {DIVERGING}"))  # no tr
    _setColors(node, DIVERGING, colors)
    return node


def removeUnusedTables(scene: slicer.vtkMRMLScene, tables: Any) -> None:
    """Removes those of our tables that no display node refers to any more, with their storage nodes."""
    used = {display.GetColorNodeID() for display in nodesOfClass(scene, "vtkMRMLDisplayNode")}
    for node in tables:
        if node is not None and node.GetAttribute(AttributeNames.COLOR_TABLE) is not None and node.GetID() not in used:
            removeWithOwn(node)


def _addTable(scene: Any, name: str, colors: Sequence[Rgba], nodeName: str) -> Any:
    node = slicer.vtkMRMLColorTableNode()
    node.SetName(nodeName)
    node.SetTypeToUser()
    node.SetAttribute(AttributeNames.COLOR_TABLE, name)
    node.SetDescription(_("{name}, shipped with SegHiResGradCAM").format(name=name))
    node.SetNumberOfColors(len(colors))
    _setColors(node, name, colors)
    node.SetSaveWithScene(True)
    node.SetHideFromEditors(False)
    return scene.AddNode(node)


def _setColors(node: Any, name: str, colors: Sequence[Rgba]) -> None:
    wasModifying = node.StartModify()
    for index, rgba in enumerate(colors):
        node.SetColor(index, f"{name} {index}", *rgba)
    node.GetLookupTable().SetTableRange(0, len(colors) - 1)
    node.EndModify(wasModifying)
