"""The columns of the table: who is asked about, and every number as three: itself, its unit, its status."""

from __future__ import annotations

from typing import Any

from ...protocol.value import OK, Value

#: by which a line is known; hashes of content, never names
KEYS = ("image", "model", "segment", "reference", "question")
#: what stands in front of the numbers; class and label names are the model's and the label map's
WORDS = (
    "group", "label", "pixel set", "class", "class name", "rival", "score of", "layer", "layer part", "stride",
    "method", "status", "reason", "error", "sentence", "plan row", "verdict",
)  # fmt: skip
#: numbers that every table has, in front of what evaluation adds
FIRST = ("score", "total", "completeness", "share inside", "size", "dice", "predicted size", "reference size")
#: words of the table of evidence by label
BY_LABEL_WORDS = ("group", "pixel set", "class", "layer", "method", "map", "label")
BY_LABEL_FIRST = ("share", "density", "distance", "size")
#: columns that hold whole numbers
WHOLE = ("class", "rival", "plan row", "voxels")
#: what may stand behind a number's name
PARTS = (" unit", " status", " chance", " lift")


def number(name: str, value: Value) -> dict[str, Any]:
    """A value as columns; chance and lift where it has them."""
    found: dict[str, Any] = {name: value.value, f"{name} unit": value.unit, f"{name} status": value.status}
    if value.chance is not None:
        found |= {f"{name} chance": value.chance, f"{name} lift": value.lift}
    return found


def plain(name: str, value: float | None, unit: str, why: str) -> dict[str, Any]:
    """A number that is no Value; why: the status where there is none."""
    return {name: value, f"{name} unit": unit, f"{name} status": OK if value is not None else why}


def numbers_in(line: dict) -> list[str]:
    """The numbers of a line, by name, in its order."""
    return [name.removesuffix(" unit") for name in line if name.endswith(" unit")]


def columns_of(name: str, with_chance: bool) -> list[str]:
    return [name, *(f"{name}{part}" for part in (PARTS if with_chance else PARTS[:2]))]
