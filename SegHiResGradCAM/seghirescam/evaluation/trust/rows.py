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
MADE_AGAIN, CELLS_REMOVED = "made_again", "cells_removed"
BELONGS, USED, SPECIFIC = "belongs", "used", "specific"
#: the three lines, and the tests that judge each; of those about use the first that was made
LINES = {
    BELONGS: (MADE_AGAIN,),
    USED: (CELLS_REMOVED, AT_PIXEL_SET, DELETION),
    SPECIFIC: (RANDOMISATION, STABILITY),
}


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


@dataclass(frozen=True)
class Line:
    """One question in plain words. name: BELONGS, USED or SPECIFIC.  tests: the rows that judge it."""

    name: str
    word: str
    tests: tuple[Row, ...]

    @property
    def title(self) -> str:
        return trust_words.LINES[self.name]

    @property
    def told(self) -> str:
        """What the tests found, a sentence each."""
        return " ".join(f"{row.sentence[:1].upper()}{row.sentence[1:].rstrip('.')}." for row in self.tests)

    @property
    def text(self) -> str:
        return trust_words.line(self)

    def to_json(self) -> dict:
        return {
            "name": self.name, "title": self.title, "word": self.word, "told": self.told,
            "tests": [row.name for row in self.tests],
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trust:
    """explanation: the map that was checked.  pixels: M, frozen.  forwards: network passes it took.

    curves: [{"name", "fractions", "score", "dice", ...}] of the context deletion, None in the fast tier.
    gain: the context deletion's :class:`gains.Gain`, None where no order was made.  steps, changes: of the
    randomisation and the stability, None where they were not tried.  seconds_per_pass: of the paint-over, or None.
    drawn: share of M where the network chooses the class, None where it was not looked at.
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
    drawn: float | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """The full tier's three lines; () in the fast tier."""
        return () if self.tier == FAST else lines_of(self.rows)

    @property
    def verdict(self) -> str:
        return NOT_JUDGED if self.tier == FAST else verdict_of(self.rows)[0]

    @property
    def verdict_sentence(self) -> str:
        if self.tier == FAST:
            return trust_words.NUMBERS_ONLY
        return trust_words.verdict(*verdict_of(self.rows)) + trust_words.undrawn(self.drawn)

    @property
    def cost(self) -> dict:
        """{"forwards", "text"}"""
        return {"forwards": self.forwards, "text": trust_words.took(self.forwards, beside=self.tier == FAST)}

    @property
    def details(self) -> dict:
        """JSON-able results of the full tier's tests, step by step; {} where none was made."""
        found = {} if self.gain is None and self.steps is None else {"context_deletion": None}
        if self.gain is not None:
            found["context_deletion"] = self.gain.to_json()
        if self.steps is not None:
            found["randomisation"] = [step.to_json() for step in self.steps]
            found["stability"] = [change.to_json() for change in self.changes]
        return found

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def to_json(self) -> dict:
        return {
            "tier": self.tier, "verdict": self.verdict, "verdict_sentence": self.verdict_sentence, "cost": self.cost,
            "lines": [line.to_json() for line in self.lines], "rows": [row.to_json() for row in self.rows],
            "curves": self.curves,
        }  # fmt: skip


def lines_of(rows) -> tuple[Line, ...]:
    """A line fails with one of its tests, and is not judged where none failed and one could not be made."""
    found = []
    for name, wanted in LINES.items():
        tests = [row for test in wanted for row in rows if row.name == test]
        if name == USED:
            tests = _that_was_made(tests)
        results = [row.passed for row in tests]
        word = NOT_SUPPORTED if False in results else NOT_JUDGED if None in results or not tests else SUPPORTED
        found.append(Line(name, word, tuple(tests)))
    return tuple(found)


def verdict_of(rows) -> tuple[str, list[Row]]:
    """(verdict, the tests that decide it: those that failed, else those that could not be made, else all)."""
    lines = lines_of(rows)
    tests = [row for line in lines for row in line.tests]
    if failed := [row for row in tests if row.passed is False]:
        return NOT_SUPPORTED, failed
    if all(line.word == SUPPORTED for line in lines):
        return SUPPORTED, tests
    return NOT_JUDGED, [row for row in tests if row.passed is None]


def _that_was_made(tests):
    """Of the tests about use the one that applies: the cells', where the evidence lies, the order of the context."""
    by_name = {row.name: row for row in tests}
    cells = by_name.get(CELLS_REMOVED)
    if cells is not None and (cells.passed is not None or cells.value.ok):
        return [cells]
    return [row for row in tests if row.name != CELLS_REMOVED][:1] or tests
