"""Properties are attributes; what a C++ object does not have cannot be read or assigned."""

from __future__ import annotations

from PySide6 import QtCore

from . import facts, signals
from .values import toProperty, toPythonQt

QObject = QtCore.QObject
_rawProperty, _rawSetProperty = QObject.property, QObject.setProperty
_reading: set = set()
_standIns: set[type] = set()


class PropertyAttribute:
    """A Q_PROPERTY of one class; on the class itself the method of that name stays (``QTimer.singleShot``)."""

    def __init__(self, name, method):
        self.name, self.method = name, method

    def __get__(self, instance, owner=None):
        if instance is None:
            return self if self.method is None else self.method.__get__(None, owner)
        # C++ asks for Python's version of virtual getters (sizeHint) by this name: that question must find none
        key = (id(instance), self.name)
        if key in _reading:
            return None
        _reading.add(key)
        try:
            return toPythonQt(_rawProperty(instance, self.name))
        finally:
            _reading.discard(key)

    def __set__(self, instance, value):
        assignProperty(instance, self.name, value)


def assignProperty(instance, name, value):
    """Converts to the property's type and assigns; AttributeError if it is read-only or the value does not fit."""
    info = facts.ofObject(instance).properties[name]
    what = f"{type(instance).__name__}.{name}"
    if not info.writable:
        raise AttributeError(f"{what} is read-only")
    value = toProperty(value, info.typeName, info.isEnum, what)
    if not _rawSetProperty(instance, name, value):
        raise AttributeError(f"{what} is a {info.typeName}: {value!r} cannot be assigned")


def isCpp(cls) -> bool:
    """Whether the class stands for a C++ class: PySide's own and our stand-ins; Python subclasses of them do not."""
    return cls.__module__.split(".")[0] == "PySide6" or cls in _standIns


def registerStandIn(cls):
    _standIns.add(cls)


def _lookup(cls, name):
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def _setAttribute(self, name, value):
    if name == "name":
        name = "objectName"
    cls = type(self)
    found = _lookup(cls, name)
    if isinstance(found, QtCore.Property):  # a stand-in's own property
        assignProperty(self, name, value)
    elif hasattr(type(found), "__set__"):
        found.__set__(self, value)
    elif not isCpp(cls) or (cls in _standIns and name.startswith("_")):
        self.__dict__[name] = value
    elif name.encode() in [bytes(known) for known in self.dynamicPropertyNames()]:
        _rawSetProperty(self, name, value)
    else:
        kind = "is a method" if found is not None else "does not exist"
        raise AttributeError(f"{cls.__name__}.{name} {kind}: it cannot be assigned")


def _getAttributeOver(raw):
    """PySide looks up functions that are static and not (QFile.exists, QObject.connect) in its own way: ``raw``."""

    def getAttribute(self, name):
        if name == "connect":
            return lambda *words: signals.connect(self, *words)
        if name == "disconnect":
            return lambda *words: signals.disconnect(self, *words)
        value = raw(self, name)
        if isinstance(value, QtCore.Property):  # PySide's answer where a stand-in's getter raises
            raise RuntimeError(f"{type(self).__name__}.{name}: the object is already deleted")
        return value

    return getAttribute


def _getMissing(self, name):
    if name == "name":
        return self.objectName
    if not name.startswith("__"):
        if name.encode() in [bytes(known) for known in self.dynamicPropertyNames()]:
            return toPythonQt(_rawProperty(self, name))
        for child in QObject.children(self):
            if child.objectName == name:
                return child
    raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


def apply(classes):
    for cls in classes:
        known = facts.ofClass(cls)
        for name in known.properties:
            if name in known.own or name in vars(cls):
                method = vars(cls).get(name)
                setattr(cls, name, PropertyAttribute(name, None if isinstance(method, PropertyAttribute) else method))
    for cls in classes:
        cls.__setattr__ = _setAttribute
        if "__getattribute__" in vars(cls):
            cls.__getattribute__ = _getAttributeOver(cls.__getattribute__)
    QObject.__getattr__ = _getMissing
