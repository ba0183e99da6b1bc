"""Which input image mattered? The score shared out among a model's channels: T1, T2, FLAIR; CT and PET; prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...cam.logits.score import Score
from ...protocol.errors import ImageError
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...session.interface import Session
from .causes import CHANNELS, Causes
from .shapley import PERMUTATIONS
from .shared_out import Players, share_out
from .stand_ins import BLUR, stand_in


def channel_causes(
    session: Session,
    pixels: Sequence[PixelSet],
    scores: Sequence[Score],
    *,
    baseline: str = BLUR,
    other: Image | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    before: Callable[[str], object] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> list[Causes]:
    """Shapley values of the mean score over each M, channels as players; an absent channel is replaced by the baseline.

    pixels: frozen sets on the model grid; scores: of each.  baseline, other: see :func:`stand_ins.stand_in`.  Exact up
    to eight channels (2^n predictions for all sets together), sampled with standard errors beyond.  before: told in
    one sentence what it takes, before the first prediction; may raise.
    Raises ImageError for a model of one channel, and what :func:`shapley.shapley` and the model raise.
    """
    names = tuple(session.model.channels)
    if len(names) < 2:
        raise ImageError(
            f"The model reads one channel ({', '.join(names) or 'the image'}): there is no other to share the score "
            "with.",
            "Ask which anatomy mattered instead.",
        )
    image, filling = session.image, stand_in(session.image, baseline, other)

    def with_only(present: np.ndarray) -> Image:
        kept = present[:, None, None, None]
        return Image(np.where(kept, image.array, filling.image.array), image.grid)

    players = Players(CHANNELS, names, with_only, filling.words)
    return share_out(session, players, pixels, scores, permutations, seed, before, Progress(progress))
