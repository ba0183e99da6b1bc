"""Two models of one command: their classes and layers by one word or two, their consent, both opened for one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from ...models import recognise
from ...protocol.errors import ClassError, LayerError, MethodError, ModelError
from ...protocol.explanation import ClassInfo
from ...protocol.question import DEEPEST, DEFAULT, EACH, MAIN
from ..inputs import Opened, checked
from ..question_options import Asked, understood

_WORDS = (EACH, DEFAULT, DEEPEST)


class ModelPair:
    """A and B. asked: the question to each, in its own words.  opened: each with its image; known once they are open.

    Raises ModelError for another number of models than two, ClassError and LayerError.
    """

    def __init__(self, options):
        if len(options.model) != 2:
            given = "one was" if len(options.model) == 1 else f"{len(options.model)} were"
            raise ModelError(f"Two models are compared, and {given} named.", "Name --model twice: A, then B.")
        self.options = options
        self.asked = self._questions()
        self.opened: tuple[Opened, Opened] = ()  # type: ignore[assignment]

    def open(self, console) -> tuple[Opened, Opened]:
        """Raises what opening a model and reading an image do; before the first is opened, what can be refused."""
        for n, asked in enumerate(self.asked):
            checked(self._of(n), asked.classes)
        found = []
        for n, asked in enumerate(self.asked):
            found.append(Opened(self._of(n), console, classes=asked.classes, settings=asked.settings))
        a, b = found
        if a.image.grid.same_as(b.image.grid) and np.array_equal(a.image.array, b.image.array):
            b.image = a.image  # one copy in memory
        self.opened = (a, b)
        return self.opened

    def on_some_device(self, work):
        """(what ``work()`` gives, notes): a model moves to the CPU where a GPU chosen by us has no room for it."""
        a, b = self.opened
        (found, second), first = a.on_some_device(lambda: b.on_some_device(work))
        return found, tuple(dict.fromkeys((*first, *second)))

    def words(self) -> dict:
        """The question's words as ``disagree`` takes them, classes by the opened models' indices."""
        each = [asked.question(opened) for asked, opened in zip(self.asked, self.opened, strict=True)]
        first = each[0]
        rivals = [one["rival"] for one in each]
        return {
            "class_index": [one["class_index"] for one in each],
            "rival": None if rivals[0] is None else rivals,
            "layers": [one["layers"] if isinstance(one["layers"], str) else one["layers"][0] for one in each],
            "method": first["methods"][0], "score": first["score"], "side": first["side"],
        }  # fmt: skip

    def _of(self, n: int) -> SimpleNamespace:
        """The options as a command about one of them has them."""
        options = self.options
        source = options.model[n]
        image = options.image_b if n and options.image_b else options.image
        hashes = options.consent_sha256 or []
        if hashes:
            hashes = [digest for digest in hashes if digest == recognise(source).consent_hash(source)] or hashes
        one = {"model": source, "image": image, "consent_sha256": hashes[0] if hashes else None}
        return SimpleNamespace(**vars(options) | one)

    def _questions(self) -> tuple[Asked, Asked]:
        if self.options.class_name is None:  # which is meant of each of the two is not for us to say
            raise ClassError("No class was named.", "Add --class NAME, or NAME,NAME_B where B calls it otherwise.")
        asked = understood(self.options)
        if len(asked.methods) != 1:
            raise MethodError("Two models are compared by one method.", "Name --method once.")
        known = [recognise(source).classes(source) for source in self.options.model]
        classes = class_pair(asked.class_name, *known)
        rivals = (None, None) if asked.rival is None else class_pair(asked.rival, *known)
        layers = layer_pair(asked.layers if self.options.layers else (EACH,))
        a, b = (
            replace(asked, class_name=classes[n], rival=rivals[n], layers=(layers[n],), pixel_sets=("segment",))
            for n in (0, 1)
        )
        return a, b


def class_pair(text: str, a: Sequence[ClassInfo], b: Sequence[ClassInfo]) -> tuple[str, str]:
    """The classes of A and of B that ``NAME`` or ``NAME,NAME_B`` names. a, b: the models' classes, () while unknown.

    A class whose own name holds a comma stands for itself where both models have it.
    """
    commas = [n for n, letter in enumerate(text) if letter == ","]
    split = [(text[:n].strip(), text[n + 1 :].strip()) for n in commas]
    if not split or (_has(a, text) and _has(b, text) and a and b):
        return text, text
    return next((one for one in split if _has(a, one[0]) and _has(b, one[1])), split[0])


def layer_pair(given: Sequence[str]) -> tuple[str, str]:
    """A word for both models, or a layer of each: ``A_LAYER,B_LAYER``. Raises LayerError."""
    names = [word.strip() for text in given for word in text.split(",") if word.strip()]
    if len(names) not in (1, 2) or MAIN in names:
        raise LayerError(
            "Two models are compared at one layer of each.",
            f"Give --layer one of {', '.join(_WORDS)}, or a layer of A and one of B: --layer NAME,NAME.",
        )
    return names[0], names[-1]


def _has(classes: Sequence[ClassInfo], wanted: str) -> bool:
    """True also where the classes are not known yet."""
    names = {c.name.strip().lower() for c in classes} | {str(c.index) for c in classes}
    return not classes or wanted.strip().lower() in names
