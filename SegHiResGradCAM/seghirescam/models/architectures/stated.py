"""What a user says about weights that they do not tell by themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...protocol.errors import ModelError


@dataclass(frozen=True)
class Stated:
    """None or empty: nothing. arguments: of the network's constructor or the author's function."""

    classes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    words: Mapping[str, object] = field(default_factory=dict)
    arguments: Mapping[str, object] = field(default_factory=dict)
    function: str = ""

    @staticmethod
    def typed(
        classes: str | None, channels: str | None, words: Mapping, arguments: Sequence[str], function: str | None
    ) -> Stated:
        """As it is typed: names with commas between them, arguments as NAME=VALUE. Raises ModelError."""
        said = {word: value for word, value in words.items() if value is not None}
        return Stated(listed(classes), listed(channels), said, dict(map(_argument, arguments)), function or "")


def listed(text: str | None) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()


def typed_value(text: str) -> object:
    """JSON, or else a word."""
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def _argument(text):
    name, mark, value = text.partition("=")
    if not mark or not name.strip().isidentifier():
        raise ModelError(f"The argument {text!r} is not NAME=VALUE.", "For example strides=[2,2,2].")
    return name.strip(), typed_value(value)
