"""Dialogs that wait for a user would wait for ever: here they end, and the test hears of it."""

from __future__ import annotations

import sys
from functools import cache

from PySide6 import QtCore, QtWidgets

from . import failures
from .failures import StageError

PATIENCE_MS = 3000
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
    for cls in (QtWidgets.QDialog, QtWidgets.QMessageBox, QtWidgets.QFileDialog, QtWidgets.QInputDialog):
        cls.exec = cls.exec_ = _impatient(cls.exec)


def _refusal(what):
    def ask(*words):
        raise StageError(f"{what} asked the user, and nobody is there: replace it in the test (monkeypatch)")

    return ask


def _impatient(raw):
    def execute(self):
        watch = QtCore.QTimer(self)
        watch.setSingleShot(True)
        watch.timeout.connect(lambda: _giveUp(self))
        watch.start(PATIENCE_MS)
        try:
            return int(raw(self))
        finally:
            watch.stop()

    return execute


def _giveUp(dialog):
    try:
        raise StageError(f"{dialog.className()} '{dialog.windowTitle}' waited for a user for {PATIENCE_MS} ms")
    except StageError:
        failures.record(*sys.exc_info())
    dialog.reject()
