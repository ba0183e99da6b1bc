"""The button below the panel, and the text that it brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...setup.Translation import _
from ..Controls import FeatureView

TIP = _(
    "Looks at Python, PyTorch, cards and disk, and makes a small map on each device, in a separate process. "
    "Nothing is written or sent."
)


@dataclass(frozen=True)
class SetupCheckState:
    """reason: why the button is disabled, "" if it is not.  now: what is being looked at.  text: what was found, ""
    before and after."""

    reason: str = ""
    running: bool = False
    now: str = ""
    text: str = ""


class SetupCheckView(FeatureView):
    def connect(self, check: Any) -> None:
        """check: SetupCheckLogic."""
        self._controls.onClick("setupCheckButton", check.toggle)
        self._controls.onClick("setupCheckCloseButton", check.close)
        self._controls.onClick("setupCheckCopyButton", self._copy)

    def show(self, state: SetupCheckState) -> None:
        controls = self._controls
        controls.set("setupCheckButton", "text", _("Stop checking") if state.running else _("Check my setup"))
        controls.button("setupCheckButton", state.reason, TIP)
        controls.say("setupCheckLabel", _("Checking: {now}").format(now=state.now) if state.running else "")
        controls.show("setupCheckArea", bool(state.text))
        controls.set("setupCheckText", "plainText", state.text)

    def _copy(self) -> None:
        text = self._controls.ui.setupCheckText
        text.selectAll()
        text.copy()


def placeSetupCheck(panel: Any, footer: Any) -> None:
    """Puts the footer (SetupCheck.ui) where the panel says what computes, and that line before the button."""
    layout, label = panel.layout(), panel.findChild("QLabel", "deviceTextLabel")
    place = layout.indexOf(label) if label is not None else -1
    layout.insertWidget(place, footer)  # -1: at the end
    if place >= 0:
        footer.findChild("QHBoxLayout", "setupCheckRow").insertWidget(0, label, 1)
