"""A result as one line of the panel's tree: question, method, layer, and what is known about the map."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: the tree's columns
RESULT, SHARE, VERDICT = 0, 1, 2


@dataclass(frozen=True)
class ResultLine:
    """key: its node's id.  question, method, layer: the tree's levels, as they are read.  share: of the score that the
    map explains, None where that is not known or the map has no unit.  verdict: the full check's, "" before it.  tip:
    the full provenance."""

    key: str
    question: str
    method: str
    layer: str
    share: float | None = None
    verdict: str = ""
    tip: str = ""

    @property
    def shareText(self) -> str:
        return "" if self.share is None else f"{100 * self.share:.0f} %"


def inOrder(lines: Iterable[ResultLine], column: int, descending: bool, ranks: dict[str, int]) -> list[ResultLine]:
    """Sorted by a column; RESULT is the order in which they came.  What has no value stands last, either way.

    ranks: verdict -> its place, the best with the largest number.
    """
    found = list(lines)
    if column == RESULT:
        return found[::-1] if descending else found

    def value(one: ResultLine) -> float | None:
        return one.share if column == SHARE else ranks.get(one.verdict)

    known = [one for one in found if value(one) is not None]
    rest = [one for one in found if value(one) is None]
    return sorted(known, key=lambda one: value(one) or 0, reverse=descending) + rest


def grouped(lines: Iterable[ResultLine]) -> dict[str, dict[str, list[ResultLine]]]:
    """question -> method -> lines, each where its first line stands."""
    found: dict[str, dict[str, list[ResultLine]]] = {}
    for one in lines:
        found.setdefault(one.question, {}).setdefault(one.method, []).append(one)
    return found
