"""Mean scores over frozen pixel sets of changed images of one case: what every question about causes asks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ...cam.logits.score import Score
from ...protocol.errors import ModelError
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...session.interface import Session
from ..painting.rerun import Rerun, Seen


class ChangedScores:
    """pixels: one M or several, frozen, on the model grid; scores: of each.

    Where inference averages windows only those that meet a set are run, and of those only the ones that a change
    reaches.  images: predictions made so far.
    """

    def __init__(self, session: Session, pixels: Sequence[PixelSet], scores: Sequence[Score]):
        self.session, self.pixels, self.scores = session, list(pixels), list(scores)
        self.rerun = Rerun.of(session, remember=True)
        self.around = together(self.pixels)
        self.images = 0

    @property
    def passes_each(self) -> int:
        """Network passes behind one prediction, at most."""
        return self.session.runs_around(self.around)

    @property
    def passes(self) -> int:
        """Network passes made so far."""
        return self.rerun.forward_calls

    def seen(self, image: Image, progress: Callable[[float, str], None] | None = None) -> Seen:
        """What the model says about a changed image, around the pixel sets."""
        self.images += 1
        return self.rerun.see(image, self.around, progress)

    def of(self, image: Image, progress: Callable[[float, str], None] | None = None) -> np.ndarray:
        """Mean scores float64 ``[sets]``. Raises ModelError for an answer that is not finite."""
        return self.read(self.seen(image, Progress(progress)))

    def read(self, seen: Seen) -> np.ndarray:
        """The same of an answer that is there."""
        found = [seen.mean_score(m, score) for m, score in zip(self.pixels, self.scores, strict=True)]
        if not all(map(math.isfinite, found)):
            raise ModelError(
                "The model's answer about a changed image is not finite.",
                "Use another baseline, or --precision fp32.",
            )
        return np.array(found)


def together(pixels: Sequence[PixelSet]) -> PixelSet:
    """Their union, on the grid that they share."""
    first = pixels[0]
    if len(pixels) == 1:
        return first
    return PixelSet(np.maximum.reduce([one.weights for one in pixels]), first.grid, "all pixel sets")
