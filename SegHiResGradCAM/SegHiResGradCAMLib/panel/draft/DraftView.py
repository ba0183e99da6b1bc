"""The form in which a description of a user's own weights is completed, in the panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...setup.Translation import _
from ..Controls import FeatureView
from ..Option import Option
from .DraftForm import CHOSEN, Field

_TITLES = {
    "function": "Function", "classes": "Classes", "channels": "Channels", "head": "Head", "activation": "Activation",
    "axes": "Axes", "divisor": "Divisor", "arguments": "Arguments",
}  # fmt: skip
_CONTROLS = {
    "function": "draftFunctionComboBox", "classes": "draftClassesLineEdit", "channels": "draftChannelsLineEdit",
    "head": "draftHeadComboBox", "activation": "draftActivationComboBox", "axes": "draftAxesComboBox",
    "divisor": "draftDivisorSpinBox", "arguments": "draftArgumentsText",
}  # fmt: skip
_TIPS = {
    "function": _("The function or class of the Python file that builds the network."),
    "classes": _("Names of the output's channels in their order, background included, with commas between them."),
    "channels": _("Names of the input's channels in their order, with commas between them."),
    "head": _("How the network's outputs become classes."),
    "activation": _("What the network itself applies last."),
    "axes": _("The order in which the network was fed a volume's axes in its training."),
    "divisor": _("Images are padded to multiples of it: 2 for each halving in the network."),
    "arguments": _("What the network's class or function is called with and the weights do not tell, a line each."),
}
_WRITE = _("Writes the description beside the weights and opens it as the model. No code is executed.")


@dataclass(frozen=True)
class DraftState:
    """offer: what the button says, "" where nothing is offered; offerReason: why it cannot be pressed now.  shown: the
    form is open.  found: what the weights told.  options: word -> entries of its list.  marked: whether anything is
    marked as assumed.  reason: why nothing can be written now."""

    offer: str = ""
    offerReason: str = ""
    offerTip: str = ""
    shown: bool = False
    found: str = ""
    factory: str = ""
    fields: Mapping[str, Field] = field(default_factory=dict)
    options: Mapping[str, tuple[Option, ...]] = field(default_factory=dict)
    marked: bool = False
    confirmed: bool = False
    reason: str = ""


class DraftView(FeatureView):
    def connect(self, drafts: Any) -> None:
        """drafts: DraftLogic."""
        controls = self._controls
        controls.onClick("describeButton", drafts.begin)
        controls.onClick("draftWriteButton", drafts.write)
        controls.onClick("draftCloseButton", drafts.close)
        controls.onCheck("draftConfirmCheckBox", drafts.confirm)
        ui = controls.ui
        ui.draftFactoryLineEdit.connect("currentPathChanged(QString)", controls.byUser(drafts.pickFactory))
        for word in ("classes", "channels"):
            edit = getattr(ui, _CONTROLS[word])
            edit.connect("textEdited(QString)", lambda text, word=word: drafts.say(word, text))
        for word in ("function", *CHOSEN):
            controls.onChoice(_CONTROLS[word], lambda key, word=word: drafts.say(word, key))
        ui.draftDivisorSpinBox.connect(
            "valueChanged(int)", controls.byUser(lambda value: drafts.say("divisor", str(value)))
        )
        text = ui.draftArgumentsText
        text.connect("textChanged()", lambda: None if controls.filling else drafts.say("arguments", text.plainText))

    def show(self, state: DraftState) -> None:
        controls = self._controls
        controls.show("describeButton", bool(state.offer))
        controls.show("draftArea", state.shown)
        if state.offer:
            controls.set("describeButton", "text", state.offer)
            controls.button("describeButton", state.offerReason, state.offerTip)
        if not state.shown:
            return
        controls.set("draftFoundLabel", "text", state.found)
        controls.setUsers("draftFactoryLineEdit", "currentPath", state.factory)
        for word, one in state.fields.items():
            self._showField(word, one, state.options.get(word, ()))
        controls.show("draftConfirmCheckBox", state.marked)
        controls.setUsers("draftConfirmCheckBox", "checked", state.confirmed)
        controls.button("draftWriteButton", state.reason, _WRITE)

    def _showField(self, word: str, one: Field, options: tuple[Option, ...]) -> None:
        controls, control, label = self._controls, _CONTROLS[word], f"draft{_TITLES[word]}Label"
        controls.show(control, one.shown)
        controls.show(label, one.shown)
        if not one.shown:
            return
        controls.set(label, "text", f"{_TITLES[word]}{' *' if one.assumed else ''}:")
        for name in (control, label):
            controls.tip(name, f"{_TIPS[word]}\n{one.why}".strip())
        if options:
            controls.fill(control, options, one.text, _("Choose...") if word == "function" else "")
        elif word == "divisor":
            controls.setUsers(control, "value", int(one.text))
        else:
            controls.setUsers(control, "plainText" if word == "arguments" else "text", one.text)
