"""One entry of a list in the panel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """Its key, what the user reads, and a longer explanation."""

    key: str
    text: str
    tip: str = ""
