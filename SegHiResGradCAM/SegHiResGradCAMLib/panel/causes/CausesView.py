"""What made the network say so, in the panel: a button a question, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...setup.Translation import _
from ..Controls import FeatureView

_CHANNELS_TIP = _("Takes the volumes away one by one and in every combination: what does each add to the score?")
_ANATOMY_TIP = _(
    "Takes the segments of the chosen segmentation away one by one and in every combination: what does each "
    "add to the score?"
)
_FLIP_TIP = _("Searches the smallest region beside the segment whose masking removes it, in the order of the map.")
_ASKS = _(" Says first how many passes of the network it takes, and asks.")


@dataclass(frozen=True)
class CausesState:
    """channelsReason, anatomyReason: why these cannot be asked now.  text: the answers, with a bar for each player."""

    channelsReason: str = ""
    anatomyReason: str = ""
    text: str = ""
    tip: str = ""


class CausesView(FeatureView):
    def connect(self, causes: Any) -> None:
        """causes: WhatMattered."""
        self._controls.onClick("channelCausesButton", causes.askChannels)
        self._controls.onClick("anatomyCausesButton", causes.askAnatomy)

    def show(self, state: CausesState) -> None:
        self._controls.button("channelCausesButton", state.channelsReason, _CHANNELS_TIP + _ASKS)
        self._controls.button("anatomyCausesButton", state.anatomyReason, _ANATOMY_TIP + _ASKS)
        self._controls.say("causesTextLabel", state.text)
        self._controls.tip("causesTextLabel", state.tip)


@dataclass(frozen=True)
class FlipState:
    """reason: why no flip can be searched now.  text: what the last search found."""

    reason: str = ""
    text: str = ""


class FlipView(FeatureView):
    def connect(self, flips: Any) -> None:
        """flips: SmallestFlip."""
        self._controls.onClick("flipButton", flips.search)

    def show(self, state: FlipState) -> None:
        self._controls.button("flipButton", state.reason, _FLIP_TIP + _ASKS)
        self._controls.say("flipTextLabel", state.text)
