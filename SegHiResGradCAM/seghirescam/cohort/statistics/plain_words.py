"""A run's machine words as a stranger reads them, for headings, axes and sentences; a word that is not known stays."""

from __future__ import annotations

from ...cam.methods import method
from ...protocol.errors import SegHiResCamError
from ...protocol.recipes import FORMS

_DEMO = "demo:"
_NUMBERS = {"share inside": "share of the evidence in the pixel set", "dice": "Dice"}


def model_words(word: str, model: str) -> str:
    """word: the plan's, which may be a path and is then not told.  model: its hash."""
    return f"{word.removeprefix(_DEMO)} network" if word.startswith(_DEMO) else model


def method_words(name: str) -> str:
    try:
        return str(method(name).title)
    except SegHiResCamError:
        return name


def layer_words(name: str, part: str, stride: str) -> str:
    """ "encoder at stride 4 (encoder.2)". stride: as in the table, "4x4x4"."""
    edges = stride.split("x")
    if not part or not stride:
        return name
    return f"{part} at stride {edges[0] if len(set(edges)) == 1 else ' x '.join(edges)} ({name})"


def form_words(kind: str) -> str:
    return f"asked about the {FORMS[kind].title.lower()}" if kind in FORMS and FORMS[kind].title else kind


def number_words(of: str, label: str) -> str:
    if label:
        return f"{of} of the evidence in '{label}'" if of == "share" else f"{of} in '{label}'"
    return _NUMBERS.get(of, of)
