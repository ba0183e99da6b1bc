"""ctkCollapsibleButton: a head line to click, and contents below it."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from .base import standIn, stored

_EXPLICIT = QtCore.Qt.WidgetAttribute.WA_WState_ExplicitShowHide


@standIn("setCollapsed(bool)", "setChecked(bool)", "toggle()")
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """While it is collapsed its contents are hidden, whatever they are told; what they were told counts afterwards."""

    contentsCollapsed = QtCore.Signal(bool)

    collapsedHeight = stored(int, "collapsedHeight", 10)
    contentsFrameShape = stored(int, "contentsFrameShape", 0)
    contentsFrameShadow = stored(int, "contentsFrameShadow", 16)
    contentsLineWidth = stored(int, "contentsLineWidth", 1)
    contentsMidLineWidth = stored(int, "contentsMidLineWidth", 0)
    buttonTextAlignment = stored(int, "buttonTextAlignment", 0x81)
    indicatorAlignment = stored(int, "indicatorAlignment", 0x81)

    def __init__(self, *arguments):
        parent = arguments[-1] if arguments and not isinstance(arguments[-1], str) else None
        super().__init__(parent)
        self._hidden, self._forcing = set(), False
        self.checkable = True
        self.checked = True
        self.sizePolicy = QtWidgets.QSizePolicy(
            QtWidgets.QSizePolicy.Policy.Minimum, QtWidgets.QSizePolicy.Policy.Preferred
        )
        self.setContentsMargins(0, self._headHeight(), 0, 0)
        self.setMinimumHeight(self._headHeight())
        self.toggled.connect(self._onToggled)
        if arguments and isinstance(arguments[0], str):
            self.text = arguments[0]

    def _isCollapsed(self):
        return not self.checked

    def _setCollapsed(self, collapsed):
        self.checked = not collapsed

    collapsed = QtCore.Property(bool, _isCollapsed, _setCollapsed)

    def _headHeight(self):
        return self.fontMetrics().height() + 8

    def _changed(self, name):
        self.update()

    def _onToggled(self, checked):
        if checked:
            hidden, self._hidden = self._hidden, set()
            self._forcing = True
            for child in hidden:
                child.setVisible(True)
            self._forcing = False
        else:
            self._hideContents()
        self.setMaximumHeight(16777215 if checked else self._headHeight())
        self.updateGeometry()
        self.contentsCollapsed.emit(not checked)

    def childEvent(self, event):
        # only when a child is complete: asked earlier, PySide takes it for a bare QWidget for ever
        if event.polished() and not self.checked:
            self._hideContents()

    def showEvent(self, event):
        if not self.checked:
            self._hideContents()

    def _hideContents(self):
        for child in self.findChildren(QtWidgets.QWidget):
            if child.parent() is self:
                child.installEventFilter(self)
                if not child.isHidden():
                    self._hide(child)

    def _hide(self, child):
        self._hidden.add(child)
        self._forcing = True
        child.setVisible(False)
        child.setAttribute(_EXPLICIT, False)  # or Qt would not tell of it when the child is hidden once more
        self._forcing = False

    def eventFilter(self, child, event):
        if not self.checked and not self._forcing and child.isWidgetType() and child.parent() is self:
            if event.type() == QtCore.QEvent.Type.ShowToParent:
                self._hide(child)
            elif event.type() == QtCore.QEvent.Type.HideToParent:
                self._hidden.discard(child)
        return False

    def hitButton(self, position):
        return position.y() <= self._headHeight()

    def paintEvent(self, event):
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, self._headHeight())
        option.text = ""
        option.state = option.state | QtWidgets.QStyle.StateFlag.State_Raised
        painter = QtWidgets.QStylePainter(self)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButtonBevel, option)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(8, (self._headHeight() - 10) // 2, 10, 10)
        element = QtWidgets.QStyle.PrimitiveElement
        painter.drawPrimitive(element.PE_IndicatorArrowDown if self.checked else element.PE_IndicatorArrowRight, arrow)
        painter.setPen(self.palette.color(QtGui.QPalette.ColorRole.ButtonText))
        painter.drawText(QtCore.QRect(24, 0, self.width - 28, self._headHeight()), 0x81, self.text)
        painter.end()
