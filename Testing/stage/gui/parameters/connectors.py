"""Which widget shows which type; the widget's exact class decides, as in Slicer."""

from __future__ import annotations

import enum
import pathlib

import ctk
import qt

import slicer

from .annotations import Choice, Decimals, Maximum, Minimum, SingleStep, WithinRange


class Connector:
    """Reads and writes one widget's value; ``onChanged(callback)`` and ``onChanged(None)`` connect and disconnect."""

    def __init__(self, widget, signal, read, write):
        self._widget, self._signal, self.read, self.write = widget, signal, read, write
        self._callback = None

    def widget(self):
        return self._widget

    def onChanged(self, callback):
        if self._callback is not None:
            self._widget.disconnect(self._signal, self._callback)
        # a function without parameters: PythonQt hands it none of the signal's values
        self._callback = None if callback is None else lambda: callback()
        if callback is not None:
            self._widget.connect(self._signal, self._callback)


def createConnector(widget, kind, annotations) -> Connector:
    """Raises RuntimeError where Slicer has no connector for that widget and type."""
    cls = type(widget)
    if kind is bool and cls in (qt.QCheckBox, qt.QPushButton):
        if not widget.checkable:
            widget.checkable = True
        return _property(widget, "toggled(bool)", "checked")
    if kind is int and cls in (qt.QSlider, qt.QSpinBox):
        low, high = _range(widget, annotations, needed=cls is qt.QSlider)
        widget.setRange(-(2**31) if low is None else low, 2**31 - 1 if high is None else high)
        _steps(widget, annotations)
        return _property(widget, "valueChanged(int)", "value")
    if kind in (int, float) and cls in (qt.QDoubleSpinBox, ctk.ctkSliderWidget, ctk.ctkDoubleSpinBox):
        low, high = _range(widget, annotations, needed=cls is ctk.ctkSliderWidget)
        _steps(widget, annotations)
        widget.minimum = float("-inf") if low is None else low
        widget.maximum = float("inf") if high is None else high
        return _property(widget, "valueChanged(double)", "value", kind)
    if cls in (qt.QComboBox, ctk.ctkComboBox):
        return _choices(widget, kind, annotations)
    if kind is str and cls in (qt.QLineEdit, qt.QLabel):
        signal = "textChanged(QString)" if cls is qt.QLineEdit else "destroyed()"
        return _property(widget, signal, "text")
    if isinstance(kind, type) and issubclass(kind, pathlib.PurePath) and cls is ctk.ctkPathLineEdit:
        read, write = _property(widget, "", "currentPath", kind).read, lambda value: _assign(widget, value)
        return Connector(widget, "currentPathChanged(QString)", read, write)
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode) and cls is slicer.qMRMLNodeComboBox:
        widget.nodeTypes = [kind.__name__]
        signal = "currentNodeChanged(vtkMRMLNode*)"
        return Connector(widget, signal, widget.currentNode, widget.setCurrentNode)
    raise RuntimeError(f"Unable to create GUI connector from datatype '{kind}' to widget type '{cls}'")


def _assign(widget, value):
    widget.currentPath = str(value)


def _property(widget, signal, name, convert=lambda value: value):
    return Connector(widget, signal, lambda: convert(getattr(widget, name)), lambda value: setattr(widget, name, value))


def _choices(widget, kind, annotations):
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        values = list(kind)
        labels = [value.label() if hasattr(kind, "label") else value.name for value in values]
    else:
        choice = _first(annotations, Choice)
        if choice is None:
            raise RuntimeError("a combo box needs the Choice annotation or an Enum")
        values = list(choice.choices)
        labels = [str(value) for value in values]
    widget.clear()
    widget.addItems(labels)
    return Connector(
        widget,
        "currentIndexChanged(int)",
        lambda: values[widget.currentIndex],
        lambda value: setattr(widget, "currentIndex", values.index(value)),
    )


def _steps(widget, annotations):
    for kind, name in ((Decimals, "decimals"), (SingleStep, "singleStep")):
        found = _first(annotations, kind)
        if found is not None:
            setattr(widget, name, found.value)


def _range(widget, annotations, needed):
    within = _first(annotations, WithinRange)
    if within is not None:
        return within.minimum, within.maximum
    low, high = _first(annotations, Minimum), _first(annotations, Maximum)
    if needed and (low is None or high is None):
        raise RuntimeError(f"{type(widget).__name__} needs a bounded type: WithinRange, or Minimum and Maximum")
    return (None if low is None else low.minimum), (None if high is None else high.maximum)


def _first(annotations, kind):
    return next((found for found in annotations if isinstance(found, kind)), None)
