"""The tables of a run read back, one line at a time: numbers as numbers, texts as they were before a CSV held them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...protocol.csv_text import plain_text
from ...protocol.writing.claims import OutputError
from ..run_folder import BY_LABEL, TABLE, RunFolder
from .columns import BY_LABEL_WORDS, KEYS, WORDS

#: a question's line without an answer
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a line as its three to five columns say. status: "" where the line holds nothing at all of it."""

    name: str
    value: float | None
    unit: str = ""
    status: str = ""
    chance: float | None = None
    lift: float | None = None


class Line:
    """One line of a table. row: its columns, as text."""

    __slots__ = ("row",)

    def __init__(self, row: dict[str, str]):
        self.row = row

    def text(self, column: str) -> str:
        return plain_text(self.row.get(column) or "")

    def number(self, name: str) -> Number:
        value, chance, lift = (_float(self.row.get(f"{name}{part}")) for part in ("", " chance", " lift"))
        return Number(name, value, self.text(f"{name} unit"), self.text(f"{name} status"), chance, lift)

    @property
    def failed(self) -> bool:
        return self.text("status") == FAILED

    @property
    def question(self) -> tuple[str, str, str]:
        """(image, model, question): what the lines of one answer share; the beginnings of its key."""
        return self.text("image"), self.text("model"), self.text("question")


def lines_of(run: RunFolder, name: str = TABLE) -> Iterator[Line]:
    """In the order of the file. name: TABLE or BY_LABEL.

    Raises OutputError where there is none yet, and for a file that is none of ours.
    """
    words = BY_LABEL_WORDS if name == BY_LABEL else WORDS
    try:
        with open(run.path / f"{name}.csv", newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not {*KEYS, *words} <= set(reader.fieldnames or ()):
                raise _foreign(name)
            for row in reader:
                if None in row or None in row.values():
                    raise _foreign(name)
                yield Line(row)
    except FileNotFoundError:
        raise OutputError(
            f"The run has no {name}.csv yet.", "The 'seghirescam cohort' command writes it once every question is done."
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise _foreign(name) from error


def number_names(columns: Sequence[str]) -> list[str]:
    """The numbers that a table's columns hold, in their order."""
    return [one.removesuffix(" unit") for one in columns if one.endswith(" unit")]


def _float(text: str | None) -> float | None:
    """Raises OutputError for what is no number."""
    try:
        return float(text) if text else None
    except ValueError:
        raise OutputError("The run's table holds a text where a number belongs.", _AGAIN) from None


_AGAIN = "Run the 'seghirescam cohort' command again: it writes its tables anew."


def _foreign(name: str) -> OutputError:
    return OutputError(f"'{name}.csv' is not as 'seghirescam cohort' wrote it.", _AGAIN)
