"""ctkComboBox and ctkMessageBox: Qt's own with a few properties more."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from .base import standIn, stored


@standIn("setCurrentUserDataAsString(QString)")
class ctkComboBox(QtWidgets.QComboBox):
    defaultText = stored(str, "defaultText", "")
    forceDefault = stored(bool, "forceDefault", False)
    elideMode = stored(int, "elideMode", 3)
    scrollWheelEffect = stored(int, "scrollWheelEffect", 1)

    defaultTextChanged = QtCore.Signal(str)
    currentUserDataAsStringChanged = QtCore.Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.currentIndexChanged.connect(lambda: self.currentUserDataAsStringChanged.emit(self.currentUserDataAsString))

    def _data(self):
        return str(self.currentData or "")

    def _setData(self, text):
        self.currentIndex = self.findData(text)

    currentUserDataAsString = QtCore.Property(str, _data, _setData)

    def setCurrentUserDataAsString(self, text):
        self.currentUserDataAsString = text

    def _changed(self, name):
        if name == "defaultText":
            self.placeholderText = self.defaultText
            self.defaultTextChanged.emit(self.defaultText)


@standIn("setDontShowAgain(bool)")
class ctkMessageBox(QtWidgets.QMessageBox):
    dontShowAgain = stored(bool, "dontShowAgain", False)
    dontShowAgainSettingsKey = stored(str, "dontShowAgainSettingsKey", "")
    dontShowAgainVisible = stored(bool, "dontShowAgainVisible", False)

    def __init__(self, parent=None):
        super().__init__(parent)

    def setDontShowAgain(self, dontShow):
        self.dontShowAgain = dontShow

    def _changed(self, name):
        if name == "dontShowAgainSettingsKey":
            self.dontShowAgainVisible = bool(self.dontShowAgainSettingsKey)
