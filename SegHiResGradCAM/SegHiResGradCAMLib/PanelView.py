"""Copies a ViewState into the panel's controls. It decides nothing, and touches a control only where it differs."""

from __future__ import annotations

from .Channels import FIELDS
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

    ``filling`` is True while controls are being set: what they signal then was not the user.
    """

    def __init__(self, ui):
        self._ui = ui
        self._filled: dict[str, tuple] = {}
        self._model = ""
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
        for name in ("whatButton", "howButton"):  # first: what lies in them reads as disabled with them
            _set(getattr(ui, name), "enabled", state.editable)
        for name, entries, chosen, prompt in _LISTS:
            self._fill(name, getattr(state, entries), getattr(state, chosen), prompt)
        for name, text in _NOTES:
            _say(getattr(ui, name), getattr(state, text))
        if ui.segmentSelector.currentNode() is not state.segmentation:
            ui.segmentSelector.setCurrentNode(state.segmentation)
        if ui.segmentSelector.currentSegmentID() != state.segmentId:
            ui.segmentSelector.setCurrentSegmentID(state.segmentId)
        if state.model != self._model:  # only then: a path that is being typed must not be wiped out
            self._model = state.model
            _set(ui.modelPathLineEdit, "currentPath", state.modelPath)
        _set(ui.rivalComboBox, "enabled", state.rivalEnabled)
        self._showChannels(state.channels)

    def _showChannels(self, names):
        """One selector for each of the model's channels, under the model's name for it."""
        ui = self._ui
        _set(ui.volumeLabel, "text", f"{names[0]}:" if names else "Volume:")
        for number, field in enumerate(FIELDS[1:], start=1):
            label, selector = getattr(ui, f"{field}Label"), getattr(ui, f"{field}Selector")
            shown = number < len(names)
            _set(label, "text", f"{names[number]}:" if shown else "")
            _show(label, shown)
            _show(selector, shown)
        _show(ui.channelArea, bool(names))

    def _showRun(self, state):
        ui = self._ui
        _show(ui.startArea, state.demoOffered)
        _set(ui.applyButton, "text", state.applyText)
        _set(ui.applyButton, "enabled", state.canApply)
        tip = "Stop the computation; the scene stays as it is." if state.busy else state.applyReason
        _set(ui.applyButton, "toolTip", tip or "Ask the network why it drew the segment.")
        _set(ui.predictButton, "enabled", not state.predictReason)
        _set(ui.predictButton, "toolTip", state.predictReason or _PREDICT_TIP)
        _set(ui.compareButton, "enabled", not state.compareReason)
        _set(ui.compareButton, "toolTip", state.compareReason or _COMPARE_TIP)
        _show(ui.progressBar, state.busy)
        _set(ui.progressBar, "value", round(1000 * state.fraction))
        _say(ui.statusLabel, state.status or ("" if state.error else state.applyReason))
        _show(ui.installArea, bool(state.installText))
        _set(ui.installLabel, "text", state.installText)
        _show(ui.installButton, state.installOffered)
        _show(ui.errorArea, bool(state.error))
        _set(ui.errorLabel, "text", state.error)
        _show(ui.detailsButton, bool(state.details))
        _set(ui.detailsText, "plainText", state.details)

    def _showResults(self, state):
        ui, display = self._ui, state.display
        _show(ui.seeButton, bool(state.results))
        if self._filled.get("resultsList") != state.results:
            ui.resultsList.clear()
            for option in state.results:
                ui.resultsList.addItem(option.text)
                ui.resultsList.item(ui.resultsList.count - 1).setToolTip(option.tip)
            self._filled["resultsList"] = state.results
        row = [option.key for option in state.results].index(state.result) if state.result else -1
        _set(ui.resultsList, "currentRow", row)
        tables = tuple(Option(name, name) for name in state.colorTables)
        self._fill("colorTableComboBox", tables, display.colorTable if display else "", "")
        _set(ui.factsText, "plainText", state.resultFacts)
        _set(ui.exportButton, "enabled", not state.exportReason)
        _set(ui.exportButton, "toolTip", state.exportReason or "Writes this map (.nrrd) and its facts (.json).")
        for name, reason, tip in _TESTS:
            _set(getattr(ui, name), "enabled", not getattr(state, reason))
            _set(getattr(ui, name), "toolTip", getattr(state, reason) or tip)
        _set(ui.numbersLabel, "toolTip", state.numbersTip)
        _set(ui.checkCheckBox, "checked", state.checksEvery)
        _show(ui.stopCheckButton, state.checking)
        _set(ui.removeButton, "toolTip", _REMOVE_ALL_TIP if state.inComparison else _REMOVE_TIP)
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
            _set(control, "checked", wanted)
        _set(ui.colorTableComboBox, "enabled", not display.signed)
        _set(ui.opacitySlider, "enabled", display.foreground)

    def _fill(self, name, options, chosen, prompt):
        combo = getattr(self._ui, name)
        keys = [option.key for option in options]
        if prompt and chosen not in keys:
            options, keys = (Option("", prompt), *options), ["", *keys]
        if self._filled.get(name) != options:
            combo.clear()
            for index, option in enumerate(options):
                combo.addItem(option.text, option.key)
                combo.setItemData(index, option.tip, _TOOLTIP_ROLE)
            self._filled[name] = options
        index = keys.index(chosen) if chosen in keys else 0 if keys else -1
        _set(combo, "currentIndex", index)


def _set(widget, name, value):
    if getattr(widget, name) != value:
        setattr(widget, name, value)


def _show(widget, shown):
    """By the widget's own flag: "visible" is False also where only a parent is not shown yet, as during setup."""
    if widget.isHidden() == shown:
        widget.setVisible(shown)


def _say(label, text):
    _set(label, "text", text)
    _show(label, bool(text))
