"""What a report's page holds, before it is HTML: texts, cells with exact numbers, pictures inlined, links."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...evaluation.metrics.ground import lift_text
from ...protocol.value import OK
from ..style import percent

#: numbers told in percent; all others as they are, with their unit
_SHARES = ("share", "completeness", "inside", "chance", "rank_share", "boundary_share", "share_of_image")
#: what stands where a line holds no such number
NOTHING = "\u2013"


@dataclass(frozen=True)
class Cell:
    """text: as it is read.  value: the exact number, None of words.  status: of a number.  aside: small, behind it.

    about: name of the number, for whoever reads the page by a program.  href: relative, "" without a link.
    """

    text: str
    value: float | None = None
    status: str = ""
    aside: str = ""
    about: str = ""
    href: str = ""
    odd: bool = False


@dataclass(frozen=True)
class Table:
    heads: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    #: which columns hold numbers
    numeric: tuple[bool, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """png: the file's bytes.  wide: width in CSS pixels, at most."""

    png: bytes
    alt: str
    caption: str = ""
    wide: int = 0

    @property
    def src(self) -> str:
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


@dataclass(frozen=True)
class Section:
    """One case, or one map of a result. name: for links within the page.  odd: what is odd about it, the gravest first;
    more: (title, table) behind a triangle."""

    name: str
    title: str
    odd: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    table: Table | None = None
    pictures: tuple[Picture, ...] = ()
    more: tuple[tuple[str, Table], ...] = ()
    links: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Page:
    """facts: (word, text) of what was asked.  tables: (title, table) above the sections; all: below, every line.

    warning: in a box on top, "" for none.
    """

    title: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    rule: tuple[str, ...]
    sections: tuple[Section, ...]
    sections_title: str
    sections_note: str = ""
    tables: tuple[tuple[str, Table], ...] = ()
    all: tuple[str, Table] | None = None
    pictures: tuple[Picture, ...] = ()
    texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warning: str = ""
    made_by: str = field(default="")


def filled(table: Table) -> Table:
    """Without the columns in which nothing stands."""
    kept = [n for n in range(len(table.heads)) if any(row[n].text != NOTHING for row in table.rows)]
    numeric = tuple(table.numeric[n] for n in kept) if table.numeric else ()
    rows = [tuple(row[n] for n in kept) for row in table.rows]
    return Table(tuple(table.heads[n] for n in kept), rows, numeric, table.note)


def words(text: object, odd: bool = False, href: str = "") -> Cell:
    return Cell(NOTHING) if text in (None, "") else Cell(str(text), odd=odd, href=href)


def number(
    name: str, value: float | None, unit: str = "", status: str = OK, chance: float | None = None,
    lift: float | None = None, odd: bool = False,
) -> Cell:  # fmt: skip
    """A number as it is read, with its unit, and its status where that is not ok; never a number without a meaning."""
    if value is None:
        return Cell(_status(status) if status and status != OK else NOTHING, None, status, about=name, odd=odd)
    text = lift_text(value) if name == "lift" else _read(name, value, unit)
    aside = [] if status == OK else [_status(status)]
    if lift is not None:
        aside.append(f"lift {lift_text(lift)}")
    elif chance is not None:
        aside.append(f"chance {_read(name, chance, unit)}")
    return Cell(text, value, status, ", ".join(aside), name, odd=odd)


def is_share(name: str, unit: str = "") -> bool:
    return not unit and (name in _SHARES or name.startswith("share"))


def _read(name: str, value: float, unit: str) -> str:
    return percent(value) if is_share(name, unit) else f"{value:.4g}{f' {unit}' if unit else ''}"


def _status(word: str) -> str:
    return word.replace("_", " ")
