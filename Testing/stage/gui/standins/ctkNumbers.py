"""ctkSliderWidget and ctkDoubleSpinBox: numbers."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from .base import passed, standIn, stored

_STEPS = 10_000  # positions of the inner slider


@standIn("setValue(double)")
class ctkDoubleSpinBox(QtWidgets.QWidget):
    valueChanged = QtCore.Signal(float)
    decimalsChanged = QtCore.Signal(int)
    editingFinished = QtCore.Signal()

    decimals = passed(int, "_box", "decimals")
    minimum = passed(float, "_box", "minimum")
    maximum = passed(float, "_box", "maximum")
    singleStep = passed(float, "_box", "singleStep")
    prefix = passed(str, "_box", "prefix")
    suffix = passed(str, "_box", "suffix")
    value = passed(float, "_box", "value")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._box = QtWidgets.QDoubleSpinBox(self)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._box)
        self._box.valueChanged.connect(lambda value: self.valueChanged.emit(value))
        self._box.editingFinished.connect(lambda: self.editingFinished.emit())

    def setValue(self, value):
        self.value = value


@standIn("setValue(double)", "reset()", "setSpinBoxVisible(bool)")
class ctkSliderWidget(QtWidgets.QWidget):
    valueChanged = QtCore.Signal(float)
    valueIsChanging = QtCore.Signal(float)
    rangeChanged = QtCore.Signal(float, float)
    decimalsChanged = QtCore.Signal(int)

    pageStep = stored(float, "pageStep", 10.0)
    tickInterval = stored(float, "tickInterval", 0.0)
    tickPosition = stored(int, "tickPosition", 0)
    spinBoxAlignment = stored(int, "spinBoxAlignment", 0x20)
    tracking = stored(bool, "tracking", True)
    spinBoxVisible = stored(bool, "spinBoxVisible", True)
    popupSlider = stored(bool, "popupSlider", False)
    invertedAppearance = stored(bool, "invertedAppearance", False)
    singleStep = passed(float, "_box", "singleStep")
    decimals = passed(int, "_box", "decimals")
    prefix = passed(str, "_box", "prefix")
    suffix = passed(str, "_box", "suffix")

    def __init__(self, parent=None):
        super().__init__(parent)
        # real CTK names its children so; they then appear in self.ui
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self._box = QtWidgets.QDoubleSpinBox(self)
        self._slider.name, self._box.name = "Slider", "SpinBox"
        self._slider.maximum = _STEPS
        self._moving = False
        self._last = 0.0
        self._box.setRange(0.0, 99.0)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider, 1)
        row.addWidget(self._box)
        self._box.valueChanged.connect(self._onBox)
        self._slider.valueChanged.connect(self._onSlider)
        self._slider.sliderReleased.connect(self._announce)

    def _bound(name):
        def write(self, value):
            setattr(self._box, name, value)
            self._toSlider()
            self.rangeChanged.emit(self._box.minimum, self._box.maximum)

        return QtCore.Property(float, lambda self: getattr(self._box, name), write)

    minimum = _bound("minimum")
    maximum = _bound("maximum")
    del _bound

    def _setValue(self, value):
        self._box.value = value

    value = QtCore.Property(float, lambda self: self._box.value, _setValue)

    def setValue(self, value):
        self.value = value

    def reset(self):
        self.value = 0.0

    def setSpinBoxVisible(self, visible):
        self.spinBoxVisible = visible

    def _changed(self, name):
        self._box.visible = self.spinBoxVisible
        self._slider.invertedAppearance = self.invertedAppearance

    def _onSlider(self, position):
        if not self._moving:
            width = self._box.maximum - self._box.minimum
            self._box.value = self._box.minimum + width * position / _STEPS

    def _onBox(self, value):
        self._toSlider()
        if self._slider.sliderDown and not self.tracking:
            self.valueIsChanging.emit(value)
        else:
            self._announce()

    def _toSlider(self):
        width = self._box.maximum - self._box.minimum
        self._moving = True
        self._slider.value = round(_STEPS * (self._box.value - self._box.minimum) / width) if width > 0 else 0
        self._moving = False

    def _announce(self):
        if self._box.value != self._last:
            self._last = self._box.value
            self.valueChanged.emit(self._last)
