"""Makes the controls of a section and puts them where the panel has its sections."""

from __future__ import annotations

from typing import Any

from .Section import Control, Section

_MARGIN, _SPACING, _BETWEEN = 6, 4, 6


class SectionBuilder:
    """ui: the controls by name; those that are made join them.  qt, ctk: Slicer's modules, handed over: no file here
    imports them."""

    def __init__(self, ui: Any, qt: Any, ctk: Any):
        self._ui, self._qt, self._ctk = ui, qt, ctk

    def build(self, section: Section) -> None:
        """Adds the section below those that are there; its names must be new."""
        qt = self._qt
        head = self._named(self._ctk.ctkCollapsibleButton(), section.name)
        head.text = section.title
        column = qt.QVBoxLayout(head)
        column.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        column.setSpacing(_SPACING)
        for controls in section.rows:
            row = qt.QHBoxLayout()
            row.setSpacing(_BETWEEN)
            for control in controls:
                row.addWidget(self._made(control))
            column.addLayout(row)
        area = getattr(self._ui, section.place)
        places = [_lastOf(area), head, *(getattr(self._ui, one.name) for controls in section.rows for one in controls)]
        area.layout().addWidget(head)
        self._tab(places)
        head.collapsed = True

    def _made(self, control: Control) -> Any:
        qt = self._qt
        made = self._named(getattr(qt, control.kind)(), control.name)
        if control.text:
            made.text = control.text
        if control.tip:
            made.toolTip = control.tip
        if control.kind == "QLabel":
            made.textFormat = qt.Qt.PlainText
            made.wordWrap = True
            made.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Preferred)
            made.setVisible(bool(control.text))
        if control.kind == "QComboBox":  # a long entry does not widen the panel
            made.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
            made.minimumContentsLength = 8
            made.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
        return made

    def _tab(self, places: list) -> None:
        """The tab key goes from each to the next; what takes no focus (a label) is passed over."""
        former = places[0]
        for one in places[1:]:
            if one.focusPolicy != self._qt.Qt.NoFocus:
                self._qt.QWidget.setTabOrder(former, one)
                former = one

    def _named(self, widget: Any, name: str) -> Any:
        if hasattr(self._ui, name):
            raise ValueError(f"There is a control {name} already.")
        widget.objectName = name
        setattr(self._ui, name, widget)
        return widget


def _lastOf(area: Any) -> Any:
    """The last control within a widget that the tab key comes to; the widget itself, where there is none."""
    last = area
    while area.isAncestorOf(last.nextInFocusChain()):
        last = last.nextInFocusChain()
    return last
