"""Copies a ViewState into the panel's controls. It decides nothing, and touches a control only where it differs."""

from __future__ import annotations

from html import escape

from .model.Channels import FIELDS
from .ViewState import Option, ViewState

#: combo box, its entries and its chosen key in the ViewState, and what stands first while nothing is chosen
_LISTS = (
    ("modelComboBox", "models", "model", "Choose a model..."),
    ("classComboBox", "classes", "className", "Choose the class..."),
    ("rivalComboBox", "rivals", "rivalName", "Choose the rival..."),
    ("methodComboBox", "methods", "method", ""),
    ("layerComboBox", "layers", "layer", ""),
    ("shownLayerComboBox", "shownLayers", "shownLayer", ""),
    ("paintComboBox", "regions", "region", ""),
)
#: labels that are hidden while they have nothing to say
_NOTES = (
    ("modelTextLabel", "modelText"),
    ("channelTextLabel", "channelText"),
    ("classTextLabel", "classText"),
    ("layerWarningLabel", "layerWarning"),
    ("deviceTextLabel", "device"),
    ("verdictLabel", "verdict"),
    ("numbersLabel", "numbers"),
    ("checkStateLabel", "checkState"),
    ("paintTextLabel", "paintText"),
    ("segmentsTextLabel", "segmentsText"),
)
#: button, why it is disabled in the ViewState, and what it does
_TESTS = (
    ("paintButton", "paintReason", "Replaces that part of the image by its surroundings and asks the network again: "
     "does the segment stay? The painted part and the segments before and after come into the scene."),
    ("fullCheckButton", "fullReason", "Deletion against random order, randomised weights, stability. Says first what "
     "it takes, and asks. A map that fails is marked: not supported by the model."),
    ("segmentsButton", "segmentsReason", "How much of the evidence lies in which segment of the chosen segmentation: a "
     "table beside the map."),
    ("tableButton", "tableReason", "Adds a table with the numbers beside the map; Export writes it too."),
    ("curvesButton", "curvesReason", "Shows the deletion and insertion curves; changes the layout to one with a plot."),
)  # fmt: skip
_TOOLTIP_ROLE = 3  # Qt::ToolTipRole
_COMPARE_TIP = (
    "Asks the same question of every layer method that takes few passes, at every main layer: a folder of maps beside "
    "the volume, and a table."
)
_REMOVE_TIP = "Removes this result and everything that came with it from the scene."
_REMOVE_ALL_TIP = "Removes the comparison that this map belongs to: all its maps, its table and its folder."
_PREDICT_TIP = "Runs the model's own inference and adds its classes as segments; then any of them can be explained."


