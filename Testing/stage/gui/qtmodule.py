"""The modules ``qt`` and ``ctk`` as Slicer's Python has them."""

from __future__ import annotations

import types

from PySide6 import QtCore, QtGui, QtWidgets

from . import standins
from .uifile import QUiLoader


class StrictModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"{self.__name__}.{name} is not on the stage")


def makeQt() -> types.ModuleType:
    """One flat module; PySide's own helpers (Signal, Slot, Property) are not in it."""
    module = StrictModule("qt", "PySide6 through a PythonQt-like layer; not Slicer's qt.")
    for source in (QtCore, QtGui, QtWidgets):
        for name in dir(source):
            if name.startswith("Q") and isinstance(getattr(source, name), type):
                setattr(module, name, getattr(source, name))
    module.QUiLoader = QUiLoader
    module.Qt = QtCore.Qt
    return module


def makeCtk() -> types.ModuleType:
    module = StrictModule("ctk", "Stand-ins for the ctk widgets our panel uses.")
    for name, cls in standins.CLASSES.items():
        if name.startswith("ctk"):
            setattr(module, name, cls)
    return module
