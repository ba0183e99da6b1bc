"""Explanations that show, save and measure themselves: what the verbs of Python and notebooks return."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..protocol.errors import DependencyError, ImageError, PixelSetError
from ..protocol.explanation import Explanation as Answer
from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.value import Value

_NO_IMAGE = "The image is not known to this explanation (it was read from a file)."
#: pixels per inch of the picture in a notebook
_NOTEBOOK_DPI = 80
_MOST_ROWS = 8


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Answer):
    """One answer with the image it is about: everything of :class:`protocol.explanation.Explanation`, and how to look
    at it.

    image: what was explained.  mask_on_image: gives M as bool ``[K, J, I]`` on the image's grid, or None.
    """

    image: Image | None = None
    mask_on_image: Callable[[Grid], np.ndarray | None] | None = None

    @staticmethod
    def of(answer: Answer, image: Image | None, mask: Callable[[Grid], np.ndarray | None] | None) -> Explanation:
        known = {one.name: getattr(answer, one.name) for one in fields(Answer)}
        return Explanation(**known, image=image, mask_on_image=mask)

    def __repr__(self) -> str:
        cells = " x ".join(map(str, self.map.shape))
        return (
            f"<Explanation: {self.title()}; {cells} cells; total {self.total:.5g} {self.unit}, "
            f"score {self.score:.5g} {self.score_unit}; {self.status}>"
        )

    @property
    def values(self) -> dict[str, Value]:
        """Everything measured, each with its unit and status: total, score, completeness, the share of the positive
        evidence inside M (with its chance level), and ``numbers``."""
        found = {
            "total": Value.of(self.total, self.unit),
            "score": Value.of(self.score, self.score_unit),
        }
        complete = self.completeness
        if complete is not None:
            found["completeness"] = Value.of(complete)
        mask = self._mask()
        if mask is not None:
            found["inside"] = self.share_inside(mask)
        return {**found, **self.numbers}

    def share_inside(self, mask: Any = None, value: Any = None) -> Value:
        """The share of the positive evidence in a region, with the share that evidence spread evenly over the body
        would have (chance). mask, value: as for :func:`explain.explain`; None: the pixel set M itself.

        Raises ImageError for an explanation without its image, PixelSetError.
        """
        from ..evaluation.metrics.ground import Ground
        from ..protocol.recipes import hardened
        from .as_pixel_set import as_recipes

        image = self._image()
        if mask is None:
            region = self._mask()
            if region is None:
                raise PixelSetError("The pixel set is not known to this explanation.", "Give a mask.")
        else:
            recipes = as_recipes(mask, image, value) or []
            pixels = [getattr(recipe, "pixels", None) for recipe in recipes]
            if len(pixels) != 1 or pixels[0] is None:
                raise PixelSetError("A share is of one region.", "Give one mask, or one label of a label map.")
            region = hardened(pixels[0].on(image.grid).weights)
        return Ground.of(image).share(self.resampled_to(image.grid).array, region)

    def plot(self, *, image: Any = None, **look: Any):
        """A matplotlib Figure: slices through the strongest place, M outlined, in mm.

        image: for an explanation that was loaded from a file.  look: fields of :class:`figures.map_figure.Look`
        (share, signed, window, maximum, at_ras, dpi, colour), and ``dark=True``.  Raises DependencyError, ImageError.
        """
        return figure_of([self], image, **look)

    def save(self, path: Any, *, grid: str = "image", overwrite: bool = False, **look: Any) -> Path:
        """The map as .nii.gz, .nrrd, .mha or .nii with a .json beside it, or the picture as .png, .pdf or .svg.

        grid: "image" writes the density (unit per ml) on the image's grid, "quarter" on quarters of the layer's cells
        (or the image's voxels, where they are coarser), "layer" the layer's own cells.  Returns the path.  Raises
        OutputError for a file that exists (unless ``overwrite``) and for other endings.
        """
        from .result_files import write

        return write(self, path, grid, overwrite, look)

    @staticmethod
    def load(path: Any) -> Explanation:
        """What :meth:`save` (or ``seghirescam explain``) wrote; the map's file or the .json. Raises OutputError."""
        from .result_files import read

        return Explanation.of(read(path), None, None)

    def _repr_html_(self) -> str:
        return _as_html([self])

    def _image(self) -> Image:
        if self.image is None:
            raise ImageError(_NO_IMAGE, "Give it: plot(image=...), or ask again.")
        return self.image

    def _mask(self) -> np.ndarray | None:
        if self.image is None or self.mask_on_image is None:
            return None
        return self.mask_on_image(self.image.grid)


class Explanations(list):
    """Explanations ordered by pixel set, layer, method. A list that shows itself."""

    def __repr__(self) -> str:
        return "[" + ",\n ".join(map(repr, self)) + "]"

    def plot(self, *, image: Any = None, **look: Any):
        """One Figure with a line of slices for each; at most eight. See :meth:`Explanation.plot`."""
        return figure_of(self, image, **look)

    def _repr_html_(self) -> str:
        return _as_html(self)


def figure_of(shown: Iterable[Explanation], image: Any = None, **look: Any):
    """Raises ImageError where there is nothing, or too much, to draw."""
    from ..figures.map_figure import DARK, Look, Row, draw

    shown = list(shown)
    if not 0 < len(shown) <= _MOST_ROWS:
        raise ImageError(f"A figure takes 1 to {_MOST_ROWS} maps, not {len(shown)}.", "Plot some of them.")
    if image is not None:
        from .as_image import Needs, as_image

        image = as_image(image, Needs()).image
        shown = [replace(one, image=image) for one in shown]
    behind = shown[0]._image()
    if look.pop("dark", False):
        look["theme"] = DARK
    look.setdefault("colour", behind.grid.is_photo and behind.array.shape[0] == 3)
    try:
        chosen = Look(**look)
    except TypeError:
        known = ", ".join(one.name for one in fields(Look) if one.name != "theme")
        raise ImageError(f"A figure has no setting called {', '.join(look)}.", f"Known: {known}, dark.") from None
    rows = [_row(one, Row) for one in shown]
    return draw(behind, rows, chosen)


def _row(one, make):
    image, mask = one._image(), one._mask()
    placed = one.resampled_to(image.grid)
    share = None if mask is None else one.share_inside()
    layer = one.layer
    cells = f", cells of {layer.cell_words}" if layer.mm_per_cell else ""
    line = (
        f"Score: {one.score_title}, summed over {one.pixel_set_label}   |   Layer {layer.name} ({layer.part}){cells}, "
        f"placed where it {'reads' if one.side == 'reading' else 'writes'}"
    )
    nothing = np.zeros(image.grid.shape, bool)
    return make(
        placed.array, nothing if mask is None else mask, f"{one.method_title}: {one.class_name}", line, placed.unit,
        one.reason, share and share.value, share and share.chance, share.over if share and share.over else "volume",
    )  # fmt: skip


def _as_html(shown) -> str:
    """A picture where matplotlib is there, a table of what was measured, and every note; safe text."""
    shown = list(shown)
    if not shown:
        return "<p>No explanation.</p>"
    parts = []
    try:
        drawn = [one for one in shown if one.image is not None][:_MOST_ROWS]
        if drawn:
            file = io.BytesIO()
            figure = figure_of(drawn)
            figure.savefig(file, format="png", dpi=_NOTEBOOK_DPI, facecolor=figure.get_facecolor(), metadata={})
            picture = base64.b64encode(file.getvalue()).decode()
            parts.append(f'<img alt="map over its image" src="data:image/png;base64,{picture}"/>')
    except DependencyError as error:
        parts.append(f"<p>{html.escape(str(error))}</p>")
    rows = []
    for one in shown:
        for name, value in one.values.items():
            chance = "" if value.chance is None else f"{value.chance:.3g} over the {value.over or 'volume'}"
            told = "-" if value.value is None else f"{value.value:.5g} {value.unit}".strip()
            rows.append((one.title(), one.pixel_set_label, name, told, chance, value.status))
    head = ("map", "pixel set", "number", "value", "chance", "status")
    lines = [_line("th", head), *(_line("td", row) for row in rows)]
    parts.append("<table>" + "".join(lines) + "</table>")
    notes = dict.fromkeys(note for one in shown for note in (*filter(None, [one.reason]), *one.notes))
    if notes:
        parts.append("<ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in notes) + "</ul>")
    parts.append("<p><small>Research use, not for diagnosis.</small></p>")
    return "<div>" + "".join(parts) + "</div>"


def _line(tag, cells) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"
