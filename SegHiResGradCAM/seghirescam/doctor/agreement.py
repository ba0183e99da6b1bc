"""How far two maps of one question are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: maps of one question on two devices in full precision; what the README promises of a GPU
TOLERANCE = 1e-4
LEAST_COSINE = 0.999999


@dataclass(frozen=True)
class Agreement:
    """difference: the largest, as a share of the first map's largest absolute value.  cosine: of the two as vectors."""

    difference: float
    cosine: float

    @property
    def holds(self) -> bool:
        """False also for what is no number."""
        return self.difference <= TOLERANCE and self.cosine >= LEAST_COSINE


def agreement(first: Any, second: Any) -> Agreement:
    """first, second: arrays of one shape, real numbers. Two maps without anything in them are alike."""
    import numpy as np

    a, b = np.asarray(first, dtype=np.float64).ravel(), np.asarray(second, dtype=np.float64).ravel()
    if a.shape != b.shape:
        raise ValueError(f"maps of {a.size} and {b.size} cells")
    largest, product = np.abs(a).max(), np.linalg.norm(a) * np.linalg.norm(b)
    gap = np.abs(a - b).max()
    difference = gap / largest if largest > 0 else (0.0 if gap == 0 else float("inf"))
    cosine = a @ b / product if product > 0 else (1.0 if gap == 0 else 0.0)
    return Agreement(float(difference), float(cosine))
