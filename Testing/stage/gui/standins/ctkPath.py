"""ctkPathLineEdit: a path to type, to choose from the history, or to browse for."""

from __future__ import annotations

import re

from PySide6 import QtCore, QtGui, QtWidgets

from .base import standIn, stored

_HISTORY = 5  # as in CTK


@standIn("setCurrentPath(QString)", "browse()", "retrieveHistory()", "addCurrentPathToHistory()")
class ctkPathLineEdit(QtWidgets.QWidget):
    """Like CTK's, it takes the most recent path of its history by itself when ``settingKey`` is set while empty.

    ``currentPathChanged`` is emitted for each typed letter as long as the text fits the name filters.
    """

    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)

    label = stored(str, "label", "")
    filters = stored(int, "filters", 0x1037)
    options = stored(int, "options", 0)
    settingKey = stored(str, "settingKey", "")
    showBrowseButton = stored(bool, "showBrowseButton", True)
    showHistoryButton = stored(bool, "showHistoryButton", True)
    sizeAdjustPolicy = stored(int, "sizeAdjustPolicy", 1)
    minimumContentsLength = stored(int, "minimumContentsLength", 0)
    nameFilters = stored("QStringList", "nameFilters", ())

    _enums = {
        "Dirs": 1,
        "Files": 2,
        "Drives": 4,
        "NoSymLinks": 8,
        "AllEntries": 7,
        "Readable": 0x10,
        "Writable": 0x20,
        "Executable": 0x40,
        "Modified": 0x80,
        "Hidden": 0x100,
        "System": 0x200,
        "AllDirs": 0x400,
        "CaseSensitive": 0x800,
        "NoDotAndDotDot": 0x1000,
        "NoDot": 0x2000,
        "NoDotDot": 0x4000,
        "AdjustToContents": 0,
        "AdjustToContentsOnFirstShow": 1,
        "AdjustToMinimumContentsLength": 2,
    }

    def __init__(self, parent=None):
        super().__init__(parent)
        self._valid = False
        self._combo, self._button = QtWidgets.QComboBox(self), QtWidgets.QToolButton(self)
        self._combo.editable = True
        self._combo.insertPolicy = QtWidgets.QComboBox.InsertPolicy.NoInsert
        self._combo.setMinimumContentsLength(7)
        self._combo.sizeAdjustPolicy = QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self._button.text = "..."
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.spacing = 0
        row.addWidget(self._combo, 1)
        row.addWidget(self._button)
        self._validator = QtGui.QRegularExpressionValidator(self)
        self._combo.lineEdit().setValidator(self._validator)
        self._combo.lineEdit().textChanged.connect(self._onText)
        self._button.clicked.connect(lambda: self.browse())

    currentPath = QtCore.Property(str, lambda self: self._combo.currentText, lambda self, path: self._setPath(path))

    def _setPath(self, path):
        self._combo.lineEdit().text = path

    def setCurrentPath(self, path):
        self.currentPath = path

    def browse(self):
        start = self.currentPath
        if not self.filters & self._enums["Files"]:
            path = QtWidgets.QFileDialog.getExistingDirectory(self, "Select a directory...", start)
        else:
            # PythonQt's file dialogs return the path alone
            save = self.filters & self._enums["Writable"]
            ask = QtWidgets.QFileDialog.getSaveFileName if save else QtWidgets.QFileDialog.getOpenFileName
            path = ask(self, "Open a file", start, ";;".join(self.nameFilters))
        if path:
            self.currentPath = path

    def retrieveHistory(self):
        path = self.currentPath
        blocked = self.blockSignals(True)
        self._combo.clear()
        self._combo.addItems(self._history()[:_HISTORY])
        if path:
            self.currentPath = path
        self.blockSignals(blocked)
        if not path and self._combo.count:
            self._combo.setCurrentIndex(-1)
            self._combo.setCurrentIndex(0)
            if not blocked:
                self.currentPathChanged.emit(self.currentPath)

    def addCurrentPathToHistory(self):
        path = self.currentPath
        if not path:
            return
        history = [path, *[known for known in self._history() if known != path]]
        QtCore.QSettings().setValue(self._key(), history)
        blocked = self._combo.blockSignals(True)
        self._combo.clear()
        self._combo.addItems(history[:_HISTORY])
        self._combo.setCurrentIndex(0)
        self._combo.blockSignals(blocked)

    def _key(self):
        return "ctkPathLineEdit/" + (self.settingKey or self.objectName)

    def _history(self):
        value = QtCore.QSettings().value(self._key())
        return [value] if isinstance(value, str) else list(value or ())

    def _changed(self, name):
        self._button.visible = self.showBrowseButton
        if name == "nameFilters":
            patterns = [word for text in self.nameFilters for word in re.findall(r"\*[^\s()]*", text)]
            regular = "|".join(re.escape(word).replace(r"\*", ".*") for word in patterns)
            self._validator.setRegularExpression(QtCore.QRegularExpression(f"^({regular})$" if patterns else ""))
        elif name == "settingKey":
            self.retrieveHistory()

    def _onText(self, text):
        valid = self._combo.lineEdit().hasAcceptableInput()
        if valid:
            self.currentPathChanged.emit(text)
        if valid != self._valid:
            self._valid = valid
            self.validInputChanged.emit(valid)
