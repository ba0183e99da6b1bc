"""The second model in the panel, and what came of comparing it with the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...setup.Translation import _
from ..Controls import FeatureView
from ..Option import Option

_TIP = _(
    "Both models predict the class; where only one of them finds it, and where both do, both are asked why: "
    "the three sets as segments, a map of each model for each, and a table."
)


@dataclass(frozen=True)
class DisagreementState:
    """models, model, classes, className: of the second model.  ownClass: it calls the class otherwise.  reason: why
    nothing can be compared now.  text: what was found.  rows: its numbers, a line each."""

    models: tuple[Option, ...] = ()
    model: str = ""
    classes: tuple[Option, ...] = ()
    className: str = ""
    ownClass: bool = False
    reason: str = ""
    text: str = ""
    rows: str = ""


class DisagreementView(FeatureView):
    def connect(self, disagreements: Any) -> None:
        """disagreements: DisagreementLogic."""
        self._controls.onChoice("secondModelComboBox", disagreements.second.pick)
        self._controls.onChoice("secondClassComboBox", disagreements.chooseClass)
        self._controls.onClick("disagreeButton", disagreements.compare)

    def show(self, state: DisagreementState) -> None:
        controls = self._controls
        controls.fill("secondModelComboBox", state.models, state.model, _("Second model..."))
        controls.fill("secondClassComboBox", state.classes, state.className, _("Its class..."))
        controls.show("secondClassRow", state.ownClass)
        controls.button("disagreeButton", state.reason, _TIP)
        controls.say("disagreeTextLabel", state.text)
        controls.tip("disagreeTextLabel", state.rows)
