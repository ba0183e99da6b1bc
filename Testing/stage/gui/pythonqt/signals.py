"""Signals: ``w.connect("clicked()", f)``, ``w.clicked.connect(f)``, ``w.clicked.emit()``.

A slot gets as many arguments as it has parameters (defaults count); what it raises is collected and the sender goes
on.  A signature that the sender does not have raises :class:`StageError`; PythonQt would return False.
"""

from __future__ import annotations

import inspect
import sys

import shiboken6
from PySide6 import QtCore

from .. import failures
from ..failures import StageError
from . import facts
from .values import toPythonQt

_rawConnect = QtCore.QObject.connect
_rawDisconnect = QtCore.QObject.disconnect
_connections: dict[int, list] = {}  # address of the sender -> [(signature, receiver, connection)]


def normalized(signature: str) -> str:
    return QtCore.QMetaObject.normalizedSignature(signature).data().decode()


def signatures(sender) -> list[str]:
    """Every signal signature of the object as PythonQt shows it, base classes first."""
    # a stand-in carries a VTK object as PyObject and shows its C++ type
    shown = {own: text for text, own in getattr(type(sender), "_vtkSignals", {}).items()}
    return [shown.get(text, text) for text in facts.ofObject(sender).signals]


def resolve(sender, signature: str) -> str:
    """The signature as this process's Qt knows it."""
    if not isinstance(signature, str) or "(" not in signature:
        raise StageError(f"{signature!r}: write the signal with its arguments, as in 'clicked()'")
    signature = normalized(signature)
    if signature not in signatures(sender):
        similar = [known for known in signatures(sender) if known.split("(")[0] == signature.split("(")[0]]
        hint = f"; it has {', '.join(similar)}" if similar else ""
        raise StageError(f"{sender.className()} has no signal {signature}{hint}")
    return getattr(type(sender), "_vtkSignals", {}).get(signature, signature)


def acceptedCount(receiver) -> int | None:
    """How many positional parameters PythonQt counts; None passes everything."""
    code = getattr(getattr(receiver, "__func__", receiver), "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARARGS:
        return None
    return code.co_argcount - (1 if inspect.ismethod(receiver) else 0)


def connect(sender, signature, *receiver) -> bool:
    """``sender.connect("signal()", callable)`` or ``sender.connect("signal()", object, "slot()")``."""
    if isinstance(signature, QtCore.QObject):  # PySide's own QTimer.singleShot calls its own form of connect
        return _rawConnect(signature, *receiver)
    own = resolve(sender, signature)
    if len(receiver) == 2:
        target, slot = receiver
        if normalized(slot) not in facts.ofObject(target).methods:
            raise StageError(f"{target.className()} has no slot {slot}")
        return bool(_rawConnect(sender, QtCore.SIGNAL(own), target, QtCore.SLOT(slot)))
    (function,) = receiver
    if isinstance(function, BoundSignal) or not callable(function):
        raise StageError(f"{signature} cannot be connected to {function!r}")
    count = acceptedCount(function)

    def relay(*values):
        try:
            function(*[toPythonQt(value) for value in values[:count]])
        except Exception:
            failures.record(*sys.exc_info())

    connection = _rawConnect(sender, QtCore.SIGNAL(own), relay)
    _listOf(sender).append((own, function, connection))
    return True


def disconnect(sender, signature, function=None) -> bool:
    """Ends the connections of the signal to the function (to all if there is none); False if there was none."""
    own = resolve(sender, signature)
    kept, gone = [], []
    for entry in _listOf(sender):
        (gone if entry[0] == own and function in (None, entry[1]) else kept).append(entry)
    for _own, _function, connection in gone:
        _rawDisconnect(connection)
    _listOf(sender)[:] = kept
    return bool(gone)


def _listOf(sender) -> list:
    address = shiboken6.getCppPointer(sender)[0]
    if address not in _connections:
        _connections[address] = []
        _rawConnect(sender, QtCore.SIGNAL("destroyed()"), lambda: _connections.pop(address, None))
    return _connections[address]


class BoundSignal:
    """``w.clicked``: the first overload of a signal of one object."""

    def __init__(self, sender, name, raw):
        self._sender, self._name, self._raw = sender, name, raw

    def _overloads(self) -> list[str]:
        return [known for known in signatures(self._sender) if known.split("(")[0] == self._name]

    def connect(self, function) -> bool:
        return connect(self._sender, self._overloads()[0], function)

    def disconnect(self, function=None) -> bool:
        return disconnect(self._sender, self._overloads()[0], function)

    def emit(self, *values):
        emit(self._sender, self._name, self._raw, self._overloads()[0], values)

    __call__ = emit

    def __repr__(self):
        return f"<signal {self._overloads()[0]} of {self._sender.className()}>"


def emit(sender, name, raw, signature, values):
    """Emits one overload; too few values raise TypeError, as in PythonQt."""
    instance = raw.__get__(sender, type(sender))
    types = resolve(sender, signature)[len(name) + 1 : -1]
    if len(values) < len([word for word in types.split(",") if word]):
        # a default argument (clicked(bool checked = false)) is a second overload with fewer arguments
        types = ",".join(types.split(",")[: len(values)])
        if f"{name}({types})" not in signatures(sender):
            raise TypeError(f"{signature} needs more than {len(values)} values")
    instance = instance[object] if types == "PyObject" else instance[types]
    instance.emit(*values)


class SignalAttribute:
    """Stands on a class where PySide has its Signal; a data descriptor, so that PySide's own instance copies lose."""

    def __init__(self, name, raw):
        self.name, self.raw = name, raw

    def __get__(self, sender, owner=None):
        return self if sender is None else BoundSignal(sender, self.name, self.raw)

    def __set__(self, sender, value):
        if not isinstance(value, QtCore.SignalInstance):  # PySide itself sets those while it makes the object
            raise AttributeError(f"{self.name} is a signal: connect to it")


def replaceSignals(owner):
    """Puts a SignalAttribute where the class itself declares a signal."""
    for name, value in list(vars(owner).items()):
        if isinstance(value, QtCore.Signal):
            setattr(owner, name, SignalAttribute(name, value))


def apply(classes):
    for owner in classes:
        replaceSignals(owner)
