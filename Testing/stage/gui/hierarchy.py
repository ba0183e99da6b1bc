"""Subject-hierarchy plugins: what a scripted plugin meets in Slicer, and the menu of a right click on an item.

As in Slicer's qSlicerSubjectHierarchyScriptedPlugin: the file is loaded as a module of its own name, the class is
called as the file (with "SubjectHierarchyPlugin" at its end), gets the plugin, and registers it; a method it lacks is
the default.  Segments' items, which Slicer's own plugin makes, are made by :func:`addSegmentItems`.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

from PySide6 import QtCore

import slicer

from .standins.base import standIn


@standIn("setPythonSource(QString)", "self()")
class qSlicerSubjectHierarchyScriptedPlugin(QtCore.QObject):
    def __init__(self, parent=None):
        super().__init__(parent)
        self._python = None

    def setPythonSource(self, path):
        if not str(path).endswith((".py", ".pyc")):
            return False
        name = Path(path).stem
        wanted = name if name.endswith("SubjectHierarchyPlugin") else f"{name}SubjectHierarchyPlugin"
        if not hasattr(sys.modules.get(name), wanted):  # a second plugin of the file gets the class that is there
            spec = importlib.util.spec_from_file_location(name, path)
            sys.modules[name] = module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        self._python = getattr(sys.modules[name], wanted)(self)
        setattr(slicer, wanted, self._python)
        return True

    def self(self):
        return self._python


@standIn("registerPlugin(QObject*)", "currentItem()", "setCurrentItem(int)")
class PluginHandler(QtCore.QObject):
    """Only one; a plugin whose name is taken is refused."""

    def __init__(self):
        super().__init__()
        self._plugins, self._current = [], 0

    def registerPlugin(self, plugin):
        if plugin.name in [one.name for one in self._plugins]:
            return False
        self._plugins.append(plugin)
        return True

    def currentItem(self):
        return self._current

    def setCurrentItem(self, item):
        self._current = item


class qSlicerSubjectHierarchyPluginHandler:
    _only = None

    @classmethod
    def instance(cls):
        if cls._only is None:
            cls._only = PluginHandler()
        return cls._only


class AbstractScriptedSubjectHierarchyPlugin:
    def __init__(self, scriptedPlugin):
        self.scriptedPlugin = scriptedPlugin
        slicer.qSlicerSubjectHierarchyPluginHandler.instance().registerPlugin(scriptedPlugin)


def inject():
    """Puts the classes where Slicer's Python has them."""
    slicer.qSlicerSubjectHierarchyScriptedPlugin = qSlicerSubjectHierarchyScriptedPlugin
    slicer.qSlicerSubjectHierarchyPluginHandler = qSlicerSubjectHierarchyPluginHandler
    module = types.ModuleType("AbstractScriptedSubjectHierarchyPlugin")
    module.AbstractScriptedSubjectHierarchyPlugin = AbstractScriptedSubjectHierarchyPlugin
    sys.modules[module.__name__] = module


def menuOf(item):
    """{text: action} that a right click on an item shows: all actions are hidden, then each plugin shows its own."""
    handler = slicer.qSlicerSubjectHierarchyPluginHandler.instance()
    handler.setCurrentItem(item)
    shown = {}
    for plugin in handler._plugins:
        python = plugin.self()
        actions = python.itemContextMenuActions() if hasattr(python, "itemContextMenuActions") else []
        for action in actions:
            action.visible = False
        if hasattr(python, "showContextMenuActionsForItem"):
            python.showContextMenuActionsForItem(item)
        shown |= {action.text: action for action in actions if action.visible}
    return shown


def addSegmentItems(segmentationNode):
    """{segment id: item} below the segmentation's item, as Slicer's Segmentations plugin makes them."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    parent = tree.GetItemByDataNode(segmentationNode)
    parent = parent or tree.CreateItem(tree.GetSceneItemID(), segmentationNode)
    found = {}
    for segmentId in segmentationNode.GetSegmentation().GetSegmentIDs():
        name = segmentationNode.GetSegmentation().GetSegment(segmentId).GetName()
        found[segmentId] = tree.CreateHierarchyItem(parent, name, "Virtual")
        tree.SetItemAttribute(found[segmentId], segmentationNode.GetSegmentIDAttributeName(), segmentId)
    return found
