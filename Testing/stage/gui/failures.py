"""Exceptions that Qt and VTK would only print: collected, so that a test can fail because of them."""

from __future__ import annotations

import atexit
import sys
import traceback

#: formatted tracebacks since the last :func:`clear`
texts: list[str] = []


class StageError(Exception):
    """A mistake that PythonQt or Slicer would meet with silence or a line in the log."""


def record(kind, error, trace):
    """Collects and prints one exception: execution goes on after it, as in Slicer."""
    text = "".join(traceback.format_exception(kind, error, trace))
    texts.append(text)
    print(text, file=sys.stderr)


def clear():
    texts.clear()


def collect():
    """Sends what reaches ``sys.excepthook`` here (timers, virtual methods, VTK observers); returns the former hook."""
    former = sys.excepthook
    sys.excepthook = record
    return former


def restore(former):
    sys.excepthook = former


#: what the offscreen platform and QTest's keys say, and no mistake of a module
_OF_THE_STAGE = ("This plugin does not support", "QFontDatabase:", "qt.qpa.", "Keyboard event not accepted")
_handler = []


def collectQtWarnings():
    """Sends Qt's own warnings ("QProcess: Destroyed while process is still running") here for the whole process."""
    from PySide6 import QtCore

    debug = (QtCore.QtMsgType.QtDebugMsg, QtCore.QtMsgType.QtInfoMsg)

    def handle(kind, context, text):
        if kind not in debug and not text.startswith(_OF_THE_STAGE):
            texts.append(f"Qt: {text}")
            print(f"Qt: {text}", file=sys.stderr)

    _handler.append(handle)
    QtCore.qInstallMessageHandler(handle)
    atexit.register(QtCore.qInstallMessageHandler, None)  # a handler in Python must not be asked after Python's end
