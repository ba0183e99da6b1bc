"""A comparison as pages that can be read: at most so many methods and layers on each, all on one scale and slice."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

from ..comparison.compare import Comparison
from ..protocol.image import Image
from ..session.context_methods import INPUT
from .contact_sheet import SheetLook, draw_sheet
from .sheet_cells import Sheet, lay_out

#: methods and layers of a page: 2200 pixels wide and 2500 tall at 200 dpi
ROWS, COLUMNS = 6, 6


def draw_pages(comparison: Comparison, image: Image, look: SheetLook | None = None, sheet: Sheet | None = None):
    """([matplotlib Figure of each page], the caption of all). Raises what :func:`draw_sheet` raises."""
    look = look or SheetLook()
    sheet = sheet or lay_out(comparison, look.share, look.plane, look.at_ras, signed=look.signed)
    parts = pages_of(comparison)
    drawn = [
        draw_sheet(part, image, look, sheet, f"Page {n} of {len(parts)}. " if len(parts) > 1 else "")
        for n, part in enumerate(parts, start=1)
    ]
    caption = drawn[0][1]
    if len(parts) > 1:
        caption = "\n\n".join(text for _, text in drawn)
    return [figure for figure, _ in drawn], caption


def pages_of(comparison: Comparison) -> list[Comparison]:
    """The comparison in parts, rows and columns shared out evenly; maps on the image itself come last."""
    rows = [n for n, one in enumerate(comparison.methods) if not one.at_input]
    inputs = [n for n, one in enumerate(comparison.methods) if one.at_input]
    columns = [layer.name for layer in comparison.layers if layer.name != INPUT]
    found = [
        _part(comparison, some, names)
        for some in _shared_out(rows, ROWS)
        for names in _shared_out(columns, COLUMNS)
    ]  # fmt: skip
    below = math.ceil(len(inputs) / max(1, min(COLUMNS, len(columns) or len(inputs))))
    if found and inputs and len(found) == 1 and len(rows) + below <= ROWS:
        return [comparison]
    return found + [_part(comparison, some, [INPUT]) for some in _shared_out(inputs, ROWS * COLUMNS)]


def _part(comparison, rows, names):
    keep = [n for n, layer in enumerate(comparison.layers) if layer.name in names]
    wanted = {comparison.layers[n].name for n in keep}
    cells = tuple(
        tuple(cell for cell in comparison.cells[n] if cell is None or cell.layer.name in wanted) for n in rows
    )
    methods = tuple(comparison.methods[n] for n in rows)
    return replace(comparison, methods=methods, layers=tuple(comparison.layers[n] for n in keep), cells=cells)


def _shared_out(things, most):
    """Lists of nearly equal length, none longer than ``most``."""
    count = math.ceil(len(things) / most)
    edges = [round(n * len(things) / count) for n in range(count + 1)] if count else []
    return [things[a:b] for a, b in itertools.pairwise(edges)]
