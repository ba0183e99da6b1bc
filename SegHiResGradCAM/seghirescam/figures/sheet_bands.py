"""How a contact sheet is cut into bands of cells: methods at layers, and maps on the image itself; bands fill pages."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from ..comparison.compare import Cell, Comparison
from ..protocol.explanation import LayerInfo
from ..session.context_methods import INPUT

#: rows of cells and columns of a page: 2200 pixels wide and 2900 tall at 200 dpi
ROWS, COLUMNS = 6, 6
_ALL = 10**6


@dataclass(frozen=True, eq=False)
class Band:
    """columns: of layers; () of maps on the image itself, which know no layer.  lines: (method, its cell in every
    column) of a band of layers; (None, cells of several methods) of one without."""

    columns: tuple[LayerInfo, ...]
    lines: tuple[tuple[object | None, tuple[Cell | None, ...]], ...]

    @property
    def wide(self) -> int:
        return max(len(cells) for _, cells in self.lines)


def bands_of(comparison: Comparison, rows: int = _ALL, columns: int = _ALL) -> list[Band]:
    """Every cell once, in bands of at most so many rows and columns, shared out evenly; maps on the image last."""
    methods = [n for n, one in enumerate(comparison.methods) if not one.at_input]
    inputs = [n for n, one in enumerate(comparison.methods) if one.at_input]
    layers = [layer for layer in comparison.layers if layer.name != INPUT]
    found = [
        Band(tuple(some), tuple((comparison.methods[n], _cells(comparison, n, some)) for n in part))
        for part in _shared_out(methods, rows)
        for some in _shared_out(layers, columns)
    ]
    across = min(max((band.wide for band in found), default=COLUMNS), columns, COLUMNS)
    lines = [
        (None, tuple(next(cell for cell in comparison.cells[n] if cell is not None) for n in part))
        for part in _shared_out(inputs, across)
    ]
    return found + [Band((), tuple(part)) for part in _shared_out(lines, rows)]


def pages_of(comparison: Comparison) -> list[list[Band]]:
    """Bands one below another while they fit on a page.  A single row of maps on the image always joins the last."""
    pages: list[list[Band]] = []
    for band in bands_of(comparison, ROWS, COLUMNS):
        more = len(band.lines)
        room = ROWS + 1 if not band.columns and more == 1 else ROWS
        if pages and sum(len(one.lines) for one in pages[-1]) + more <= room:
            pages[-1].append(band)
        else:
            pages.append([band])
    return pages


def _cells(comparison, row, layers):
    """The row's cell at each of the layers."""
    by_layer = {cell.layer.name: cell for cell in comparison.cells[row] if cell is not None}
    return tuple(by_layer.get(layer.name) for layer in layers)


def _shared_out(things, most):
    """Lists of nearly equal length, none longer than ``most``."""
    count = math.ceil(len(things) / most)
    edges = [round(n * len(things) / count) for n in range(count + 1)] if count else []
    return [things[a:b] for a, b in itertools.pairwise(edges)]
