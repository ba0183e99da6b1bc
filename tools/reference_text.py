"""Small pieces of Markdown that the reference pages share. Standard library only."""

from __future__ import annotations

import inspect
import re

_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):`~?([^`]+)`")


#: "name: what it is", as docstrings here tell their fields, at the beginning of a line or behind two blanks
_FIELD = re.compile(r"(?:^|(?<=\n)|  )([a-z]\w*(?:, [a-z]\w*)*): ")


def as_markdown(text: str) -> str:
    """A docstring with roles and literals as Markdown's code, and fields that are told in a paragraph as a list."""
    text = re.sub(r"``([^`]+)``", r"`\1`", _ROLE.sub(r"`\1`", text))
    text = re.sub(r"([.?!])\s*::\n\n( {4})", r"\1\n\n\2", text)
    text = re.sub(r"\s*::\n\n( {4})", r":\n\n\1", text)  # a literal block is Markdown's indented code
    return "\n\n".join(map(_with_list, text.split("\n\n")))


def _with_list(paragraph: str) -> str:
    if paragraph.startswith("    "):
        return paragraph
    said, *fields = _FIELD.split(paragraph)
    if len(fields) < 4:  # one field is a sentence
        return paragraph
    items = [f"- `{name}`: {' '.join(what.split())}" for name, what in zip(fields[::2], fields[1::2], strict=True)]
    return "\n".join([*([said.strip(), ""] if said.strip() else []), *items])


def told(of) -> str:
    """A docstring as Markdown, with its paragraphs."""
    return as_markdown(inspect.getdoc(of) or "")


def cell(text: str) -> str:
    """One cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;") or " "


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a table, with an empty one behind it."""
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    return [*lines, *(f"| {' | '.join(cell(one) for one in row)} |" for row in rows), ""]
