"""``qt.QUiLoader`` that knows the stand-ins and refuses what Slicer's Qt would pass over in silence."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

from . import core
from .failures import StageError
from .pythonqt import facts, signals
from .standins import CLASSES


def classOf(name: str) -> type:
    """The class a .ui file names: a stand-in or one of Qt's widgets."""
    found = CLASSES.get(name) or getattr(QtWidgets, name, None) or getattr(QtGui, name, None)
    if found is None and name in ("Line", "Spacer"):
        return QtWidgets.QFrame
    if found is None:
        raise StageError(f"{name} has no stand-in: write one in Testing/stage/gui/standins, or use another widget")
    return found


class QUiLoader(QtUiTools.QUiLoader):
    def load(self, device, parent=None):
        tree = ElementTree.fromstring(bytes(device.readAll()))
        later = list(_checked(tree))
        connections = tree.find("connections")
        if connections is not None:
            tree.remove(connections)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(tree))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        self._made = []  # keeps the Python halves alive until the tree is complete
        widget = super().load(buffer, parent)
        if widget is None:
            raise StageError(self.errorString())
        for name, attribute, value in later:
            setattr(_named(widget, name), attribute, value)
        for connection in connections if connections is not None else ():
            _connect(widget, connection)
        for one in (widget, *widget.findChildren(QtWidgets.QWidget)):
            core.wrapToolTip(one)
        return widget

    def createWidget(self, className, parent=None, name=""):
        if className not in CLASSES:
            return super().createWidget(className, parent, name)
        widget = CLASSES[className](parent)
        widget.name = name
        self._made.append(widget)
        return widget


def _checked(tree):
    """Checks classes and properties; takes the stand-ins' enums out and yields them as (name, property, value)."""
    names = {element.get("name") for element in tree.iter("widget")}
    for element in tree.iter("widget"):
        cls = classOf(element.get("class"))
        known = facts.ofClass(cls).properties
        for item in list(element.findall("property")):
            name = item.get("name")
            if name not in known and (item.get("stdset") == "0" or element.get("class") == "Line"):
                continue
            if name == "buddy" and issubclass(cls, QtWidgets.QLabel):  # no property of QLabel's: the loader knows it
                if item[0].text not in names:
                    raise StageError(f"{element.get('name')} is a label for {item[0].text}, which is not there")
                continue
            if name not in known:
                raise StageError(f"{element.get('class')} {element.get('name')} has no property {name}")
            value = item[0]
            if cls.__name__ in CLASSES and value.tag in ("enum", "set") and known[name].typeName == "int":
                element.remove(item)
                yield element.get("name"), name, _enumValue(cls, value.text)


def _enumValue(cls, text: str) -> int:
    total = 0
    for word in text.split("|"):
        *scope, word = word.split("::")
        own = getattr(cls, "_enums", {})
        owner = getattr(QtCore, scope[0], None) or getattr(QtWidgets, scope[0], None) if scope else None
        if word in own:
            total |= own[word]
        elif hasattr(owner, word):
            total |= int(getattr(owner, word))
        else:
            raise StageError(f"{cls.__name__} has no value {text}")
    return total


def _named(top, name):
    if top.objectName == name:
        return top
    found = [child for child in top.findChildren(QtCore.QObject) if child.objectName == name]
    if not found:
        raise StageError(f"the .ui file connects {name}, which it does not contain")
    return found[0]


def _connect(top, connection):
    """Wires one <connection> in Python, because Qt does not know the stand-ins' slots."""
    words = {part.tag: part.text for part in connection if part.tag != "hints"}
    sender, receiver = _named(top, words["sender"]), _named(top, words["receiver"])
    signal, slot = signals.normalized(words["signal"]), signals.normalized(words["slot"])
    if slot not in getattr(type(receiver), "_slots", ()) and slot not in facts.ofObject(receiver).methods:
        raise StageError(f"{receiver.className()} {receiver.name} has no slot {slot}")
    given, taken = _types(signal), _types(slot)
    if given[: len(taken)] != taken:
        raise StageError(f"{signal} does not fit {slot}")
    function = getattr(receiver, slot.split("(")[0])
    sender.connect(signal, lambda *values: function(*values[: len(taken)]))


def _types(signature):
    return [word for word in signature[signature.index("(") + 1 : -1].split(",") if word]
