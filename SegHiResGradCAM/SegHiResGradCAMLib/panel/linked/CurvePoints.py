"""Points that the user clicks in Slicer's plot views."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import slicer

_CLICKED = "dataSelected(vtkStringArray*,vtkCollection*)"


class CurvePoints:
    """Calls ``onClick(ids of the plot series, number of the point)``; without a layout nothing happens."""

    def __init__(self, onClick: Callable[[list[str], int], object]):
        self._onClick = onClick
        self._views: list[Any] = []

    def follow(self) -> None:
        """Listens to every plot view that is there by now; call it as often as you like."""
        layout = slicer.app.layoutManager()
        for number in range(layout.plotViewCount if layout is not None else 0):
            view = layout.plotWidget(number).plotView()
            if view not in self._views:
                view.connect(_CLICKED, self._selected)
                self._views.append(view)

    def close(self) -> None:
        """Listens to none of them any more."""
        for view in self._views:
            with contextlib.suppress(ValueError):  # it went with its layout
                view.disconnect(_CLICKED, self._selected)
        self._views.clear()

    def _selected(self, series: Any, points: Any) -> None:
        """series: vtkStringArray of ids.  points: vtkCollection of a vtkIdTypeArray each."""
        ids = [series.GetValue(n) for n in range(series.GetNumberOfValues())]
        for number, one in enumerate(ids):
            chosen = points.GetItemAsObject(number)
            if chosen is not None and chosen.GetNumberOfValues() == 1:  # one point, no rectangle of them
                self._onClick([one], int(chosen.GetValue(0)))
                return
