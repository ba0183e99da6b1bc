"""What Slicer's application core does behind a module's back, so that a module that does not expect it fails here too.

Seen in Slicer's sources and in a build of its core:

tooltips   ctkToolTipTrapper (installed by qSlicerApplication) replaces every plain tooltip of a widget by rich text as
           soon as it is set; those of list and combo box entries it does not see.
timers     slicerqt.py replaces QTimer.singleShot: each call makes a child of the module manager that nobody deletes.
"""

from __future__ import annotations

from functools import cache

from PySide6 import QtCore, QtGui, QtWidgets

import slicer

from .pythonqt import signals
from .pythonqt.attributes import PropertyAttribute

_Qt = QtGui.Qt


@cache
def apply():
    """Once for each process, after pythonqt.apply()."""
    kept = vars(QtWidgets.QWidget)["toolTip"]
    QtWidgets.QWidget.toolTip = _ToolTip("toolTip", kept.method)
    setToolTip = QtWidgets.QWidget.setToolTip

    def setAndWrap(self, text):
        setToolTip(self, text)
        wrapToolTip(self)

    QtWidgets.QWidget.setToolTip = setAndWrap
    vars(QtCore.QTimer)["singleShot"].method = staticmethod(_singleShot)


class _ToolTip(PropertyAttribute):
    def __set__(self, instance, value):
        super().__set__(instance, value)
        wrapToolTip(instance)


def wrapToolTip(widget) -> None:
    """What the core makes of a widget's tooltip."""
    text = widget.toolTip
    if text and not _Qt.mightBeRichText(text):
        widget.toolTip = _Qt.convertFromPlainText(text, _Qt.WhiteSpaceMode.WhiteSpaceNormal)


def shownText(text: str) -> str:
    """What a user reads where Qt guesses whether a text is rich (tooltips, message boxes, labels by default)."""
    if not _Qt.mightBeRichText(text):
        return text
    document = QtGui.QTextDocument()
    document.setHtml(text)
    return document.toPlainText()


def deadTimers() -> int:
    """How many timers of singleShot hang on the module manager, fired or not."""
    return len(slicer.app.moduleManager().findChildren(QtCore.QTimer))


def removeTimers() -> None:
    """Between tests; the core never does."""
    for timer in slicer.app.moduleManager().findChildren(QtCore.QTimer):
        timer.stop()
        timer.deleteLater()


def _singleShot(msec, receiverOrCallable, member=None):
    timer = QtCore.QTimer(slicer.app.moduleManager())
    timer.setSingleShot(True)
    signals.connect(timer, "timeout()", receiverOrCallable, *([member] if member else []))
    timer.start(msec)
