"""The map that is checked, in the session that made it: what is kept, and what may still be spent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...cam.methods import method as method_of
from ...protocol.explanation import Explanation
from ...protocol.grid import Grid
from ...protocol.pixel_set import PixelSet
from ...protocol.question import DEEPEST, DEFAULT_METHOD, LOGIT, MAIN
from ...protocol.recipes import as_recipe
from ...session.answer import status_of
from ...session.understood import score_of
from .explained_case import Case, frozen

#: predictions the fast tier may add to an explanation (a model with windows: as many times those that meet M)
FORWARDS = 3


@dataclass(eq=False)
class Found:
    """The map in question, its explanation in this session, and how many passes were spent so far beyond it.

    passes: network passes behind one prediction.  layer_grid: the layer's cells, where a map that was sent may lie on
    another grid.  kept: whether another question about this layer costs none.
    """

    session: object
    pixels: PixelSet
    words: dict
    explanation: Explanation
    passes: int
    spent: int = 0
    seconds_per_pass: float | None = None
    layer_grid: Grid | None = None

    @staticmethod
    def of(session, pixels, words: dict, sent, tell) -> Found:
        method, before = method_of(words["methods"][0]), session.forward_calls
        known = frozen(session, as_recipe(pixels), session.model.class_index(words["class_index"]), tell)
        words = {**words, "methods": [method]}
        if method.at_input:
            words["layers"] = MAIN  # maps on the image know no layer; the word costs nothing
        if isinstance(sent, Explanation):
            one = sent
        else:
            asking = dict(words)
            if sent is not None and method.needs_context:
                # the map is there; the score, the layer and the rest come with a cheap one, of any layer
                asking |= {"methods": [DEFAULT_METHOD]} | ({"layers": DEEPEST} if method.at_input else {})
            one = session.ask(known, progress=tell, **asking)[0]
        layer_grid = None if method.at_input else one.grid
        if not isinstance(sent, Explanation):
            if sent is not None:
                one = _carrying(one, method, *sent)
        # finding M may have taken a prediction, too
        spent = 0 if sent is None else session.forward_calls - before
        if not method.at_input:
            words["layers"] = [one.layer.name]
        return Found(session, known, words, one, session.runs_around(known), spent, None, layer_grid)

    @property
    def method(self):
        return self.words["methods"][0]

    @property
    def kept(self) -> bool:
        return self.session.holds(self.explanation.layer.name, self.pixels)

    @property
    def left(self) -> int:
        """Passes that may still be spent."""
        return FORWARDS * self.passes - self.spent

    @property
    def asked(self) -> dict:
        """Which score was asked for."""
        return score_words(self.words)

    @property
    def score(self):
        """The :class:`score.Score` that was differentiated."""
        return score_of(self.session.model, **self.asked)

    @property
    def mean_score(self) -> float | None:
        """S / |M|, where the explanation's S is exact."""
        if self.session.tolerance:
            return None
        return self.explanation.score / float(self.pixels.weights.sum(dtype=np.float64))

    @property
    def case(self) -> Case:
        session = self.session
        return Case(
            session.model, session.image, self.pixels, self.words, self.explanation.map, self.explanation.grid,
            session, session.device, session.precision, session.tolerance,
        )  # fmt: skip


def score_words(words: dict) -> dict:
    """class_index, score and rival of a question's words."""
    return {"class_index": words["class_index"], "score": words.get("score") or LOGIT, "rival": words.get("rival")}


def _carrying(one: Explanation, method, values: np.ndarray, grid: Grid) -> Explanation:
    """The explanation with the map that was sent."""
    layer = replace(one.layer, name="input", part="input") if method.at_input else one.layer
    unit = method.unit or one.unit
    status, reason = status_of(np.asarray(values), "no cell was given a value")
    sent = replace(one, map=np.asarray(values), grid=grid, method=method.name, unit=unit, layer=layer)
    notes = () if method.needs_context else one.notes
    return replace(sent, method_title=method.title, notes=notes, status=status, reason=reason)
