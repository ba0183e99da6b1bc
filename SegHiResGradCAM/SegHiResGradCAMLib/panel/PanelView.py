"""The panel's view: a view a feature, shown again when its state is made anew. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from .Controls import Controls
from .PanelState import PanelState

#: file of a section -> (the control whose layout it goes into, "" for the panel's own; the control it stands before)
PARTS = {"LivePart": ("", "progressBar"), "ResultPart": ("seeButton", "")}


class PanelView:
    """ui: the controls by name.  chooseFolder: see Controls."""

    def __init__(self, ui: Any, chooseFolder: Callable[..., str]):
        self.controls = Controls(ui, chooseFolder)
        self._views: dict[str, Any] = {}

    def connect(self, features: dict[str, Any]) -> None:
        """Makes each feature's view and connects its controls."""
        self._views = {name: feature.View(self.controls) for name, feature in features.items()}
        for name, view in self._views.items():
            view.connect(features[name])

    def show(self, state: PanelState) -> None:
        if self.controls.filling:
            return
        self.controls.filling = True
        try:
            for name in state.fresh or self._views:
                self._views[name].show(getattr(state, name))
        finally:
            self.controls.filling = False


def loadPanel(resourcePath: Callable[[str], str]) -> Any:
    """The panel's top widget with its sections. resourcePath: of the module."""
    top = slicer.util.loadUI(resourcePath("UI/SegHiResGradCAM.ui"))
    for name, (place, before) in PARTS.items():
        part = slicer.util.loadUI(resourcePath(f"UI/{name}.ui"))
        layout = (slicer.util.findChild(top, place) if place else top).layout()
        if before:
            layout.insertWidget(layout.indexOf(slicer.util.findChild(top, before)), part)
        else:
            layout.addWidget(part)
    return top
