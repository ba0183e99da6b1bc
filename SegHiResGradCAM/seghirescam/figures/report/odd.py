"""What is odd about an answer, in a fixed order: the rule by which a report sorts, and the sentences that print it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...evaluation.metrics.ground import lift_text
from ...evaluation.trust.rows import NOT_SUPPORTED
from ...protocol.value import OK
from ..style import percent

#: the kinds of oddity, the gravest first
FAILED, NO_MAP, UNSUPPORTED, ELSEWHERE, BELOW_CHANCE, LOW_DICE = range(6)
_NONE = 6
#: below this a prediction and its reference share less than what only one of them has
DICE = 0.5
#: a structure counts as "elsewhere" from this share of the positive evidence on: a few voxels beside the pixel set
#: reach a high density by their neighbourhood alone
LEAST_SHARE = 0.05

RULE = (
    "Sorted by the gravest thing that is odd about a case, in this order: (1) a question failed; (2) there is no map "
    "that counts, because the pixel set is empty or the map holds no evidence; (3) the full check's verdict is "
    f"'{NOT_SUPPORTED}'; (4) evidence elsewhere: another labelled structure has more positive evidence per volume than "
    f"the pixel set, and at least {percent(LEAST_SHARE)} of all; (5) the pixel set holds less of the positive evidence "
    f"than evenly spread evidence would put there (lift below 1); (6) Dice of prediction and reference below {DICE:g}.",
    "Within one of these, and where nothing of it applies, the lowest lift comes first, then the lowest Dice. Odd "
    "means 'look here first', not 'wrong'; what was not measured is never odd.",
)


@dataclass(frozen=True)
class Structure:
    """Evidence in a labelled structure other than the pixel set."""

    name: str
    share: float
    lift: float


@dataclass(frozen=True)
class Judged:
    """What the rule looks at, of one map or one question without one. lift, dice: None where not measured.

    inside: share of the positive evidence in the pixel set.  others: structures but those that are the pixel set.
    """

    failed: bool = False
    sentence: str = ""
    status: str = OK
    reason: str = ""
    verdict: str = ""
    inside: float | None = None
    lift: float | None = None
    dice: float | None = None
    others: tuple[Structure, ...] = ()

    @property
    def oddities(self) -> tuple[tuple[int, str], ...]:
        """(kind, in words), the gravest first."""
        found = []
        if self.failed:
            return ((FAILED, f"Failed: {self.sentence}" if self.sentence else "Failed"),)
        if self.status != OK:
            why = f": {self.reason}" if self.reason else ""
            found.append((NO_MAP, f"No map that counts ({self.status.replace('_', ' ')}){why}"))
        if self.verdict == NOT_SUPPORTED:
            found.append((UNSUPPORTED, "Verdict: not supported by the model"))
        if (other := self.elsewhere) is not None:
            own = "" if self.lift is None else f", the pixel set {lift_text(self.lift)}"
            told = f"'{other.name}' holds {percent(other.share)} of it (lift {lift_text(other.lift)}{own})"
            found.append((ELSEWHERE, f"Evidence elsewhere: {told}"))
        if self.lift is not None and self.lift < 1:
            share = "" if self.inside is None else f"{percent(self.inside)} of the evidence in the pixel set, "
            found.append((BELOW_CHANCE, f"Less than by chance: {share}lift {lift_text(self.lift)}"))
        if self.dice is not None and self.dice < DICE:
            found.append((LOW_DICE, f"Low Dice: {self.dice:.3g}"))
        return tuple(found)

    @property
    def elsewhere(self) -> Structure | None:
        """The structure with the most evidence per volume, where it has more than the pixel set."""
        if self.lift is None:
            return None
        more = [one for one in self.others if one.share >= LEAST_SHARE and one.lift > self.lift]
        return max(more, key=lambda one: one.lift, default=None)

    @property
    def gravest(self) -> int:
        return min((kind for kind, _ in self.oddities), default=_NONE)


def order(judged: Iterable[Judged], name: str) -> tuple:
    """By which a case of several maps is sorted: the smallest comes first. name: the last word between equals."""
    all_of_it = list(judged)
    return (
        min((one.gravest for one in all_of_it), default=_NONE),
        min((one.lift for one in all_of_it if one.lift is not None), default=math.inf),
        min((one.dice for one in all_of_it if one.dice is not None), default=math.inf),
        name,
    )


def told(judged: Sequence[Judged]) -> tuple[str, ...]:
    """What is odd about all of it together, the gravest first, each sentence once."""
    found = sorted({pair for one in judged for pair in one.oddities})
    return tuple(dict.fromkeys(text for _, text in found))


#: one word a kind, for tables
SHORT = {
    FAILED: "failed", NO_MAP: "no map", UNSUPPORTED: "not supported", ELSEWHERE: "elsewhere",
    BELOW_CHANCE: "below chance", LOW_DICE: "low Dice",
}  # fmt: skip
