"""What is known about whether a map is faithful, in three lines: a mark, a word, and the number behind it.

Only the full check judges: before it every line is unclear, and says its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ...scene.nodes.TrustFacts import FAST, FULL, valueText
from ...setup.Translation import _
from ..Marks import MARKS, Mark

#: what each line answers, the full check's tests that judge it, and the number that is told before them
_QUESTIONS = (
    (_("Used by the network"), ("evidence_at_m", "context_deletion_gain"), "context_paint_over"),
    (_("Model-specific"), ("randomisation",), "class_swap"),
    (_("Stable under noise"), ("stability",), ""),
)
#: what a number is called where its title would only repeat that of the line
_SHORT = {"stability": _("change of ranks")}


@dataclass(frozen=True)
class TrustLine:
    """number: what it is and how large, "" where nothing was measured.  tip: the whole sentence."""

    title: str
    mark: Mark
    number: str = ""
    tip: str = ""

    @property
    def text(self) -> str:
        """As it is read."""
        return f"{self.mark.sign} {self.title}: {self.mark.word}" + (f" ({self.number})" if self.number else "")


def trustLines(checks: dict) -> tuple[TrustLine, ...]:
    """checks: {"fast" or "full": the worker's ``trust``}, see TrustFacts.trustOf; () where nothing was checked."""
    rows = {row["name"]: row for tier in (FAST, FULL) for row in checks.get(tier, {}).get("rows", ())}
    return tuple(_line(title, tests, number, rows) for title, tests, number in _QUESTIONS) if rows else ()


def richText(lines: tuple[TrustLine, ...]) -> str:
    """One paragraph a line; "" without lines."""
    return "".join(_paragraph(one) for one in lines)


def _line(title: str, tests: tuple[str, ...], number: str, rows: dict) -> TrustLine:
    # the first test that was made judges: where the evidence lies replaces the order of removal, see rows.verdict_of
    test = next((rows[name] for name in tests if name in rows), None)
    row = test or rows.get(number)
    if row is None:
        return TrustLine(title, MARKS.unclear)
    name = _SHORT.get(row["name"], f"{row['title'][:1].lower()}{row['title'][1:]}")
    head = f"{name} {valueText(row['value'])}"
    return TrustLine(title, MARKS.ofTest(None if test is None else test["passed"]), head, row["sentence"])


def _paragraph(one: TrustLine) -> str:
    sign = f'<span style="color: {one.mark.color}"><b>{one.mark.sign}</b></span>'  # no tr
    number = f" <small>({escape(one.number, quote=False)})</small>" if one.number else ""
    return f'<p style="margin: 0">{sign} {escape(one.title, quote=False)}: <b>{one.mark.word}</b>{number}</p>'  # no tr
