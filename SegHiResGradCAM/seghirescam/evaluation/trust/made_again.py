"""Does the map belong to this question? The question is asked again, and the answer compared with the map."""

from __future__ import annotations

import numpy as np

from ...protocol.explanation import Explanation
from ...protocol.value import NOT_MEASURED, ZERO_MAP, Value
from .explained_case import Case
from .rows import MADE_AGAIN, Row
from .verdict_limits import RELATED, SAME_MAP


def made_again(case: Case, again: Explanation) -> Row:
    """again: the answer of the same model, image, pixel set, class, score, method and layer, made independently.

    value: the cosine of the two signed maps, cell by cell: 1 for the same map in any unit, 0 for unrelated ones.
    passed: None between RELATED and SAME_MAP.
    """
    ours, theirs = (np.asarray(values, dtype=np.float64).reshape(-1) for values in case.beside(again))
    size = float(np.linalg.norm(ours) * np.linalg.norm(theirs))
    if not np.isfinite(size):
        return Row(MADE_AGAIN, Value.without(NOT_MEASURED, "Asked again, the map holds NaN or infinite values."))
    if not size > 0:
        return Row(MADE_AGAIN, Value.without(ZERO_MAP, "Asked again, the map is zero everywhere."), SAME_MAP, False)
    cosine = float(ours @ theirs) / size
    passed = True if cosine >= SAME_MAP else False if cosine < RELATED else None
    return Row(MADE_AGAIN, Value.of(cosine), SAME_MAP, passed, {"related": RELATED})


def unknown_origin() -> Row:
    why = "It is not known by which method the map was made, so that it cannot be made again."
    return Row(MADE_AGAIN, Value.without(NOT_MEASURED, why))
