"""What passes took so far, so that a cost can be told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..cam.methods import method as method_named
from ..evaluation.trust.trust_cost import EXPLANATION

if TYPE_CHECKING:
    from ..protocol.explanation import Explanation


@dataclass
class Pace:
    """Of one session. seconds: of a prediction's forward pass; timed: on predictions, not guessed from an explanation.

    forwards: passes an explanation took, by method and layer.
    """

    seconds: float | None = None
    timed: bool = False
    forwards: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, explanations: Iterable[Explanation], seconds: float, forwards: int) -> None:
        """What one question's explanations took, until a prediction has been timed."""
        if forwards <= 0:
            return
        for one in explanations:
            self.forwards[one.method, one.layer.name] = forwards
        if not self.timed:
            # passes of a method's own mostly have no backward pass
            own = any(method_named(one.method).needs_context for one in explanations)
            self.seconds = seconds / forwards / (1 if own else EXPLANATION)

    def time(self, seconds: float | None) -> None:
        """What a prediction's pass took, if it was timed."""
        if seconds is not None:
            self.seconds, self.timed = seconds, True

    def of(self, method: str, layer: str | None) -> int | None:
        """Passes of an explanation; of another layer, the most, where this one was not explained yet."""
        known = {name: count for (one, name), count in self.forwards.items() if one == method}
        return known[layer] if layer in known else max(known.values(), default=None)
