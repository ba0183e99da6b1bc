"""All comparisons of a run: paired, tested, and corrected together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .observed import Observed, StatisticsError
from .paired_test import OTHER_UNITS, PairedTest, holm, paired_test
from .pairing import FACTORS, Pairs, paired
from .plain_words import form_words, layer_words, method_words, model_words

#: below this corrected p a difference is told as one
ALPHA = 0.05


@dataclass(frozen=True)
class Compared:
    """number: from 1, as the figures count.  p_holm: corrected over the ``family`` tests of the same command."""

    number: int
    pairs: Pairs
    test: PairedTest
    p_holm: float | None
    family: int

    @property
    def differs(self) -> bool:
        return self.p_holm is not None and self.p_holm < ALPHA


def compared(found: Observed, by: str) -> list[Compared]:
    """Raises DependencyError where there is anything to correct and no statsmodels."""
    every = paired(found, by)
    tests = [
        paired_test(one.a_values, one.b_values)
        if len(one.measured_in) < 2
        else PairedTest(OTHER_UNITS, len(one.a_values))
        for one in every
    ]
    asked = [n for n, test in enumerate(tests) if test.p is not None]
    corrected = dict(zip(asked, holm([test.p for test in tests if test.p is not None]), strict=True))
    return [
        Compared(n + 1, one, test, corrected.get(n), len(asked))
        for n, (one, test) in enumerate(zip(every, tests, strict=True))
    ]


def called(found: Observed, own: Mapping[str, str]) -> dict[str, str]:
    """What models, methods and layers are called where a user reads; of models own words first, the demo's, else the
    hash.

    own: by the plan's word or by a hash's beginning.  A plan's word may be a path, and paths are not written.
    Raises StatisticsError for a word that is no model's.
    """
    names = {}
    models = {one.model for one in found.rows}
    for key in own:
        if not any(_is(key, model, found) for model in models):
            known = ", ".join(sorted(models))
            raise StatisticsError(f"There is no model '{key}'.", f"Say its word in the plan, or one of: {known}.")
    for model in dict.fromkeys(one.model for one in found.rows):
        word = found.models.get(model, "")
        given = [name for key, name in own.items() if _is(key, model, found)]
        names[model] = given[0] if given else model_words(word, model)
    methods = {one.method: method_words(one.method) for one in found.rows}
    layers = {name: layer_words(name, *about) for name, about in found.layers.items()}
    return layers | methods | names


def _is(key: str, model: str, found: Observed) -> bool:
    return key == found.models.get(model) or (len(key) >= 4 and model.startswith(key))


def level(one: Compared, side: str, names: Mapping[str, str]) -> str:
    """What a side ("a", "b") of a comparison is called."""
    word = getattr(one.pairs, side)
    return names.get(word, word)


def held(one: Compared, names: Mapping[str, str]) -> str:
    """What both sides have in common, for headings."""
    words = dict(one.pairs.held)
    told = [names.get(words[factor], words[factor]) for factor in FACTORS if factor in words]
    told += [f"class {words['class_name']}"] if words.get("class_name") else []
    told += [form_words(words["form"])] if words.get("form") else []
    rival = [f"rival {words['rival']}"] if words.get("rival") else []
    return ", ".join([one for one in told if one] + rival)
