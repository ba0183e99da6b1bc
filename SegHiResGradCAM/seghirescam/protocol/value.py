"""What every question of this room answers: a number, its unit, and whether it means anything. Standard library."""

from __future__ import annotations

import math
from dataclasses import dataclass

OK, EMPTY_REFERENCE, ZERO_MAP, NONFINITE, TOO_SMALL = "ok", "empty_reference", "zero_map", "nonfinite", "too_small"
#: a question that was not asked, because it would have cost more passes than allowed; the note says why
NOT_MEASURED = "not_measured"
#: over what the chance level of a share was counted
BODY, VOLUME, IMAGE, CELLS = "body", "volume", "image", "cells"
#: names of numbers beside a map, shares all: of the gradient, what averaging over cells keeps; of the map's magnitude,
#: what lay in cells of the padding; of the pixel set's weight, what the tolerance left out
CANCELLATION, CUT_OFF, LEFT_OUT = "cancellation", "cut_off", "left_out"
STATUSES = (OK, EMPTY_REFERENCE, ZERO_MAP, NONFINITE, TOO_SMALL, NOT_MEASURED)


@dataclass(frozen=True)
class Value:
    """value: finite, or None where the status is not OK.  unit: "" for shares and other plain numbers, "mm", "ml", ...

    chance: what the value would be without any knowledge (shares: the region's share of the volume), None where that
    has no meaning.  note: one sentence.  larger_is_more: a plain number of which k times chance is k times as good;
    not so for lengths, volumes and scores, which have a unit.  over: what chance is counted over (BODY, VOLUME, IMAGE
    of a photo, CELLS of the layer), "" where chance is no matter of places.
    """

    value: float | None
    unit: str = ""
    status: str = OK
    chance: float | None = None
    note: str = ""
    larger_is_more: bool = True
    over: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"Unknown status {self.status!r}.")
        if (self.value is None) == (self.status == OK):
            raise ValueError("A value is there exactly where the status is ok.")

    @staticmethod
    def of(number: float, unit: str = "", chance: float | None = None, note: str = "") -> Value:
        """NONFINITE instead of NaN and infinity."""
        if not math.isfinite(number):
            return Value(None, unit, NONFINITE, chance, note)
        return Value(float(number), unit, OK, chance, note)

    @staticmethod
    def without(status: str, note: str, unit: str = "", chance: float | None = None) -> Value:
        return Value(None, unit, status, chance, note)

    @property
    def ok(self) -> bool:
        return self.status == OK

    @property
    def lift(self) -> float | None:
        """value / chance of a share; None for what is none, where either is missing, and where chance is zero."""
        if self.value is None or not self.chance or self.unit or not self.larger_is_more:
            return None
        return self.value / self.chance

    @property
    def log2_lift(self) -> float | None:
        """How often the chance level is doubled; None without a lift above 0."""
        return math.log2(self.lift) if self.lift and self.lift > 0 else None

    def to_json(self) -> dict:
        return {
            "value": self.value, "unit": self.unit, "status": self.status, "chance": self.chance,
            "lift": self.lift, "log2_lift": self.log2_lift, "chance_over": self.over, "note": self.note,
        }  # fmt: skip
