"""What ``seghirescam init`` knows of a description while it writes it: what was stated, and the lines so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .toml_text import Line, comment

FILL_IN = "FILL IN"


@dataclass(frozen=True)
class Stated:
    """What the user says; None or empty: nothing. arguments: of the network's constructor or the author's function.
    words: of the description, by their names; "preprocessing": its steps."""

    classes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    words: Mapping[str, object] = field(default_factory=dict)
    arguments: Mapping[str, object] = field(default_factory=dict)
    function: str = ""


@dataclass
class Draft:
    """lines, arguments: of the description.  code: of a factory file to be written beside it, "" for none.

    network: what was found, in a few words.  fill_in: what must still be written by hand.  runs_code: opening asks for
    consent.  assumed: the words nobody has confirmed.
    """

    network: str
    lines: list[Line] = field(default_factory=list)
    arguments: list[Line] = field(default_factory=list)
    code: str = ""
    code_name: str = ""
    fill_in: list[str] = field(default_factory=list)
    runs_code: bool = False
    assumed: list[str] = field(default_factory=list)
    pip: str = ""

    @property
    def text(self) -> str:
        """The file's text."""
        head = comment(
            "A model description, written by 'seghirescam init' from the names and shapes of the weights' tensors; "
            "nothing of the model was run. What is marked ASSUMED the weights do not tell: check it, then take it off "
            "the list 'assumed'; until then every result says so. Lines behind a # show words that may be needed."
        )
        body = "\n".join(line.text for line in self.lines)
        told = Line("assumed", self.assumed).text if self.assumed else ""
        table = "[arguments]\n" + "".join(line.text for line in self.arguments) if self.arguments else ""
        return "\n".join(part for part in (head, body, told, table) if part)

    def put(self, word: str, value: object, why: str = "", *, assumed: bool = False, asleep: bool = False) -> None:
        self.lines.append(Line(word, value, f"ASSUMED: {why}" if assumed else why, asleep))
        if assumed:
            self.assumed.append(word)

    def argument(self, word: str, value: object, why: str = "") -> None:
        self.arguments.append(Line(word, value, f"ASSUMED: {why}" if why else ""))
        if why:
            self.assumed.append(f"arguments.{word}")
