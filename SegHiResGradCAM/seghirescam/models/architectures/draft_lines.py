"""What ``seghirescam init`` knows of a description while it writes it: the lines so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from .toml_text import Line, comment

FILL_IN = "FILL IN"


@dataclass
class Draft:
    """lines, arguments: of the description.  code: of a factory file to be written beside it, "" for none.

    network: what was found, in a few words.  fill_in: what must still be written by hand.  runs_code: opening asks for
    consent.  assumed: the words nobody has confirmed.  of_code: assumed arguments that stand in the code.  functions:
    what the author's file defines.
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
    of_code: list[Line] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)

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

    def files(self, name: str) -> dict[str, str]:
        """File name -> text of what is written: the code first, the description (called ``name``) last."""
        return {**({self.code_name: self.code} if self.code else {}), name: self.text}

    def to_json(self) -> dict:
        """What a form needs: the lines with their words, values and comments, and what is to be known of each."""
        told = ("network", "fill_in", "assumed", "runs_code", "pip", "functions")
        return {word: getattr(self, word) for word in told} | {
            "lines": [vars(line) for line in self.lines],
            "arguments": [vars(line) for line in (*self.arguments, *self.of_code)],
        }

    def put(self, word: str, value: object, why: str = "", *, assumed: bool = False, asleep: bool = False) -> None:
        self.lines.append(Line(word, value, f"ASSUMED: {why}" if assumed else why, asleep))
        if assumed:
            self.assumed.append(word)

    def argument(self, word: str, value: object, why: str = "") -> None:
        self.arguments.append(Line(word, value, f"ASSUMED: {why}" if why else ""))
        if why:
            self.assumed.append(f"arguments.{word}")
