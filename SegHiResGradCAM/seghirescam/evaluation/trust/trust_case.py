"""The map that is judged, in the session that made it: what is kept, and what may still be spent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...cam.methods import method as method_of
from ...protocol.explanation import Explanation
from ...protocol.grid import Grid
from ...protocol.pixel_set import PixelSet
from ...protocol.question import DEEPEST, MAIN
from ...protocol.recipes import as_recipe
from ...session.answer import status_of
from ...session.understood import score_of
from ..metrics.explained_case import Case, frozen

#: predictions the fast tier may add to an explanation (a model with windows: as many times those that meet M)
FORWARDS = 3


@dataclass(eq=False)
class Found:
    """The map in question, its explanation in this session, and how many passes were spent so far beyond it.

    passes: network passes behind one prediction.  kept: whether another question about this layer costs none.
    """

    session: object
    pixels: PixelSet
    words: dict
    explanation: Explanation
    passes: int
    spent: int = 0
    seconds_per_pass: float | None = None

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
                asking |= {"methods": ["seg_hires_grad_cam"]} | ({"layers": DEEPEST} if method.at_input else {})
            one = session.ask(known, progress=tell, **asking)[0]
            if sent is not None:
                one = _carrying(one, method, *sent)
        # finding M may have taken a prediction, too
        spent = 0 if sent is None else session.forward_calls - before
        if not method.at_input:
            words["layers"] = [one.layer.name]
        return Found(session, known, words, one, passes_of(session, known), spent)

    @property
    def method(self):
        return self.words["methods"][0]

    @property
    def kept(self) -> bool:
        return is_kept(self.session, self.explanation.layer.name, self.pixels)

    @property
    def left(self) -> int:
        """Passes that may still be spent."""
        return FORWARDS * self.passes - self.spent

    @property
    def score(self):
        """The :class:`score.Score` that was differentiated."""

        words = self.words
        return score_of(self.session.model, words["class_index"], words.get("score") or "logit", words.get("rival"))

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

    def spend(self, passes: int) -> None:
        self.spent += passes


def passes_of(session, around: PixelSet) -> int:
    """Network passes behind one prediction around a set: windows that meet it, times mirrorings and folds."""
    return session.runs_around(around)


def is_kept(session, layer: str, pixels: PixelSet) -> bool:
    """Whether a further question about this layer and these voxels costs no forward pass."""
    return session.holds(layer, pixels)


def _carrying(one: Explanation, method, values: np.ndarray, grid: Grid) -> Explanation:
    """The explanation with the map that was sent."""
    layer = replace(one.layer, name="input", part="input") if method.at_input else one.layer
    unit = method.unit or one.unit
    status, reason = status_of(np.asarray(values), "no cell was given a value")
    sent = replace(one, map=np.asarray(values), grid=grid, method=method.name, unit=unit, layer=layer)
    notes = () if method.needs_context else one.notes
    return replace(sent, method_title=method.title, notes=notes, status=status, reason=reason)


def part(tell, start: float, end: float):
    """Progress of one step as a part of the whole."""
    return lambda fraction, phase: tell(start + (end - start) * fraction, phase)
