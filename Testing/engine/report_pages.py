"""A report read back: its sections, tables, links and pictures, by the standard library's parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path


@dataclass
class Cell:
    """text: all of it.  value, number: of its <data>, None and "" without one."""

    text: str = ""
    value: float | None = None
    number: str = ""
    href: str = ""


@dataclass
class Table:
    """title: the heading, or the words behind the triangle, above it."""

    title: str
    heads: list[str] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)

    def lines(self) -> list[dict[str, Cell]]:
        return [dict(zip(self.heads, row, strict=True)) for row in self.rows]


class Page(HTMLParser):
    """sections: {id: tables in it}, in their order.  tables: outside of them."""

    def __init__(self, path: Path):
        super().__init__()
        self.text = path.read_text(encoding="utf-8")
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.sections: dict[str, list[Table]] = {}
        self.odd: dict[str, list[str]] = {}
        self.tables: list[Table] = []
        self._section, self._title, self._reading, self._cell = "", "", "", None
        self.feed(self.text)

    def table(self, title: str, section: str = "") -> Table:
        return next(one for one in (self.sections[section] if section else self.tables) if one.title.startswith(title))

    def handle_starttag(self, tag, attrs):
        words = dict(attrs)
        self.tags.add(tag)
        self.ids += [words["id"]] if "id" in words else []
        self.sources += [words["src"]] if "src" in words else []
        if tag == "a":
            self.links.append(words["href"])
        if tag == "section":
            self._section = words["id"]
            self.sections[self._section], self.odd[self._section] = [], []
        elif tag in ("h2", "h3", "summary", "li"):
            self._reading, self._title = tag, ""
        elif tag == "table":
            (self.sections[self._section] if self._section else self.tables).append(Table(self._title.strip()))
        elif tag == "tr":
            self._rows().append([])
        elif tag in ("td", "th"):
            self._cell = Cell()
        elif tag == "data":
            self._cell.value, self._cell.number = float(words["value"]), words["data-number"]
        if tag == "a" and self._cell is not None:
            self._cell.href = words["href"]

    def handle_endtag(self, tag):
        if tag == "section":
            self._section = ""
        elif tag == "li":
            self.odd[self._section].append(self._title.strip())
        elif tag in ("td", "th"):
            self._rows()[-1].append(self._cell)
            self._cell = None
        elif tag == "thead":
            table = self._table()
            table.heads = [cell.text.strip() for cell in table.rows.pop()]
        if tag == self._reading:
            self._reading = ""

    def handle_data(self, data):
        if self._cell is not None:
            self._cell.text += data
        elif self._reading:
            self._title += data

    def _table(self):
        return (self.sections[self._section] if self._section else self.tables)[-1]

    def _rows(self):
        return self._table().rows
