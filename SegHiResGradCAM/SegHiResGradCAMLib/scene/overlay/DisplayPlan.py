"""From a map's evidence and the settings to window, threshold and hidden colours: plain numbers, no MRML."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seghirescam.protocol.display.evidence import Evidence

from .DisplaySettings import DisplaySettings

COLORS = 256  # Slicer maps a windowed volume to 256 levels before it looks up colours
_STEPS_TO_LEVEL = 250.0  # a step is 2 end / 255: with 250 levels to the end, +-level stays clear of the middle step


@dataclass(frozen=True)
class DisplayPlan:
    """window: (lower, upper) of the colour scale.  threshold: (lower, upper) that stays visible, None in signed mode.
    hidden: indices of the diverging table that get alpha 0 (signed mode).  level: the smallest visible |value|.
    shareShown: what the visible region really holds, 0..1; at least the share asked for unless nothing is visible.
    """

    window: tuple[float, float]
    threshold: tuple[float, float] | None
    hidden: range
    level: float
    shareShown: float

    @property
    def isEmpty(self) -> bool:
        return not math.isfinite(self.level)

    @staticmethod
    def of(evidence: Evidence, settings: DisplaySettings) -> DisplayPlan:
        """evidence: of the stored map."""
        return _signedPlan(evidence, settings) if settings.signed else _unsignedPlan(evidence, settings)


def _unsignedPlan(evidence: Evidence, settings: DisplaySettings) -> DisplayPlan:
    level, largest = evidence.positive.holding(settings.share), evidence.largest
    if math.isinf(level):
        above = max(largest, 0.0) + 1.0  # nothing is positive: a threshold above everything hides it all
        return DisplayPlan((0.0, settings.maximum or 1.0), (above, above + 1.0), range(0), level, 0.0)
    # scene files keep about six digits: round so that a reloaded threshold neither loses ties nor the brightest voxel
    level = _roundedDown(level)
    shown = evidence.positive.at_least(level) / evidence.positive.total
    return DisplayPlan((0.0, settings.maximum or largest), (level, 2.0 * largest), range(0), level, shown)


def _signedPlan(evidence: Evidence, settings: DisplaySettings) -> DisplayPlan:
    level = evidence.both.holding(settings.share)
    if math.isinf(level):
        end = settings.maximum or 1.0
        return DisplayPlan((-end, end), None, range(COLORS), level, 0.0)
    largest = max(evidence.largest, -evidence.smallest)
    # the level must be more than one step of the scale, or the step around zero could not be hidden without loss
    end = min(settings.maximum or largest, level * _STEPS_TO_LEVEL)
    hidden = _stepsWithin(level, end)
    lower, upper = (end * (2 * step / (COLORS - 1) - 1) for step in (hidden.start, hidden.stop))
    lost = evidence.positive.below(upper) + evidence.negative.below(math.nextafter(-lower, math.inf))
    return DisplayPlan((-end, end), None, hidden, level, 1.0 - lost / evidence.both.total)


def _stepsWithin(level: float, end: float) -> range:
    """Steps of the scale that lie wholly within (-level, level), the one around zero always among them.

    Step n holds the values from end * (2 n / 255 - 1) up to the next step's.
    """
    half = (COLORS - 1) / 2
    first = math.floor(half * (1 - level / end) + 1e-9) + 1
    last = math.ceil(half * (1 + level / end) - 1e-9) - 2
    middle = (COLORS - 1) // 2
    return range(min(first, middle), max(last, middle) + 1)


def _roundedDown(value: float, digits: int = 5) -> float:
    """The largest number of ``digits`` significant digits that does not exceed a positive value."""
    step = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return float(f"{math.floor(value / step) * step:.{digits}g}")
