"""What a check of one map found: numbers with what is needed to say them, thresholds, and the verdict they give."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...protocol.explanation import Explanation
from ...protocol.pixel_set import PixelSet
from ...protocol.value import Value
from . import trust_words

FAST, FULL = "fast", "full"
SUPPORTED, NOT_SUPPORTED, NOT_JUDGED = "supported", "not supported by the model", "not judged"
PAINTED, SWAP, CANCELLATION = "context_paint_over", "class_swap", "cancellation"
PHANTOM, GAP = "phantom_mass", "completeness_gap"
DELETION, AT_PIXEL_SET, RANDOMISATION, STABILITY = (
    "context_deletion_gain", "evidence_at_m", "randomisation", "stability",
)  # fmt: skip
#: the tests that make the verdict; of the first two the one that applies
TESTS = (DELETION, AT_PIXEL_SET, RANDOMISATION, STABILITY)


@dataclass(frozen=True)
class Row:
    """One number. threshold, passed: None where nothing is judged by it.  details: other numbers its sentence tells."""

    name: str
    value: Value
    threshold: float | None = None
    passed: bool | None = None
    details: dict = field(default_factory=dict)

    @property
    def title(self) -> str:
        return trust_words.title(self)

    @property
    def sentence(self) -> str:
        return trust_words.sentence(self)

    def to_json(self) -> dict:
        """brief: the sentence without what it explains in brackets at its end."""
        return {
            "name": self.name, "title": self.title, "value": self.value.to_json(), "threshold": self.threshold,
            "passed": self.passed, "sentence": self.sentence, "brief": trust_words.sentence(self, brief=True),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trust:
    """explanation: the map that was checked.  pixels: M, frozen.  forwards: network passes it took.

    curves: [{"name", "fractions", "score", "dice", ...}] of the context deletion, None in the fast tier.
    gain: the context deletion's :class:`gains.Gain`, None where no order was made.  steps, changes: of the
    randomisation and the stability, None where they were not tried.  seconds_per_pass: of the paint-over, or None.
    """

    tier: str
    rows: tuple[Row, ...]
    forwards: int
    explanation: Explanation
    pixels: PixelSet
    curves: list[dict] | None = None
    gain: object = None
    steps: list | None = None
    changes: list | None = None
    seconds_per_pass: float | None = None

    @property
    def verdict(self) -> str:
        return NOT_JUDGED if self.tier == FAST else verdict_of(self.rows)[0]

    @property
    def verdict_sentence(self) -> str:
        return trust_words.NUMBERS_ONLY if self.tier == FAST else trust_words.verdict(*verdict_of(self.rows))

    @property
    def cost(self) -> dict:
        """{"forwards", "text"}"""
        return {"forwards": self.forwards, "text": trust_words.took(self.forwards, beside=self.tier == FAST)}

    @property
    def details(self) -> dict:
        """JSON-able results of the full tier's tests, step by step; {} where none was made."""
        if self.steps is None:
            return {}
        return {
            "context_deletion": None if self.gain is None else self.gain.to_json(),
            "randomisation": [step.to_json() for step in self.steps],
            "stability": [change.to_json() for change in self.changes],
        }

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def to_json(self) -> dict:
        return {
            "tier": self.tier, "verdict": self.verdict, "verdict_sentence": self.verdict_sentence, "cost": self.cost,
            "rows": [row.to_json() for row in self.rows], "curves": self.curves,
        }  # fmt: skip


def verdict_of(rows) -> tuple[str, list[Row]]:
    """(verdict, the tests that decide it: those that failed, else those that could not be made, else all)."""
    tests = [row for row in rows if row.name in TESTS]
    if any(row.name == AT_PIXEL_SET for row in tests):
        tests = [row for row in tests if row.name != DELETION]
    if failed := [row for row in tests if row.passed is False]:
        return NOT_SUPPORTED, failed
    untested = [row for row in tests if row.passed is None]
    return (NOT_JUDGED, untested) if untested or not tests else (SUPPORTED, tests)
