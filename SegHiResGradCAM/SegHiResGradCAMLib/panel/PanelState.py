"""Everything the panel shows, as plain values: the features make it, their views copy it into the controls."""

from __future__ import annotations

from types import SimpleNamespace


class PanelState(SimpleNamespace):
    """The features' states, by the features' names.  fresh: names of those that were made anew, () for all."""

    fresh: tuple[str, ...]
