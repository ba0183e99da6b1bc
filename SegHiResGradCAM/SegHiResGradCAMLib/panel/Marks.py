"""The marks beside a verdict: a shape and a colour each, so that neither is needed to tell them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..scene.nodes.TrustFacts import NOT_SUPPORTED
from ..setup.Translation import _


class Mark(NamedTuple):
    """sign: its shape.  word: what it says.  color: readable on Slicer's light and dark ground."""

    sign: str
    word: str
    color: str


@dataclass(frozen=True)
class _Marks:
    """By what a test says, or the engine's word for a verdict.  ranks: the best has the largest number."""

    supported: Mark
    unclear: Mark
    notSupported: Mark

    @property
    def ranks(self) -> dict[str, int]:
        return {NOT_SUPPORTED: 0, "not judged": 1, "supported": 2}

    def ofTest(self, passed: bool | None) -> Mark:
        """passed: None where nothing was judged."""
        return self.unclear if passed is None else self.supported if passed else self.notSupported

    def ofVerdict(self, verdict: str) -> Mark | None:
        """verdict: the engine's word, "" before the full check."""
        found = (self.notSupported, self.unclear, self.supported)
        return found[self.ranks[verdict]] if verdict in self.ranks else None


MARKS = _Marks(
    Mark("✓", "supported", "#009e73"), Mark("?", "unclear", "#c98a00"), Mark("✗", _("not supported"), "#d55e00")
)


def verdictMark(verdict: str) -> str:
    """ "✓ supported"; "" before the full check."""
    mark = MARKS.ofVerdict(verdict)
    return "" if mark is None else f"{mark.sign} {mark.word}"
