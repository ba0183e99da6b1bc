"""Methods that PythonQt has in another form than PySide, or has on top."""

from __future__ import annotations

import shiboken6
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

from .values import toPythonQt

QObject = QtCore.QObject
_rawFindChild, _rawFindChildren = QObject.findChild, QObject.findChildren

#: methods whose lists PythonQt hands out as tuples
_LISTS = {
    QObject: ("children", "dynamicPropertyNames", "property"),
    QtWidgets.QWidget: ("actions",),
    QtWidgets.QFileDialog: ("selectedFiles", "nameFilters"),
    QtWidgets.QListWidget: ("selectedItems", "findItems"),
    QtWidgets.QTableWidget: ("selectedItems", "findItems", "selectedRanges"),
    QtWidgets.QTreeWidget: ("selectedItems", "findItems"),
    QtWidgets.QButtonGroup: ("buttons",),
    QtWidgets.QMessageBox: ("buttons",),
    QtCore.QItemSelectionModel: ("selectedRows", "selectedIndexes"),
    QtCore.QSettings: ("value", "allKeys", "childKeys", "childGroups"),
    QtCore.QProcess: ("arguments",),
}


def qobjectClasses() -> list[type]:
    """Every QObject class of the modules that ``qt`` shows, base classes first."""
    found = set()
    for module in (QtCore, QtGui, QtWidgets, QtUiTools):
        for name in dir(module):
            value = getattr(module, name)
            if isinstance(value, type) and issubclass(value, QObject):
                found.add(value)
    return sorted(found, key=lambda cls: len(cls.__mro__))


def _asTuple(cls, name):
    raw = getattr(cls, name)

    def method(self, *words):
        return toPythonQt(raw(self, *words))

    method.__name__ = name
    setattr(cls, name, method)


def _matches(kind):
    if isinstance(kind, str):
        return lambda child: child.inherits(kind)
    if isinstance(kind, type):
        return lambda child: isinstance(child, kind)
    raise TypeError(f"findChild needs a class or the name of one, not {kind!r}")


def _findChildren(self, kind, name=None):
    fits = _matches(kind)
    return tuple(c for c in _rawFindChildren(self, QObject) if fits(c) and name in (None, c.objectName))


def _findChild(self, kind, name=None):
    found = _findChildren(self, kind, name)
    return found[0] if found else None


def apply():
    for cls, names in _LISTS.items():
        for name in names:
            _asTuple(cls, name)
    QObject.findChild, QObject.findChildren = _findChild, _findChildren
    QObject.className = lambda self: self.metaObject().className()
    QObject.delete = lambda self: shiboken6.delete(self)
    for cls in (QtWidgets.QDialog, QtWidgets.QMenu, QtCore.QEventLoop, QtCore.QProcess):
        if hasattr(cls, "exec"):
            cls.exec_ = cls.exec
