"""Apply, what runs, and what went wrong, in the panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...setup.Translation import _
from ..Controls import FeatureView


@dataclass(frozen=True)
class RunState:
    """editable: the question may be changed (not while it is being answered).  applyReason: why Apply is disabled, ""
    if it is not.  fraction: 0..1 while ``busy``.  error: one sentence with what to do, ``details`` for the folded text.
    """

    editable: bool = True
    busy: bool = False
    cancelling: bool = False
    fraction: float = 0.0
    status: str = ""
    applyReason: str = ""
    device: str = ""
    demoOffered: bool = False
    error: str = ""
    details: str = ""

    @property
    def canApply(self) -> bool:
        """The button works: as Apply when nothing is missing, as Cancel while something runs."""
        return not self.cancelling if self.busy else not self.applyReason

    @property
    def applyText(self) -> str:
        return _("C&ancel") if self.busy else _("&Apply")


class RunView(FeatureView):
    def connect(self, run: Any) -> None:
        """run: RunLogic."""
        self._controls.onClick("demoButton", run.tryDemo)
        self._controls.onClick("applyButton", run.apply)

    def show(self, state: RunState) -> None:
        controls = self._controls
        for name in ("inputsSection", "advancedSection"):
            controls.set(name, "enabled", state.editable)
        controls.show("startArea", state.demoOffered)
        controls.set("applyButton", "text", state.applyText)
        controls.set("applyButton", "enabled", state.canApply)
        tip = _("Stop the computation; the scene stays as it is.") if state.busy else state.applyReason
        controls.tip("applyButton", tip or _("Ask the network why it drew the segment."))
        status = state.status or ("" if state.error else state.applyReason)
        controls.show("progressBar", state.busy)
        controls.set("progressBar", "value", round(1000 * state.fraction))
        controls.say("statusLabel", status)
        controls.show("progressRow", state.busy or bool(status))
        controls.say("deviceTextLabel", state.device)
        controls.show("errorArea", bool(state.error))
        controls.set("errorLabel", "text", state.error)
        controls.show("detailsButton", bool(state.details))
        controls.set("detailsText", "plainText", state.details)
