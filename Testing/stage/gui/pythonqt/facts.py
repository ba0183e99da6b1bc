"""What Qt's meta objects say about a class, kept in Python.

Asked once and early: PySide lets go of a meta object when one of the objects it was asked through dies.
"""

from __future__ import annotations

from typing import NamedTuple

from PySide6 import QtCore

_SIGNAL = QtCore.QMetaMethod.MethodType.Signal


class Property(NamedTuple):
    typeName: str
    writable: bool
    isEnum: bool


class Facts(NamedTuple):
    properties: dict[str, Property]
    own: frozenset[str]  # names of the properties that the class itself declares
    signals: tuple[str, ...]
    methods: frozenset[str]


_known: dict[str, Facts] = {}


def _read(meta) -> Facts:
    properties, own = {}, set()
    for index in range(meta.propertyCount()):
        found = meta.property(index)
        isEnum = found.isEnumType() or found.isFlagType()
        properties[found.name()] = Property(found.typeName(), found.isWritable(), isEnum)
        if index >= meta.propertyOffset():
            own.add(found.name())
    methods = [meta.method(index) for index in range(meta.methodCount())]
    texts = [(method.methodSignature().data().decode(), method.methodType()) for method in methods]
    signals = tuple(text for text, kind in texts if kind == _SIGNAL)
    return Facts(properties, frozenset(own), signals, frozenset(text for text, _kind in texts))


def ofClass(cls) -> Facts:
    """Facts of a class of PySide or a stand-in."""
    if cls.__name__ not in _known:
        _known[cls.__name__] = _read(cls.staticMetaObject)
    return _known[cls.__name__]


def ofObject(instance) -> Facts:
    """Facts of an object's real C++ class, which PySide's class for it may be a base of."""
    meta = instance.metaObject()
    name = meta.className()
    return _known[name] if name in _known else _read(meta)
