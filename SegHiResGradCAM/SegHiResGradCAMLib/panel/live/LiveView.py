"""Follow the crosshair, in the panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...setup.Translation import _
from ..Controls import FeatureView
from ..Option import Option
from .LiveQuestion import PART, VOXEL

_FORMS = (
    Option(VOXEL, _("voxel"), _("One voxel of the model's grid.")),
    Option(PART, _("predicted part"), _("The connected part of the model's own prediction, 5 mm around at most.")),
)
_FOLLOW_TIP = _(
    "Asks with every move about the place, at the shown layer. The newest place counts; it ends when you leave the "
    "module. What the map is about stands in its legend."
)
_HERE_TIP = _("Asks once about the place where it is now.")


@dataclass(frozen=True)
class LiveState:
    """title: what is ticked.  pointers, pointer: what can be followed.  form: what is asked about; a box is asked about
    as it is.  reason: why no place can be asked about.  said: what was answered, or why there is no answer."""

    on: bool = False
    title: str = ""
    pointers: tuple[Option, ...] = ()
    pointer: str = ""
    form: str = VOXEL
    box: bool = False
    reason: str = ""
    said: str = ""


class LiveView(FeatureView):
    def connect(self, live: Any) -> None:
        """live: LiveLogic."""
        self._controls.onCheck("followCheckBox", live.setOn)
        self._controls.onClick("askHereButton", live.askHere)
        self._controls.onChoice("pointerComboBox", live.choosePointer)
        self._controls.onChoice("placeFormComboBox", live.chooseForm)

    def show(self, state: LiveState) -> None:
        controls = self._controls
        controls.set("followCheckBox", "text", state.title)
        controls.button("followCheckBox", state.reason, _FOLLOW_TIP)
        controls.setUsers("followCheckBox", "checked", state.on)
        controls.button("askHereButton", state.reason, _HERE_TIP)
        controls.fill("pointerComboBox", state.pointers, state.pointer)
        controls.show("pointerComboBox", len(state.pointers) > 1)
        controls.fill("placeFormComboBox", _FORMS, state.form)
        controls.show("placeFormComboBox", not state.box)
        controls.say("placeTextLabel", state.said)
