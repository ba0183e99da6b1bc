"""The full check's lines of many maps of one question: the engine's own tests, what they share made once.

The same functions and the same rule as :func:`full_tier.full`, which a test compares them with; left out is what
decides nothing: fast numbers, the order of the context, steps of the randomisation but the last, shift and flip.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from seghirescam.evaluation.deletion.activation_deletion import layer_probe
from seghirescam.evaluation.metrics.baselines import edges, paint_the_prediction
from seghirescam.evaluation.trust.cells_removed import EDGES, PAINTED, cells_removed
from seghirescam.evaluation.trust.explained_case import Case
from seghirescam.evaluation.trust.full_tier import random_row, stability_rows
from seghirescam.evaluation.trust.made_again import made_again, unknown_origin
from seghirescam.evaluation.trust.rows import RANDOMISATION, STABILITY, Row, lines_of, verdict_of
from seghirescam.evaluation.trust.sanity import asked_in_order, randomisation
from seghirescam.evaluation.trust.stability import NOISE, stability
from seghirescam.evaluation.trust.trust_case import score_words
from seghirescam.protocol.resampling import spread
from seghirescam.protocol.value import NOT_MEASURED, Value
from seghirescam.session.understood import score_of

from .subjects import Subject
from .wrong_maps import wrong_maps

RIGHT = "right"
NUMBERS = ("cosine", "fall", "fall_random", "randomised", "noise")
COLUMNS = (
    "group", "network", "case", "kind", "proven", "drawn", "verdict", "belongs", "used", "specific", "bare_used",
    *NUMBERS,
)  # fmt: skip


def judged(subject: Subject) -> Iterator[dict]:
    """A dictionary a map: COLUMNS; the right map first. bare_used: the line about use for a map of unknown origin."""
    right = subject.explained()
    if right.status != "ok":
        return
    grid = subject.image.grid
    score = score_of(subject.model, **score_words(subject.words))
    case = _case(subject, right.map, right.grid)
    again, orders = asked_in_order(case)
    beside = {
        EDGES: spread(edges(subject.image.array, grid), grid, right.grid),
        PAINTED: spread(paint_the_prediction(subject.pixels.on(grid)), grid, right.grid),
    }
    maps = [(RIGHT, right.map, right.grid), *wrong_maps(subject, right)]
    with layer_probe(subject.model, subject.image, subject.pixels, score, right.layer.name) as probe:
        for kind, values, place in maps:
            own = _case(subject, values, place)
            same = values.shape == right.map.shape and place.same_as(right.grid)
            cells = values if same else spread(values, place, right.grid)
            rows = [made_again(own, again), cells_removed(probe, cells)]
            rows += _specific(own, orders) if rows[0].passed else _nothing()
            bare = [unknown_origin(), cells_removed(probe, cells, beside), *_nothing()]
            words = {line.name: line.word for line in lines_of(rows)}
            yield {
                "group": subject.group, "network": subject.network, "case": subject.case, "kind": kind,
                "proven": _yes(subject.proven(right.resampled_to(grid).array)), "drawn": probe.drawn,
                "verdict": verdict_of(rows)[0], **words, "bare_used": lines_of(bare)[1].word,
                "cosine": rows[0].value.value, "fall": rows[1].value.value, "fall_random": rows[1].threshold,
                "randomised": rows[2].value.value, "noise": rows[3].value.value,
            }  # fmt: skip


def _case(subject, values, place):
    return Case(subject.model, subject.image, subject.pixels, subject.words, np.asarray(values), place)


def _specific(case, orders):
    steps = randomisation(case, steps=1, orders=orders)
    return [random_row(case, steps), *stability_rows(stability(case, kinds=(NOISE,)))]


def _nothing():
    return [Row(name, Value.without(NOT_MEASURED, "Another map.")) for name in (RANDOMISATION, STABILITY)]


def _yes(known):
    return "" if known is None else "yes" if known else "no"
