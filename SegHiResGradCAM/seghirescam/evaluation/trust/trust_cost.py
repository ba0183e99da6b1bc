"""What the full tier will take, told before it starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...cam.methods import method as method_of
from ...protocol.pixel_set import PixelSet
from ...protocol.recipes import Recipe, as_recipe
from ...protocol.value import Value
from ..deletion.gains import cost as predictions_of
from ..painting.rerun import Rerun
from .cells_removed import PASSES
from .explained_case import Case, frozen
from .full_tier import probe_of
from .sanity import STEPS
from .stability import asked_anew
from .trust_case import FORWARDS
from .verdict_limits import ORDERS

#: what a forward and a backward pass take together, in forward passes
EXPLANATION = 3


@dataclass(frozen=True)
class Cost:
    """What the full tier will take at most. forwards: network passes.  seconds: None while nothing was timed yet.

    uncounted: words about passes that could not be counted, "" where all are.
    """

    predictions: int
    explanations: int
    forwards: int
    seconds: float | None = None
    uncounted: str = ""

    @property
    def text(self) -> str:
        what = f"{self.predictions} predictions and {self.explanations} explanations"
        text = f"about {what} ({self.forwards} forward passes{self.uncounted})"
        if self.seconds is None:
            return f"{text}; how long that takes shows once the first has been made"
        return f"{text}, {duration(self.seconds)} on this machine"

    def to_json(self) -> dict:
        return {"forwards": self.forwards, "text": self.text}


def full_cost(
    session,
    pixels: Recipe | PixelSet,
    words: dict,
    *,
    seconds_per_pass: float | None = None,
    forwards_per_explanation: int | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Cost:
    """Before anything runs but what finding M takes (a prediction, where M is one and none is known).

    seconds_per_pass: of a prediction; each pass of an explanation counts as EXPLANATION of them.
    forwards_per_explanation: what an explanation was seen to take, for methods that make passes of their own (a kept
    pass may have served it: one for each window that meets M is added); all others make these alone.
    """
    known = frozen(session, as_recipe(pixels), session.model.class_index(words["class_index"]), progress)
    method = method_of(words["methods"][0])
    passes = session.runs_around(known)
    own = (forwards_per_explanation or 0) if method.needs_context else 0
    each, uncounted = passes + own, ""
    if method.needs_context and not own:
        uncounted = f"; how many {method.title} makes of its own shows once it has explained"
    explanations = 1 + STEPS + asked_anew(_unasked(session, known, words))
    predictions, forwards = FORWARDS, FORWARDS * passes
    if not method.at_input and session.model.windows is None and len(session.model.networks) == 1:
        predictions, forwards = predictions + PASSES, forwards + PASSES
    probe = probe_of(session, known, None, Rerun.of(session))
    if not isinstance(probe, Value):
        more = predictions_of(ORDERS + 1)
        predictions += more
        forwards += more * session.runs_around(probe.around)
    asked = explanations * each
    seconds = None if seconds_per_pass is None else (forwards + EXPLANATION * asked) * seconds_per_pass
    return Cost(predictions, explanations, forwards + asked, seconds, uncounted)


def duration(seconds: float) -> str:
    """Rounded upwards, in words."""
    if seconds < 10:
        return "under 10 s"
    if seconds < 90:
        return f"about {10 * int(np.ceil(seconds / 10))} s"
    if seconds < 5400:
        return f"about {int(np.ceil(seconds / 60))} min"
    return f"about {seconds / 3600:.1f} h"


def _unasked(session, pixels, words):
    """Enough of a case to count by."""
    nothing = np.zeros((1, 1, 1), np.float32)
    return Case(session.model, session.image, pixels, words, nothing, session.image.grid, precision=session.precision)
