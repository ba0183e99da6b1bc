"""What all stand-ins share: how they are declared, and VTK observers that do not keep them alive."""

from __future__ import annotations

import weakref

import shiboken6
from PySide6 import QtCore

from ..pythonqt import attributes, facts, signals

CLASSES: dict[str, type] = {}  # every class that a .ui file may name beside Qt's own


def standIn(*slots: str, vtkSignals: tuple[str, ...] = ()):
    """Declares a class as a stand-in for the C++ class of its name.

    ``slots``: signatures that a .ui file may connect to.  ``vtkSignals``: signals whose argument is a VTK object; Qt
    carries it as PyObject here.
    """

    def declare(cls):
        known = {signature: _withoutVtk(signature) for signature in vtkSignals}
        cls._vtkSignals = {**getattr(cls, "_vtkSignals", {}), **known}
        cls._slots = (*getattr(cls, "_slots", ()), *slots)
        facts.ofClass(cls)
        signals.replaceSignals(cls)
        attributes.registerStandIn(cls)
        CLASSES[cls.__name__] = cls
        return cls

    return declare


def _withoutVtk(signature):
    name, types = signature.rstrip(")").split("(")
    return f"{name}({','.join('PyObject' if word.startswith('vtk') else word for word in types.split(','))})"


def stored(kind, name, default):
    """A property that is remembered; the stand-in's ``_changed(name)`` is called when it gets another value."""

    def read(self):
        return self.__dict__.get("_" + name, default)

    def write(self, value):
        if kind == "QStringList":
            value = tuple(value)
        if value != read(self):
            self.__dict__["_" + name] = value
            self._changed(name)

    return QtCore.Property(kind, read, write)


def passed(kind, inner, name):
    """A property that is the one of an inner widget."""

    def write(self, value):
        setattr(getattr(self, inner), name, value)

    return QtCore.Property(kind, lambda self: getattr(getattr(self, inner), name), write)


def send(sender, signature: str, *values):
    """Emits one overload of a stand-in's signal, named as in its header."""
    name = signature.split("(")[0]
    raw = getattr(type(sender), name).raw
    signals.emit(sender, name, raw, signature, values)


class Observer:
    """VTK observers for a widget: they end with it and never keep it alive."""

    def __init__(self, widget, callback):
        self._widget, self._callback, self._tags = weakref.ref(widget), callback, []
        address = self._tags
        widget.destroyed.connect(lambda: _removeAll(address))

    def watch(self, caller, *events):
        """Observes another object instead of the former one (None: nothing)."""
        _removeAll(self._tags)
        if caller is not None:
            self._tags.extend((caller, caller.AddObserver(event, self._called)) for event in events)

    def _called(self, caller, event):
        widget = self._widget()
        if widget is not None and shiboken6.isValid(widget):
            getattr(widget, self._callback)()


def _removeAll(tags):
    while tags:
        caller, tag = tags.pop()
        caller.RemoveObserver(tag)
