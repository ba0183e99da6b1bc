"""What a draft leaves open, as the fields of a form; and what the user said there, as it is asked of the worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...setup.Translation import _

#: words of a description whose value is chosen from a list; "" leaves them out
CHOSEN = ("head", "activation", "axes")
#: all that is asked, in the form's order
WORDS = ("function", "classes", "channels", *CHOSEN, "divisor", "arguments")
_NAMES = ("classes", "channels")
_MARKS = ("ASSUMED", "FILL IN")  # no tr


@dataclass(frozen=True)
class Field:
    """text: what stands in it.  assumed: the weights do not tell it and nobody has said it.  why: the comment that
    stands in the description.  shown: whether it is asked at all."""

    text: str = ""
    assumed: bool = False
    why: str = ""
    shown: bool = True


@dataclass(frozen=True)
class DraftForm:
    """answer: the worker's to a draft.  factory: path of the user's Python file.  said: field -> what the user made of
    it.  confirmed: what is assumed is right."""

    answer: Mapping[str, Any]
    factory: str = ""
    said: Mapping[str, str] = field(default_factory=dict)
    confirmed: bool = False

    def with_(self, word: str, text: str) -> DraftForm:
        """The form after the user has changed a field."""
        return replace(self, said={**self.said, word: text})

    def without(self, *words: str) -> DraftForm:
        """The form with these fields as they were found."""
        return replace(self, said={word: text for word, text in self.said.items() if word not in words})

    def fields(self) -> dict[str, Field]:
        return {word: self._field(word) for word in WORDS}

    def functions(self) -> tuple[str, ...]:
        """What the user's file defines."""
        return tuple(self.answer["functions"]) if self.factory else ()

    def missing(self) -> str:
        """What must be said before anything can be written, "" if nothing."""
        lacks = self.answer["fill_in"]
        if "factory" in lacks:
            return _("Choose the Python file that builds it.")
        if "function" in lacks and not self._text("function"):
            return _("Choose which function or class of the file builds it.")
        for name, value in self._arguments().items():
            if not value:
                return _("Fill in the argument {name}.").format(name=name)
        return next(
            (_("Name the {word}.").format(word=word) for word in _NAMES if not self._text(word).strip(" ,")), ""
        )

    def beginning(self) -> dict[str, Any]:
        """The request's fields for a draft in which nothing is said but what others follow from."""
        head = self._text("head")
        asked = {
            "factory": self.factory,
            "function": self.said.get("function"),
            "words": {"head": head} if head else None,
        }
        return {word: value for word, value in asked.items() if value}

    def question(self) -> dict[str, Any]:
        """The request's fields with all that the user said; what was only found stays found, or assumed."""
        asked = self.beginning()
        asked |= {word: self._text(word) for word in _NAMES if self._isSaid(word)}
        words: dict[str, Any] = {word: self._text(word) for word in CHOSEN if self._text(word)}
        if self.confirmed and "axes" not in words:
            words["axes"] = self._line("axes")["value"]
        if self._line("divisor") and self._isSaid("divisor"):
            words["divisor"] = int(self._text("divisor"))
        found = self._arguments(self._found("arguments"))
        said = [
            f"{name}={value}"
            for name, value in self._arguments().items()
            if value and (self.confirmed or found.get(name) != value)
        ]
        return asked | ({"words": words} if words else {}) | ({"arguments": said} if said else {})

    def _field(self, word: str) -> Field:
        if word == "function":
            return Field(
                self._text(word), "function" in self.answer["fill_in"], self._why(word), bool(self.functions())
            )
        if word == "arguments":
            asked = self._asked()
            why = "\n".join(f"{line['word']}: {line['why']}" for line in asked)
            assumed = any(line["why"].startswith("ASSUMED") for line in asked)
            return Field(self._text(word), assumed and not self._isChanged(word), why, bool(asked))
        why, line = self._why(word), self._line(word)
        open_ = word in self.answer["assumed"] or why.startswith(("ASSUMED", "Assumed"))
        if word in CHOSEN:
            open_ = word == "axes" and not self._text(word)  # the others are read from the network
        return Field(self._text(word), open_ and not self._isChanged(word), why, line is not None)

    def _isSaid(self, word: str) -> bool:
        return self._isChanged(word) or self.confirmed

    def _isChanged(self, word: str) -> bool:
        return word in self.said and self.said[word] != self._found(word)

    def _text(self, word: str) -> str:
        return self.said.get(word, self._found(word))

    def _found(self, word: str) -> str:
        if word == "arguments":
            return "\n".join(
                f"{line['word']} = {'' if line['asleep'] else json.dumps(line['value'])}" for line in self._asked()
            )
        line = self._line(word)
        if word == "function":
            return "" if "function" in self.answer["fill_in"] else line["value"] if line else "build"
        if line is None or (word in CHOSEN and line["asleep"]):
            return ""
        return ", ".join(line["value"]) if word in _NAMES else str(line["value"])

    def _asked(self) -> list[dict]:
        """Arguments that the weights do not tell."""
        return [line for line in self.answer["arguments"] if line["why"].startswith(_MARKS)]

    def _arguments(self, text: str | None = None) -> dict[str, str]:
        """Name -> value as typed, a line each."""
        lines = (self._text("arguments") if text is None else text).splitlines()
        parts = [line.partition("=") for line in lines if line.strip()]
        return {name.strip(): value.strip() for name, mark, value in parts}

    def _line(self, word: str) -> Any:
        return next((line for line in self.answer["lines"] if line["word"] == word), None)

    def _why(self, word: str) -> str:
        line = self._line(word)
        return line["why"] if line else ""
