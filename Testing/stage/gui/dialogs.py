"""Dialogs that wait for a user would wait for ever: here they end, and the test hears of it."""

from __future__ import annotations

import sys
from functools import cache

import shiboken6
from PySide6 import QtCore, QtWidgets

from . import failures
from .failures import StageError

PATIENCE_MS = 3000
_DEFERRED = int(QtCore.QEvent.Type.DeferredDelete)
_leaving: set[int] = set()
_QUESTIONS = {
    QtWidgets.QMessageBox: ("question", "information", "warning", "critical"),
    QtWidgets.QFileDialog: ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"),
    QtWidgets.QInputDialog: ("getText", "getItem", "getInt", "getDouble", "getMultiLineText"),
}


@cache
def apply():
    """Static questions raise (replace them with monkeypatch); ``exec_`` gives up after PATIENCE_MS.

    A test answers an ``exec_`` by a ``QTimer.singleShot`` that clicks the dialog's button.
    """
    for cls, names in _QUESTIONS.items():
        for name in names:
            setattr(cls, name, staticmethod(_refusal(f"{cls.__name__}.{name}")))
    QtWidgets.QDialog.deleteLater = _afterExec
    for cls in (QtWidgets.QDialog, QtWidgets.QMessageBox, QtWidgets.QFileDialog, QtWidgets.QInputDialog):
        cls.exec = cls.exec_ = _impatient(cls.exec)


def _refusal(what):
    def ask(*words):
        raise StageError(f"{what} asked the user, and nobody is there: replace it in the test (monkeypatch)")

    return ask


def _afterExec(self):
    """Said before ``exec_`` it comes true after it, as where an event loop runs from the start (in Slicer)."""
    _leaving.add(id(self))
    QtCore.QObject.deleteLater(self)


def _impatient(raw):
    def execute(self):
        goes = id(self) in _leaving
        if goes:
            _leaving.remove(id(self))
            QtCore.QCoreApplication.removePostedEvents(self, _DEFERRED)
        watch = QtCore.QTimer(self)
        watch.setSingleShot(True)
        watch.timeout.connect(lambda: _giveUp(self))
        watch.start(PATIENCE_MS)
        try:
            return int(raw(self))
        finally:
            watch.stop()
            if goes:
                shiboken6.delete(self)  # Qt posts the event only once

    return execute


def _giveUp(dialog):
    try:
        raise StageError(f"{dialog.className()} '{dialog.windowTitle}' waited for a user for {PATIENCE_MS} ms")
    except StageError:
        failures.record(*sys.exc_info())
    dialog.reject()
