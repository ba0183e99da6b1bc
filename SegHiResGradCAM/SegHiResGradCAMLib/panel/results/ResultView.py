"""The results in the panel: their list, the layer that is shown, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...scene.overlay.DisplaySettings import SWITCHES, TABLES, DisplaySettings
from ...setup.Translation import _
from ..Controls import FeatureView
from ..Option import Option
from .ResultLine import ResultLine
from .ResultTree import ResultTree

_REMOVE_TIP = _("Removes this result and everything that came with it from the scene.")
_REMOVE_ALL_TIP = _("Removes the comparison that this map belongs to: all its maps, its table and its folder.")
_TABLES = tuple(Option(name, name) for name in TABLES)


@dataclass(frozen=True)
class ResultState:
    """results, result; shownLayers, shownLayer: the lists with the chosen keys.  facts: the shown one's provenance.
    display: None when no result is shown.  inComparison: it goes with a whole comparison."""

    results: tuple[ResultLine, ...] = ()
    result: str = ""
    facts: str = ""
    shownLayers: tuple[Option, ...] = ()
    shownLayer: str = ""
    display: DisplaySettings | None = None
    in3D: bool = False
    exportReason: str = ""
    inComparison: bool = False


#: what the keyboard does while the panel is shown
LAYER_ABOVE, LAYER_BELOW, NEXT_RESULT, TOGGLE = "Ctrl+Shift+Up", "Ctrl+Shift+Down", "Ctrl+Shift+Right", "Ctrl+Shift+E"
#: sections that are about the shown map
_OF_A_MAP = ("faithfulSection", "maskSection", "segmentsSection", "provenanceSection")


class ResultView(FeatureView):
    def connect(self, desk: Any) -> None:
        """desk: ResultLogic."""
        controls, ui = self._controls, self._controls.ui
        self._tree = ResultTree(controls)
        self._tree.connect(desk.choose, lambda: desk.again())
        controls.shortcut(LAYER_ABOVE, desk.layerAbove)
        controls.shortcut(LAYER_BELOW, desk.layerBelow)
        controls.shortcut(NEXT_RESULT, lambda: desk.choose(self._tree.following(desk.shown)))
        controls.shortcut(TOGGLE, desk.toggleOverlay)
        controls.onClick("removeButton", desk.remove)
        controls.onClick("exportButton", lambda: desk.export(controls.chooseFolder))
        controls.onClick("strongestButton", desk.jump)
        controls.onChoice("shownLayerComboBox", desk.showLayer)
        controls.onChoice("colorTableComboBox", lambda name: desk.setDisplay(colorTable=name))
        for field in ("share", "opacity"):
            changed = controls.byUser(lambda value, field=field: desk.setDisplay(**{field: value / 100}))
            getattr(ui, f"{field}Slider").connect("valueChanged(double)", changed)
        for percent in (50, 80, 95):
            controls.onClick(f"share{percent}Button", lambda share=percent / 100: desk.setDisplay(share=share))
        for field in SWITCHES:
            controls.onCheck(f"{field}CheckBox", lambda on, field=field: desk.setDisplay(**{field: on}))
        controls.onCheck("in3DCheckBox", desk.setIn3D)

    def show(self, state: ResultState) -> None:
        controls, display = self._controls, state.display
        for name in ("resultArea", *_OF_A_MAP):
            controls.show(name, bool(state.results))
        self._tree.show(state.results, state.result)
        controls.fill("shownLayerComboBox", state.shownLayers, state.shownLayer)
        controls.fill("colorTableComboBox", _TABLES, display.colorTable if display else "")
        controls.set("factsText", "plainText", state.facts)
        controls.button("exportButton", state.exportReason, _("Writes this map (.nrrd) and its facts (.json)."))
        controls.tip("removeButton", _REMOVE_ALL_TIP if state.inComparison else _REMOVE_TIP)
        if display is None:
            return
        controls.slide("shareSlider", 100 * display.share)
        controls.slide("opacitySlider", 100 * display.opacity)
        for field in SWITCHES:
            controls.setUsers(f"{field}CheckBox", "checked", getattr(display, field))
        controls.setUsers("in3DCheckBox", "checked", state.in3D)
        controls.set("colorTableComboBox", "enabled", not display.signed)
        controls.set("opacitySlider", "enabled", display.foreground)
