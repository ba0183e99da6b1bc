"""A description on disk: ``*.model.toml``, which may hold comments, or ``*.model.json``; both say the same words.

TOML, because Python's own ``tomllib`` reads it, it holds comments, and its errors name the line: nothing must be
installed for a description to be read, which YAML would need, and a comment is no word, as "_comment" in JSON would be.
What TOML cannot say is null: a word that is left out says the same.  Standard library only.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.untrusted import content, json_value, named, short

TOML, JSON = ".model.toml", ".model.json"
#: how a description's file ends, the one that counts first
SUFFIXES = (TOML, JSON)
#: words that are read over: an editor's pointer to the schema, and a version
UNREAD = frozenset({"format", "$schema"})
#: tomllib takes a time that grows with the square of a key's parts
_LARGEST_TOML = 200_000
_LONG_KEY = re.compile(r"""(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){16}""")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)


class Described(dict):
    """A description's words. name: of its file.  :meth:`line_of` a word: 1, 2, ...; 0 where that cannot be told."""

    def __init__(self, words: dict, name: str = "", text: str = ""):
        super().__init__(words)
        self.name, self._text = name, text

    def line_of(self, word: str) -> int:
        if self.name.endswith(".toml"):
            key = re.escape(word)
            found = re.search(rf"""^[ \t]*\[*[ \t]*["']?{key}["']?[ \t]*[=.\]]""", self._text, re.MULTILINE)
            return self._text.count("\n", 0, found.end()) + 1 if found else 0
        return _json_line(self._text, word)


def is_description(source: object) -> bool:
    """Whether a path's name is that of a description."""
    return str(source).endswith(SUFFIXES)


def read(path: str | Path) -> Described:
    """Raises ModelError for what cannot be read, is neither form, or holds no words."""
    return parsed(content(path), named(path))


def parsed(data: bytes, name: str) -> Described:
    """The same of a file's bytes; name: its own, whose ending tells the form."""
    form = "TOML" if name.endswith(".toml") else "JSON"
    try:
        found = _toml(data) if form == "TOML" else json_value(data)
    except ValueError as error:
        raise ModelError(f"'{name}' is no {form} file: {short(error)}.", "Correct it, or write it again.") from error
    if not isinstance(found, dict):
        raise ModelError(f"'{name}' must hold one JSON object.", "Correct it, or write it again.")
    return Described(found, name, data.decode("utf-8"))


@contextmanager
def located(words: dict) -> Iterator[None]:
    """What the block raises about a word (``word=`` among its numbers) names the word's line."""
    try:
        yield
    except ModelError as error:
        word = error.numbers.get("word")
        line = words.line_of(word) if isinstance(words, Described) and isinstance(word, str) else 0
        if not line:
            raise
        raise ModelError(f"Line {line} of '{words.name}': {error.sentence}", error.hint, **error.numbers) from error


def _toml(data):
    """Raises ValueError, also for what is too deep or too long."""
    if len(data) > _LARGEST_TOML:
        raise ValueError(f"it has {len(data)} bytes, which no description needs")
    text = data.decode("utf-8")
    if _LONG_KEY.search(text):
        raise ValueError("it is nested too deeply")
    try:
        # once more as JSON: what is too deep or too much is the same for both forms
        return json_value(json.dumps(tomllib.loads(text)).encode())
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except TypeError as error:
        raise ValueError("it holds a date or a time, which no word is") from error


def _json_line(text, word):
    """Of a key of the outermost object."""
    depth = 0
    for found in _JSON_TOKEN.finditer(text):
        token = found.group()
        if token in "{[":
            depth += 1
        elif token in "}]":
            depth -= 1
        elif depth == 1 and text[found.end() :].lstrip()[:1] == ":" and token[1:-1] == word:
            return text.count("\n", 0, found.start()) + 1
    return 0
