"""The caption of a contact sheet: what was asked, where the slice lies, and what the colours and numbers mean."""

from __future__ import annotations

import math

from ..evaluation.metrics.checked import chance_in
from ..protocol.grid import canonical
from ..protocol.sizes import Size
from .layer_labels import full_names
from .style import LETTER, percent, slice_words, upright

#: a comparison of more than this span is not looked at: the darkest colour stands for less
DECADES = 4


def caption(comparison, sheet, scale, columns, share: float, crossed: bool) -> str:
    """columns: the layers that are shown.  share: as in :class:`contact_sheet.SheetLook`.  crossed: whether the slice
    meets the pixel set."""
    grid = canonical(comparison.grid)
    where = _where(grid, sheet)
    if sheet.chosen and grid.shape[sheet.plane[1]] > 1:
        where += " (of those through the pixel set the one with the most evidence, averaged over the cells)"
    outline = "the pixel set" if crossed else "the pixel set, in other slices"
    size = Size.of(comparison.mask, comparison.grid)
    even = chance_in(comparison.mask, comparison.ground.body)
    names = full_names(columns)
    named = f"Columns: {names}. " if names else ""
    by = "by method (rows) and layer (columns)" if columns else "by method, on the image itself"
    against = "; and how much of the map's evidence speaks against the class" if sheet.signed else ""
    return (
        f"Evidence {'for and against' if sheet.signed else 'for'} '{comparison.class_name}' {by}. {named}Score: "
        f"{comparison.score_title}, summed over {comparison.pixels.label} ({size.words}). All cells: {where}. "
        f"{_colours(sheet, scale, grid, share)} Outline: {outline}. Below each cell: share of the positive evidence "
        "inside the pixel set, and how many times chance that is (evidence spread evenly over "
        f"{comparison.ground.words} would have {percent(even)} there){against}. Grey cells: the method cannot work "
        "there, and says why. Research use, not for diagnosis."
    )


def even_share(grid) -> float:
    """Share per ml (in a photo per pixel) of evidence that is spread evenly over the whole image."""
    return 1 / (math.prod(grid.shape) * grid.voxel_volume)


def _colours(sheet, scale, grid, share):
    own, adds, held, both = "positive evidence", "every map adds up", "evidence", ""
    if sheet.signed:
        own, held = "evidence, for and against together", "evidence of both signs"
        adds = "without their signs the values of every map add up"
        both = " Red speaks for the class, blue against it; the smaller the share, the more transparent."
    start = f"{DECADES} decades below the highest value"
    if scale.low <= even_share(grid):
        start = "at evidence spread evenly over the whole image"
    return (
        f"Colours: share of a map's own {own}, per {grid.volume_unit}, one logarithmic scale for all cells; {adds} to "
        f"100 % over the whole image, whatever the unit, so any two cells can be compared.{both} The scale starts "
        f"{start}. Coloured is the smallest region with {percent(share)} of the {held}."
    )


def _where(grid, sheet):
    plane, at = sheet.plane, sheet.at
    if grid.is_photo:
        return "the photo" if grid.shape[plane[1]] == 1 else slice_words(grid, plane, at).lower()
    oblique = "" if upright(grid) else " along the image's axes"
    mm = grid.ras(at)[2 - plane[1]]
    return f"{plane[0].lower()} slice{oblique} at {LETTER[plane[1]]} = {mm:.1f} mm"
