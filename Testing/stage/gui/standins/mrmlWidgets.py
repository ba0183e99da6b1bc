"""qMRMLWidget and the container that Slicer's module panel gives to a scripted module."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from .base import send, standIn


@standIn("setMRMLScene(vtkMRMLScene*)", vtkSignals=("mrmlSceneChanged(vtkMRMLScene*)",))
class qMRMLWidget(QtWidgets.QWidget):
    mrmlSceneChanged = QtCore.Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        if scene is not self._scene:
            self._scene = scene
            send(self, "mrmlSceneChanged(vtkMRMLScene*)", scene)


@standIn()
class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """What a Widget class gets as ``parent``: it calls the Python class's ``setup``, ``enter`` and ``exit``."""

    isEntered = QtCore.Property(bool, lambda self: self._entered)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._entered, self._python, self._factory = False, None, None
        self.setLayout(QtWidgets.QVBoxLayout())

    def self(self):
        return self._python

    def enter(self):
        self._entered = True
        if hasattr(self._python, "enter"):
            self._python.enter()

    def exit(self):
        self._entered = False
        if hasattr(self._python, "exit"):
            self._python.exit()

    def reload(self):
        self._python = self._factory()
        self._python.setup()
