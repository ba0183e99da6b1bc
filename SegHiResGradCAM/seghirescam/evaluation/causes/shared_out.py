"""The one way from players to causes: coalitions of what is present, the model asked about each, the change shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...cam.logits.score import Score
from ...protocol.image import Image
from ...protocol.pixel_set import PixelSet
from ...protocol.progress import Progress
from ...protocol.sizes import Size
from ...session.answer import draw_notes
from ...session.interface import Session
from .cause_words import cost_sentence
from .causes import Causes, causes_of
from .changed_scores import ChangedScores
from .shapley import MOST_EXACT, coalitions, shapley


@dataclass(frozen=True, eq=False)
class Players:
    """of: what they are.  with_only: the image with only these present (bool ``[players]``).  baseline: in words.

    sizes: of each.  masks: bool ``[K, J, I]`` of each on the image's grid, to tell which share of M lies in it; where:
    M there (``[K, J, I]``), of each pixel set; () is M carried over from the model grid.
    """

    of: str
    names: tuple[str, ...]
    with_only: Callable[[np.ndarray], Image]
    baseline: str
    sizes: tuple[Size, ...] = ()
    masks: tuple[np.ndarray, ...] = ()
    where: tuple[np.ndarray, ...] = ()
    notes: tuple[str, ...] = ()


def share_out(
    session: Session,
    players: Players,
    pixels: Sequence[PixelSet],
    scores: Sequence[Score],
    permutations: int,
    seed: int,
    before: Callable[[str], object] | None,
    tell: Progress,
) -> list[Causes]:
    """One :class:`causes.Causes` for each pixel set."""
    tell(0.0, "preparing the image")
    changed = ChangedScores(session, pixels, scores)
    count = len(players.names)
    if before is not None:
        before(cost_sentence(coalitions(count, permutations), changed.passes_each, count > MOST_EXACT))

    def game(present: np.ndarray, progress: Progress) -> np.ndarray:
        image = session.image if present.all() else players.with_only(present)
        return changed.of(image, progress)

    shares = shapley(count, game, permutations=permutations, seed=seed, progress=tell)
    tell(1.0, "done")
    grid = session.image.grid
    inside = None
    if players.masks:
        weights = [np.asarray(w, np.float64) for w in players.where or [one.on(grid).weights for one in pixels]]
        inside = [[float(w[mask].sum() / w.sum()) for w in weights] for mask in players.masks]
    names = {info.index: info.name for info in session.model.classes}
    notes = (*players.notes, *draw_notes(session.model.networks))
    if changed.rerun.spared:
        notes += (f"{changed.rerun.spared} window passes were spared: nothing had changed in those windows.",)
    return [
        Causes(
            players.of, one.label, names[score.class_index], score.title(names), score.unit, float(shares.full[n]),
            float(shares.none[n]), causes_of(shares, n, players.names, players.sizes, inside), players.baseline,
            shares.coalitions, shares.permutations, changed.passes, notes,
        )
        for n, (one, score) in enumerate(zip(pixels, scores, strict=True))
    ]  # fmt: skip
