"""What a user does, through real mouse and key events, and pictures of what the user sees."""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtCore, QtGui, QtTest, QtWidgets

from . import events
from .failures import StageError
from .standins import ctkCollapsibleButton

_LEFT = QtCore.Qt.MouseButton.LeftButton
_NO_KEY = QtCore.Qt.KeyboardModifier.NoModifier


def click(widget) -> None:
    """One left click; raises StageError where a user could not click (hidden or disabled)."""
    if not widget.isVisible():
        raise StageError(f"{_called(widget)} cannot be clicked: it is not visible")
    if not widget.isEnabled():
        raise StageError(f"{_called(widget)} cannot be clicked: it is disabled")
    point = QtCore.QPoint(min(12, widget.width // 2), widget.height // 2)
    if isinstance(widget, ctkCollapsibleButton):
        point.setY(6)
    QtTest.QTest.mouseClick(widget, _LEFT, _NO_KEY, point)
    events.process()


def choose(widget, text: str) -> None:
    """Picks the entry of that text with the arrow keys, in a combo box or in the first one inside the widget."""
    combo = widget if isinstance(widget, QtWidgets.QComboBox) else widget.findChild(QtWidgets.QComboBox)
    index = combo.findText(text)
    if index < 0:
        known = [combo.itemText(n) for n in range(combo.count)]
        raise StageError(f"{_called(widget)} offers {known}, not {text!r}")
    if not combo.isVisible() or not combo.isEnabled():
        raise StageError(f"{_called(widget)} cannot be used: it is hidden or disabled")
    view = combo.view()
    combo.showPopup()
    view.setCurrentIndex(combo.model().index(index, combo.modelColumn))
    QtTest.QTest.keyClick(view, QtCore.Qt.Key.Key_Return)
    events.process()


def typeText(widget, text: str) -> None:
    """Replaces the text of a line edit, spin box or path edit by typing."""
    edit = widget if isinstance(widget, QtWidgets.QLineEdit) else widget.findChild(QtWidgets.QLineEdit)
    if not edit.isVisible() or not edit.isEnabled():
        raise StageError(f"{_called(widget)} cannot be typed into: it is hidden or disabled")
    edit.selectAll()
    QtTest.QTest.keyClicks(edit, text)
    QtTest.QTest.keyClick(edit, QtCore.Qt.Key.Key_Return)
    events.process()


def screenshot(widget, path, width: int = 400) -> QtGui.QImage:
    """A PNG of the widget as high as it wants to be at that width; returns the picture.

    400 pixels are Slicer's module column on a laptop.  A widget that cannot become so narrow raises: its right edge
    would lie outside the column.
    """
    top = widget.parent if hasattr(widget, "moduleName") else widget
    top.ensurePolished()
    needed = top.minimumSizeHint.width()
    if needed > width:
        raise StageError(f"{_called(top)} needs {needed} pixels, the column has {width}")
    layout = top.layout()
    height = top.sizeHint.height()
    if layout is not None and layout.hasHeightForWidth():
        height = layout.totalHeightForWidth(width)
    top.resize(width, max(height, 40))
    for _round in range(3):  # layouts of collapsed and wrapped contents settle in turns
        events.process()
    image = top.grab().toImage()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if not image.save(str(path)):
        raise OSError(f"{Path(path).name} could not be written.")
    return image


def _called(widget):
    return f"{widget.className()} '{widget.objectName}'"