class PanelView:
    """ui: the controls by name, as slicer.util.childWidgetVariables gives them.

    ``filling`` is True while controls are being set: what they signal then was not the user.  What only we set is
    compared with what we set last and never read back: the application may rewrite it (Slicer's tooltips).  All text
    is shown as text, whatever stands in a model, a file or a scene.
    """

    def __init__(self, ui):
        self._ui = ui
        self._written: dict[tuple[str, str], object] = {}
        self._filled: dict[str, tuple] = {}
        self.filling = False

    def show(self, state: ViewState) -> None:
        if self.filling:
            return
        self.filling = True
        try:
            self._showQuestion(state)
            self._showRun(state)
            self._showResults(state)
        finally:
            self.filling = False

    def key(self, comboName: str) -> str:
        """The key of the entry that is chosen in one of the lists."""
        combo = getattr(self._ui, comboName)
        return combo.itemData(combo.currentIndex) or ""

    def resultKey(self, row: int) -> str:
        """The key of a row in the list of results."""
        rows = self._filled.get("resultsList", ())
        return rows[row].key if 0 <= row < len(rows) else ""

    def _showQuestion(self, state):
        ui = self._ui
        for name in ("whatButton", "howButton"):
            self._set(name, "enabled", state.editable)
        for name, entries, chosen, prompt in _LISTS:
            self._fill(name, getattr(state, entries), getattr(state, chosen), prompt)
        for name, text in _NOTES:
            self._say(name, getattr(state, text))
        if ui.segmentSelector.currentNode() is not state.segmentation:
            ui.segmentSelector.setCurrentNode(state.segmentation)
        if ui.segmentSelector.currentSegmentID() != state.segmentId:
            ui.segmentSelector.setCurrentSegmentID(state.segmentId)
        _setUsers(ui.modelPathLineEdit, "currentPath", state.modelPath)
        self._set("rivalComboBox", "enabled", state.rivalEnabled)
        self._showChannels(state)

    def _showChannels(self, state):
        """One selector for each of the model's channels, under the model's name for it; none offers our own maps."""
        names = state.channels
        self._set("volumeLabel", "text", f"{names[0]}:" if names else "Volume:")
        for number, field in enumerate(FIELDS):
            shown = number < max(1, len(names))
            if shown and self._isNew(f"{field}Selector", "hiddenNodeIDs", state.ownVolumes):
                getattr(self._ui, f"{field}Selector").sortFilterProxyModel().hiddenNodeIDs = list(state.ownVolumes)
            if number:
                self._set(f"{field}Label", "text", f"{names[number]}:" if shown else "")
                self._show(f"{field}Label", shown)
                self._show(f"{field}Selector", shown)
        self._show("channelArea", bool(names))

    def _showRun(self, state):
        self._show("startArea", state.demoOffered)
        self._set("applyButton", "text", state.applyText)
        self._set("applyButton", "enabled", state.canApply)
        tip = "Stop the computation; the scene stays as it is." if state.busy else state.applyReason
        self._tip("applyButton", tip or "Ask the network why it drew the segment.")
        self._set("predictButton", "enabled", not state.predictReason)
        self._tip("predictButton", state.predictReason or _PREDICT_TIP)
        self._set("compareButton", "enabled", not state.compareReason)
        self._tip("compareButton", state.compareReason or _COMPARE_TIP)
        self._show("progressBar", state.busy)
        self._set("progressBar", "value", round(1000 * state.fraction))
        self._say("statusLabel", state.status or ("" if state.error else state.applyReason))
        self._show("installArea", bool(state.installText))
        self._set("installLabel", "text", state.installText)
        self._show("installButton", state.installOffered)
        self._show("errorArea", bool(state.error))
        self._set("errorLabel", "text", state.error)
        self._show("detailsButton", bool(state.details))
        self._set("detailsText", "plainText", state.details)

    def _showResults(self, state):
        ui, display = self._ui, state.display
        self._show("seeButton", bool(state.results))
        if self._filled.get("resultsList") != state.results:
            ui.resultsList.clear()
            for option in state.results:
                ui.resultsList.addItem(option.text)
                ui.resultsList.item(ui.resultsList.count - 1).setToolTip(asText(option.tip))
            self._filled["resultsList"] = state.results
        row = [option.key for option in state.results].index(state.result) if state.result else -1
        _setUsers(ui.resultsList, "currentRow", row)
        tables = tuple(Option(name, name) for name in state.colorTables)
        self._fill("colorTableComboBox", tables, display.colorTable if display else "", "")
        self._set("factsText", "plainText", state.resultFacts)
        self._set("exportButton", "enabled", not state.exportReason)
        self._tip("exportButton", state.exportReason or "Writes this map (.nrrd) and its facts (.json).")
        for name, reason, tip in _TESTS:
            self._set(name, "enabled", not getattr(state, reason))
            self._tip(name, getattr(state, reason) or tip)
        self._tip("numbersLabel", state.numbersTip)
        _setUsers(ui.checkCheckBox, "checked", state.checksEvery)
        self._show("stopCheckButton", state.checking)
        self._tip("removeButton", _REMOVE_ALL_TIP if state.inComparison else _REMOVE_TIP)
        if display is None:
            return
        for control, wanted in (
            (ui.shareSlider, 100 * display.share),
            (ui.opacitySlider, 100 * display.opacity),
        ):
            if abs(control.value - wanted) > 0.5:
                control.value = wanted
        for control, wanted in (
            (ui.overlayCheckBox, display.foreground),
            (ui.in3DCheckBox, state.in3D),
            (ui.signedCheckBox, display.signed),
            (ui.legendCheckBox, display.legend),
            (ui.smoothCheckBox, display.smooth),
        ):
            _setUsers(control, "checked", wanted)
        self._set("colorTableComboBox", "enabled", not display.signed)
        self._set("opacitySlider", "enabled", display.foreground)

    def _fill(self, name, options, chosen, prompt):
        combo = getattr(self._ui, name)
        keys = [option.key for option in options]
        if prompt and chosen not in keys:
            options, keys = (Option("", prompt), *options), ["", *keys]
        former = self._filled.get(name, ())
        if former != options:
            kept = 0 if former != options[: len(former)] else len(former)  # entries are added, or all made anew
            if former and not kept:
                combo.clear()
            for index, option in enumerate(options[kept:], start=kept):
                combo.addItem(option.text, option.key)
                if option.tip:
                    combo.setItemData(index, asText(option.tip), _TOOLTIP_ROLE)
            self._filled[name] = options
        index = keys.index(chosen) if chosen in keys else 0 if keys else -1
        _setUsers(combo, "currentIndex", index)

    # what only we set: compared with what was set last

    def _isNew(self, name, what, value):
        """Whether it was not the last one, which it is from now on."""
        if (name, what) in self._written and self._written[name, what] == value:
            return False
        self._written[name, what] = value
        return True

    def _set(self, name, what, value):
        if self._isNew(name, what, value):
            setattr(getattr(self._ui, name), what, value)

    def _show(self, name, shown):
        if self._isNew(name, "visible", shown):
            getattr(self._ui, name).setVisible(shown)

    def _say(self, name, text):
        self._set(name, "text", text)
        self._show(name, bool(text))

    def _tip(self, name, text):
        self._set(name, "toolTip", asText(text))


def asText(text: str) -> str:
    """A tooltip that reads as the text: where Qt takes a text for HTML, it would show what that says instead."""
    return f"<p>{escape(text, quote=False)}</p>".replace("\n", "<br>") if text else ""


def _setUsers(widget, name, value):
    """What the user sets too is compared with what is there."""
    if getattr(widget, name) != value:
        setattr(widget, name, value)
