"""TOML that a person reads: one word a line, with its comment."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass

_WIDTH = 116


@dataclass(frozen=True)
class Line:
    """A word with its value, or (asleep) one that is only shown, behind a #.  why: its comment, above it."""

    word: str
    value: object
    why: str = ""
    asleep: bool = False

    @property
    def text(self) -> str:
        mark = "# " if self.asleep else ""
        return f"{comment(self.why)}{mark}{self.word} = {toml_value(self.value)}\n"


def comment(text: str) -> str:
    """Lines that begin with #; "" for no text."""
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, _WIDTH)) if text else ""


def toml_value(value: object) -> str:
    """Raises ValueError for what TOML cannot say (null)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items()) + "}"
    raise ValueError(f"TOML cannot say {value!r}")


def toml_key(key: object) -> str:
    """As it is where TOML reads it so, else in quotation marks."""
    text = str(key)
    return text if text.replace("_", "a").replace("-", "a").isalnum() and text.isascii() else json.dumps(text)
