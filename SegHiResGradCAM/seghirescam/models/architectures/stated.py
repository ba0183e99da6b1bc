"""What a user says about weights that they do not tell by themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...protocol.errors import ModelError
from ...protocol.untrusted import short


@dataclass(frozen=True)
class Stated:
    """None or empty: nothing. arguments: of the network's constructor or the author's function.  words: of the
    description, by their names; "preprocessing": its steps."""

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


def typed_steps(texts: Sequence[str]) -> list:
    """Of ``WORD=VALUE`` each, of JSON objects, or of JSON lists of them; what they say is checked by the draft."""
    found: list = []
    for text in texts:
        name, mark, value = text.partition("=")
        held = typed_value(text)
        if isinstance(held, (list, dict)):
            found += held if isinstance(held, list) else [held]
        elif mark and name.strip().isidentifier():
            found.append({name.strip(): _numbers(value.strip())})
        else:
            raise ModelError(
                f"The preprocessing step {short(text, 80)!r} is not WORD=VALUE.",
                "For example z_score=all or spacing=1,1,1; several are given as several options.",
            )
    return found


def _numbers(text):
    """As :func:`typed_value`; numbers with commas between them need no brackets."""
    try:
        return json.loads(f"[{text}]") if "," in text and not text.startswith("[") else json.loads(text)
    except ValueError:
        return text


def _argument(text):
    name, mark, value = text.partition("=")
    if not mark or not name.strip().isidentifier():
        raise ModelError(f"The argument {text!r} is not NAME=VALUE.", "For example strides=[2,2,2].")
    return name.strip(), typed_value(value)
