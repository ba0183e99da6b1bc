"""Is the shown map faithful? The full check's part of the panel, and that of the numbers behind every map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...setup.Translation import _
from ..Controls import FeatureView
from .TrustLines import TrustLine, richText

_FULL_TIP = _(
    "Asks again, removes what the map marks, randomises the weights, adds noise. Says its cost first and starts "
    "after you confirm. A map that fails is marked: not supported by the model. It judges the map, not the network."
)
_TABLE_TIP = _("Adds a table with the numbers beside the map; Export writes it too.")
_CURVES_TIP = _("Shows the deletion and insertion curves; changes the layout to one with a plot.")


@dataclass(frozen=True)
class TrustState:
    """verdict: of the full check.  reason, tableReason, curvesReason: why these buttons are disabled."""

    verdict: str = ""
    reason: str = ""
    tableReason: str = ""
    curvesReason: str = ""


class TrustView(FeatureView):
    def connect(self, trust: Any) -> None:
        """trust: TrustLogic."""
        self._controls.onClick("fullCheckButton", trust.checkFully)
        self._controls.onClick("tableButton", trust.addTable)
        self._controls.onClick("curvesButton", trust.showCurves)

    def show(self, state: TrustState) -> None:
        self._controls.say("verdictLabel", state.verdict)
        self._controls.button("fullCheckButton", state.reason, _FULL_TIP)
        self._controls.button("tableButton", state.tableReason, _TABLE_TIP)
        self._controls.button("curvesButton", state.curvesReason, _CURVES_TIP)


@dataclass(frozen=True)
class FastCheckState:
    """lines: the three that are read first.  numbers: rich text, with a longer tip; text: what is going on while there
    are none; running: a check runs behind the panel."""

    everyMap: bool = True
    running: bool = False
    text: str = ""
    numbers: str = ""
    numbersTip: str = ""
    lines: tuple[TrustLine, ...] = ()


class FastCheckView(FeatureView):
    def connect(self, checks: Any) -> None:
        """checks: FastCheckLogic."""
        self._controls.onClick("stopCheckButton", checks.stop)
        self._controls.onCheck("checkCheckBox", checks.setEveryMap)

    def show(self, state: FastCheckState) -> None:
        self._controls.setUsers("checkCheckBox", "checked", state.everyMap)
        self._controls.show("stopCheckButton", state.running)
        self._controls.say("checkStateLabel", state.text)
        self._controls.show("checkStateRow", state.running or bool(state.text))
        self._controls.say("trustLabel", richText(state.lines))
        self._controls.tip("trustLabel", "\n".join(f"{one.text}. {one.tip}".strip() for one in state.lines))
        self._controls.say("numbersLabel", state.numbers)
        self._controls.tip("numbersLabel", state.numbersTip)
