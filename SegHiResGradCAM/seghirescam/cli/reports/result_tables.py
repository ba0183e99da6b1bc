"""The tables and sentences that a result holds beside its maps."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ...figures.report.page import Cell, Table, filled, number, words
from ...protocol.csv_text import plain_text

MOST_ROWS, MOST_SENTENCES = 300, 40
#: columns that name files, or say once more what a number's unit or a layer's name says
_LEFT_OUT = (
    "map", "pixel_set_file", "title", "unit", "part", "model_voxels", "seconds", "cells_in_pass", "mm_per_cell_k",
    "mm_per_cell_j", "mm_per_cell_i",
)  # fmt: skip
#: numbers in the order in which they are looked for; all words stand before them
_FIRST = ("inside", "lift", "chance", "score", "score_per_voxel", "dice")
_LAST = ("total", "completeness", "voxels", "pixels", "ml", "mm2", "share_of_image", "chance_over", "reason")
#: what a column's number is measured in, where the column says so by its name
_UNITS = {"ml": "ml", "mm2": "mm\u00b2"}


def csv_table(name: str, path: Path) -> tuple[str, Table]:
    """(title, table) of a CSV of ours."""
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    heads = [head for head in (lines[0] if lines else ()) if head not in _LEFT_OUT]
    known = _FIRST + _LAST
    heads = [head for head in heads if head not in known] + [head for head in known if head in heads]
    rows = [tuple(_cell(head, line[head] or "", line) for head in heads) for line in lines[:MOST_ROWS]]
    numeric = tuple(any(row[n].value is not None for row in rows) for n in range(len(heads)))
    note = f"The first {MOST_ROWS} of {len(lines)} lines." if len(lines) > MOST_ROWS else ""
    return f"The main columns of {name}", filled(
        Table(tuple(head.replace("_", " ") for head in heads), rows, numeric, note)
    )


def painting_tables(result: dict) -> list[tuple[str, Table]]:
    """Of what ``paint`` found: the prediction before and after, and how large the regions are."""
    found = result.get("painting")
    if not isinstance(found, dict):
        return []
    unit, tables = found.get("unit", ""), []
    rows = [
        (
            words(f"{when} masking out"), number("score", found[when]["score"], unit),
            number("predicted", found[when].get("ml", found[when].get("voxels")), "ml" if "ml" in found[when] else ""),
            number("dice", found[when].get("dice")),
        )
        for when in ("before", "after")
        if isinstance(found.get(when), dict)
    ]  # fmt: skip
    heads = ("", f"Mean {found.get('score_title', 'score')}", "Predicted", "Dice with the pixel set")
    tables.append(("Before and after", filled(Table(heads, rows, (False, True, True, True)))))
    sizes = [
        (
            words(name), number("voxels", size.get("voxels")), number("ml", size.get("ml"), "ml"),
            number("share_of_image", size.get("share_of_image")),
        )
        for name, size in (found.get("sizes") or {}).items()
    ]  # fmt: skip
    tables.append(
        ("Sizes", filled(Table(("Region", "Voxels", "Volume", "Of the image"), sizes, (False, *(True,) * 3))))
    )
    return tables


def sentences(result: dict) -> list[str]:
    """What the command said, in the order of its result.json."""
    return list(dict.fromkeys(_sentences(result)))[:MOST_SENTENCES]


def _sentences(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("sentence"), str) and value["sentence"]:
            yield value["sentence"]
        for inner in value.values():
            yield from _sentences(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sentences(inner)


def _cell(head: str, text: str, line: dict[str, str]) -> Cell:
    try:
        value = float(text)
    except ValueError:
        return words(plain_text(text))
    if head in ("set", "segment", "class", "model"):
        return words(plain_text(text))
    unit = line.get("unit", "") if head in ("score", "score_per_voxel", "total") else _UNITS.get(head, "")
    return number(head, value, unit)
