"""Static check of module code against Slicer's API, also in branches that no test runs.

    problems = check("SegHiResGradCAM/SegHiResGradCAM.py", "SegHiResGradCAM/Resources/UI/SegHiResGradCAM.ui")
    assert problems == []

Looked at: every ``qt.``, ``ctk.`` and ``slicer.`` name (lists in :mod:`stage.api_names`), every ``ui.<widget>.<name>``
against the widget's class in the .ui file, signal signatures, and what PythonQt cannot do.  It follows names as they
are written: what goes through another variable is not seen.
"""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import qt

import slicer
import stage.gui  # noqa: F401  gives qt and ctk
from stage import api_names
from stage.gui.pythonqt import facts
from stage.gui.pythonqt.attributes import PropertyAttribute
from stage.gui.pythonqt.signals import SignalAttribute, normalized
from stage.gui.uifile import classOf


def check(path, ui=None) -> list[str]:
    """One line ``file:line: sentence`` for each problem; ``ui`` is the .ui file that ``self.ui`` comes from."""
    path = Path(path)
    visitor = _Visitor(widgetsOf(ui) if ui else None)
    visitor.visit(ast.parse(path.read_text(encoding="utf-8")))
    return [f"{path.name}:{line}: {text}" for line, text in sorted(set(visitor.problems))]


def widgetsOf(ui) -> dict[str, type]:
    """{object name: class} of a .ui file, with what real CTK widgets add."""
    found = {}
    for element in ElementTree.parse(ui).iter():
        if element.tag == "widget":
            found[element.get("name")] = classOf(element.get("class"))
        elif element.tag == "layout" and element.get("name"):
            found[element.get("name")] = classOf(element.get("class"))
    return found


def dotted(node) -> list[str] | None:
    """["slicer", "util", "loadUI"] for slicer.util.loadUI; None for anything but plain names."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else None


class _Visitor(ast.NodeVisitor):
    def __init__(self, widgets):
        self.problems: list[tuple[int, str]] = []
        self._widgets = widgets

    def _say(self, node, text):
        self.problems.append((node.lineno, text))

    def visit_Import(self, node):
        for alias in node.names:
            self._checkImport(node, alias.name)

    def visit_ImportFrom(self, node):
        self._checkImport(node, node.module or "")
        if (node.module or "").split(".")[0] in ("qt", "ctk"):
            self._say(node, f"write import {node.module}, so that each use is checked")
        if node.module == "slicer.util":
            for alias in node.names:
                self._checkSlicer(node, ["slicer", "util", alias.name])
        if any(alias.name == "*" for alias in node.names):
            self._say(node, f"no star import of {node.module}")

    def _checkImport(self, node, name):
        reason = api_names.BANNED_IMPORTS.get(name.split(".")[0])
        if reason:
            self._say(node, f"{name}: {reason}")

    def visit_Attribute(self, node):
        names = dotted(node)
        if names:
            if names[0] == "qt":
                self._checkQt(node, names)
            elif names[0] == "ctk" and names[1] not in api_names.CTK:
                self._say(node, f"ctk.{names[1]} is not in the list")
            elif names[0] == "slicer":
                self._checkSlicer(node, names)
            elif "ui" in names[:-1]:
                self._checkUi(node, names[names.index("ui") + 1 :])
        self.generic_visit(node)

    def _checkQt(self, node, names):
        if names[1] not in api_names.QT:
            self._say(node, f"qt.{names[1]} is not in the list")
        elif len(names) > 2 and not hasattr(getattr(qt, names[1]), names[2]):
            self._say(node, f"qt.{names[1]} has no {names[2]}")

    def _checkSlicer(self, node, names):
        lists = {"app": api_names.APP, "util": api_names.UTIL}
        if names[1].startswith("vtk"):
            if not hasattr(slicer, names[1]):
                self._say(node, f"slicer.{names[1]} does not exist")
        elif names[1] not in api_names.SLICER:
            self._say(node, f"slicer.{names[1]} is not in the list")
        elif len(names) > 2 and names[1] in lists and names[2] not in lists[names[1]]:
            self._say(node, f"slicer.{names[1]}.{names[2]} is not in the list")

    def _checkUi(self, node, names):
        if self._widgets is None:
            return
        cls = self._widgets.get(names[0])
        if cls is None:
            self._say(node, f"the .ui file has no {names[0]}")
        elif len(names) == 2 and not hasMember(cls, names[1]):
            self._say(node, f"{cls.__name__} {names[0]} has no {names[1]}")

    def visit_ClassDef(self, node):
        for names in filter(None, map(dotted, node.bases)):
            if names[0] in ("qt", "ctk") or (names[0] == "slicer" and names[-1].startswith("q")):
                self._say(node, f"{node.name} derives from {'.'.join(names)}: what it overrides is not checked here")
        self.generic_visit(node)

    def visit_Call(self, node):
        names = dotted(node.func) or []
        if names in (["bytes"], ["str"]) and node.args and isinstance(node.args[0], ast.Call):
            if (dotted(node.args[0].func) or [""])[-1].startswith("readAll"):
                self._say(node, "a QByteArray has no bytes() in PythonQt: use .data().decode('utf-8', 'replace')")
        if names[:1] == ["isinstance"] and len(node.args) == 2:
            self._checkIsInstance(node)
        if node.keywords and (names[:1] in (["qt"], ["ctk"]) or "ui" in names[:-1]):
            self._say(node, f"{'.'.join(names)}: PythonQt takes no keyword arguments")
        if names[-1:] in (["connect"], ["disconnect"]):
            self._checkConnect(node, names)
        if "ui" in names[:-1] and self._widgets:
            self._checkCall(node, names[names.index("ui") + 1 :])
        self.generic_visit(node)

    def _checkIsInstance(self, node):
        kinds = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
        for names in filter(None, map(dotted, kinds)):
            if names[0] in ("qt", "ctk") or (names[0] == "slicer" and names[-1].startswith("q")):
                self._say(node, f"isinstance with {'.'.join(names)} is False for subclasses: use w.inherits('...')")

    def _checkConnect(self, node, names):
        signal = node.args[0] if node.args else None
        if not isinstance(signal, ast.Constant) or not isinstance(signal.value, str):
            return
        if "(" not in signal.value:
            self._say(node, f"{signal.value!r}: write the signal with its arguments, as in 'clicked()'")
            return
        widget = names[names.index("ui") + 1] if "ui" in names[:-1] else None
        cls = (self._widgets or {}).get(widget)
        if cls is not None and normalized(signal.value) not in signalsOf(cls):
            self._say(node, f"{cls.__name__} {widget} has no signal {signal.value}")

    def _checkCall(self, node, names):
        cls = self._widgets.get(names[0]) if len(names) == 2 else None
        if cls is not None and isProperty(cls, names[1]):
            self._say(node, f"{names[0]}.{names[1]} is a property: no brackets")


def isProperty(cls, name) -> bool:
    return name == "name" or name in facts.ofClass(cls).properties


def signalsOf(cls) -> set[str]:
    """Every signal signature of the class, as PythonQt shows it."""
    return {*facts.ofClass(cls).signals, *getattr(cls, "_vtkSignals", {})}


def hasMember(cls, name) -> bool:
    """Whether Slicer's Python sees that name on an object of the class."""
    if name.startswith("_"):
        return False
    if isProperty(cls, name) or name in ("className", "delete", "connect", "disconnect"):
        return True
    found = getattr(cls, name, None)
    return isinstance(found, (SignalAttribute, PropertyAttribute)) or callable(found)
