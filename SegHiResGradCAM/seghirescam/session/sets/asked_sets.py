"""Pixel sets as commands and cohorts ask about them: made when the session looks, small while they wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...protocol.grid import Grid
from ...protocol.messages import BoxedPixels
from ...protocol.pixel_set import PixelSet
from ...protocol.recipes import PredictedClass, Recipe, View, mask_on
from ...protocol.sizes import Size


class AskedSet(Recipe):
    """One pixel set of many. name: of its segment, "" without one.  make: its recipe, anew at every call.

    sha256, label, class_index: of M on the model grid; predicted: name and :class:`sizes.Size` of the class it was told
    by, or None; all known once the session has looked.
    """

    def __init__(self, make: Callable[[], Recipe], needs_prediction: bool, name: str = ""):
        self._make, self.needs_prediction, self.name = make, needs_prediction, name
        self.sha256 = self.label = ""
        self.class_index = -1
        self.predicted: tuple[str, Size] | None = None
        self._kept: tuple[BoxedPixels, tuple[str, ...], str] | None = None

    @staticmethod
    def of(recipe: Recipe, name: str = "") -> AskedSet:
        return AskedSet(lambda: recipe, recipe.needs_prediction, name)

    def resolve(self, view: View) -> PixelSet:
        found = self._make().resolve(view)
        if self.needs_prediction:
            self.predicted = view.class_name, Size.of_set(PredictedClass().resolve(view), view.valid)
        self._kept = BoxedPixels.of(found), found.notes, found.header
        self.sha256, self.label, self.class_index = found.content_hash, found.label, view.class_index
        return found

    @property
    def pixels(self) -> PixelSet:
        """M on the model grid; made anew at every look."""
        assert self._kept is not None
        boxed, notes, header = self._kept
        return replace(boxed.whole(), notes=notes, header=header)

    def mask(self, grid: Grid) -> np.ndarray:
        """Bool [K, J, I]: M on the image's grid."""
        return mask_on(grid, self._make(), self.pixels)
