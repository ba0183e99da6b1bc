"""Loads a scripted module file as Slicer does and opens its panel."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import slicer

from . import events
from .slicerapp import ModuleParent
from .standins import qSlicerScriptedLoadableModuleWidget

_open: list = []


class LoadedModule:
    """A scripted module.

    ``module``: the Python module; ``instance``: the object of its first class; ``widget()``, ``logic()`` as in
    Slicer; ``enter()`` and ``exit()`` as if the user came and went; ``close()`` as when the module is unloaded;
    ``quit()`` as when Slicer ends.
    """

    def __init__(self, path):
        self.path = str(Path(path).resolve())
        self.name = Path(path).stem
        folder = str(Path(self.path).parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        spec = importlib.util.spec_from_file_location(self.name, self.path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.name] = module
        spec.loader.exec_module(module)
        self.parent = ModuleParent(self.path)
        self.instance = getattr(module, self.name)(self.parent)
        self._container, self._logic = None, None
        setattr(slicer.modules, self.name.lower(), self)
        setattr(slicer.modules, self.name + "Instance", self.instance)
        slicer.app.moduleManager()._modules[self.name] = self
        slicer.app.startupCompleted.emit()
        slicer.app.disconnect("startupCompleted()")  # Slicer starts once; the next module's start is not this one's
        _open.append(self)

    @property
    def module(self):
        """The Python module (another one after a reload)."""
        return sys.modules[self.name]

    def widgetRepresentation(self):
        """The container; made with the panel on the first call, not yet entered."""
        if self._container is None:
            self._container = qSlicerScriptedLoadableModuleWidget()
            self._container.name = f"{self.name}ModuleWidget"
            self._container.setMRMLScene(slicer.mrmlScene)
            self._container._factory = self._makeWidget
            self._container.reload()
        return self._container

    def _makeWidget(self):
        widget = getattr(self.module, self.name + "Widget")(self._container)
        setattr(slicer.modules, self.name + "Widget", widget)
        return widget

    def widget(self):
        """The object of the module's Widget class; on the first call it is set up, shown and entered."""
        if self._container is None:
            self.widgetRepresentation().show()
            self.enter()
        return self._container.self()

    def logic(self):
        """An object of the module's Logic class."""
        if self._logic is None:
            self._logic = getattr(self.module, self.name + "Logic")()
        return self._logic

    def enter(self):
        self._container.enter()

    def exit(self):
        self._container.exit()

    def runTest(self):
        """Runs the module's own self-test, ``<Module>Test``."""
        self.instance.runTest()

    def quit(self):
        """As when the user quits Slicer: ``aboutToQuit()``, then every module is unloaded."""
        slicer.app.aboutToQuit.emit()
        self.close()

    def close(self):
        """Leaves and unloads the module; its ``cleanup`` is called and its widgets are deleted."""
        if self not in _open:
            return
        _open.remove(self)
        if self._container is not None:
            if self._container.isEntered:
                self.exit()
            slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(self.name)
            self._container._python = self._container._factory = None
            self._container.hide()
            self._container.deleteLater()
            self._container = None
        self._logic = None
        for name in (self.name.lower(), self.name + "Widget", self.name + "Instance"):
            slicer.modules.__dict__.pop(name, None)
        slicer.app.moduleManager()._modules.pop(self.name, None)
        sys.modules.pop(self.name, None)
        events.deleteLater()


def closeModules():
    """Closes every module that is still open."""
    for loaded in list(_open):
        loaded.close()


def loadModule(path) -> LoadedModule:
    """Loads a module file as it lies on disk; nothing in it is changed."""
    return LoadedModule(path)
