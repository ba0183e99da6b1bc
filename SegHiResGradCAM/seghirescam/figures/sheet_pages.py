"""A comparison as pages that can be read: at most so many methods and layers on each, all on one scale and slice."""

from __future__ import annotations

from ..comparison.compare import Comparison
from ..protocol.image import Image
from .contact_sheet import SheetLook, draw_sheet
from .sheet_bands import pages_of
from .sheet_cells import Sheet, lay_out


def draw_pages(comparison: Comparison, image: Image, look: SheetLook | None = None, sheet: Sheet | None = None):
    """([matplotlib Figure of each page], the caption of all). Raises what :func:`draw_sheet` raises."""
    look = look or SheetLook()
    sheet = sheet or lay_out(comparison, look.share, look.plane, look.at_ras, signed=look.signed)
    pages = pages_of(comparison)
    drawn = [
        draw_sheet(comparison, image, look, sheet, f"Page {n} of {len(pages)}. " if len(pages) > 1 else "", bands)
        for n, bands in enumerate(pages, start=1)
    ]
    return [figure for figure, _ in drawn], "\n\n".join(text for _, text in drawn)
