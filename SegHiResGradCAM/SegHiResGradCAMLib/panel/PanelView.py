"""The panel's view: a view a feature, shown again when its state is made anew. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .Controls import Controls
from .PanelState import PanelState
from .sections.SectionBuilder import SectionBuilder


class PanelView:
    """ui: the controls by name.  chooseFolder: see Controls.  qt, ctk: Slicer's modules, for sections."""

    def __init__(self, ui: Any, chooseFolder: Callable[..., str], qt: Any, ctk: Any):
        self.controls = Controls(ui, chooseFolder, qt)
        self._builder = SectionBuilder(ui, qt, ctk)
        self._views: dict[str, Any] = {}

    def connect(self, features: dict[str, Any]) -> None:
        """Makes each feature's view and connects its controls; of those that fill a section, makes the controls too."""
        for feature in features.values():
            if hasattr(feature, "section"):
                self._builder.build(feature.section)
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
