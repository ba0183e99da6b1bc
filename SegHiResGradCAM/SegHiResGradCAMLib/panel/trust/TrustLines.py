"""What is known about whether a map is faithful, in three lines: a mark, a word, and the number behind it.

Only the full check judges, by the engine's rule: before it every line is unclear, and says its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ...scene.nodes.TrustFacts import FAST, FULL, valueText
from ...setup.Translation import _
from ..Marks import MARKS, Mark

#: the engine's name of each line, what it answers, and the number that is told before the full check
_QUESTIONS = (
    ("belongs", _("Belongs to this question"), ""),
    ("used", _("Used by the network"), "context_paint_over"),
    ("specific", _("Model-specific and stable"), "class_swap"),
)
#: what a number is called where its title would only repeat that of the line
_SHORT = {"stability": _("change of ranks"), "made_again": _("likeness when made again")}


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
    judged = {line["name"]: line for line in checks.get(FULL, {}).get("lines", ())}
    return tuple(_line(title, judged.get(name), number, rows) for name, title, number in _QUESTIONS) if rows else ()


def richText(lines: tuple[TrustLine, ...]) -> str:
    """One paragraph a line; "" without lines."""
    return "".join(_paragraph(one) for one in lines)


def _line(title: str, judged: dict | None, number: str, rows: dict) -> TrustLine:
    """judged: the full check's line, by the engine's words; the rule is the engine's alone."""
    if judged is None:
        row = rows.get(number)
        return TrustLine(title, MARKS.unclear, *(() if row is None else (_head(row), row["sentence"])))
    tests = [rows[name] for name in judged["tests"] if name in rows]
    # the number that decided: of a test that failed, else of the first
    row = next((one for one in tests if one["passed"] is False), tests[0] if tests else None)
    mark = MARKS.ofVerdict(judged["word"]) or MARKS.unclear
    return TrustLine(title, mark, "" if row is None else _head(row), judged["told"])


def _head(row: dict) -> str:
    name = _SHORT.get(row["name"], f"{row['title'][:1].lower()}{row['title'][1:]}")
    return f"{name} {valueText(row['value'])}"


def _paragraph(one: TrustLine) -> str:
    sign = f'<span style="color: {one.mark.color}"><b>{one.mark.sign}</b></span>'  # no tr
    number = f" <small>({escape(one.number, quote=False)})</small>" if one.number else ""
    return f'<p style="margin: 0">{sign} {escape(one.title, quote=False)}: <b>{one.mark.word}</b>{number}</p>'  # no tr
