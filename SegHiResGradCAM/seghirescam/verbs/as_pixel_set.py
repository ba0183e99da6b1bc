"""The pixel set M from whatever a Python user holds: masks, label maps with a value, files, image objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..demo.words import labels_path
from ..protocol.errors import ImageError, PixelSetError
from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet
from ..protocol.recipes import Recipe, View, as_recipe, mask_on
from .as_image import as_numpy, is_nibabel, is_path, is_simple_itk, itk_array, itk_grid, nibabel_array

_OTHER_GRID = "{} lies on another grid than the image and was resampled."


def as_recipes(given: Any, image: Image, value: Any = None, rule: str = "nibabel") -> list[Recipe] | None:
    """One recipe a pixel set, None for none given (where the class is predicted). Raises PixelSetError.

    given: a mask (bool, weights in [0, 1]) or a label map as array or tensor on the image's grid, a path
    ("labels.nii.gz", "labels.seg.nrrd:Tumour"), a SimpleITK or nibabel image, a PixelSet, a recipe; or a list of them.
    value: of a label map: the label's number (in files its name, too), or several: one pixel set each.
    """
    if given is None:
        if value is not None:
            raise PixelSetError("value names a label, and no label map was given.", "Give the label map as well.")
        return None
    if isinstance(given, (list, tuple)):
        if not given:
            raise PixelSetError("No pixel set was named.", "Give one, or leave it out for the predicted class.")
        return [recipe for one in given for recipe in as_recipes(one, image, value, rule) or ()]
    if isinstance(given, (Recipe, PixelSet)):
        if value is not None:
            raise PixelSetError("A pixel set has no labels to choose from.", "Leave value out.")
        return [as_recipe(given)]
    values = list(value) if isinstance(value, (list, tuple, set, range)) else [value]
    return [as_recipe(_one(given, image, wanted, rule)) for wanted in values]


def _one(given, image, wanted, rule) -> PixelSet:
    if is_path(given):
        return _from_file(given, image, wanted, rule)
    if is_simple_itk(given):
        array, grid = itk_array(given), itk_grid(given)
    elif is_nibabel(given):
        array, grid = nibabel_array(given)
    else:
        array, grid = _on_grid(_numbers(given), image.grid), image.grid
    if array.ndim == 4:
        array = _single(array)
    weights, label = _weights(array, wanted)
    notes = () if grid.same_as(image.grid) else (_OTHER_GRID.format("The pixel set"),)
    return PixelSet(weights, grid, label, notes)


def _numbers(given) -> np.ndarray:
    try:
        return as_numpy(given)
    except ImageError:
        raise PixelSetError(
            f"A {type(given).__name__} is no pixel set.",
            "Give a mask or label map as array, tensor, path, SimpleITK or nibabel image, or a seghirescam.PixelSet.",
        ) from None


def _on_grid(array, grid: Grid) -> np.ndarray:
    """``[K, J, I]``; further axes of length 1 in front go, a flat image's K comes."""
    shape = array.shape
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[None]
    if array.ndim == 3 and array.shape != grid.shape and array.shape[0] == 1 and array.shape[1:] == grid.shape:
        array = array[0]
    if array.shape != grid.shape:
        wanted = grid.shape if grid.shape[0] > 1 else grid.shape[1:]
        raise PixelSetError(
            f"The mask has shape {shape}, the image's grid {wanted}.",
            "Give a mask with one value for every voxel of the image, in the same order of axes.",
        )
    return array


def _single(array):
    if len(array) != 1:
        raise PixelSetError(f"The mask has {len(array)} channels.", "Give one mask for each pixel set, as a list.")
    return array[0]


def _weights(array, wanted) -> tuple[np.ndarray, str]:
    """(weights in [0, 1], label)"""
    if array.dtype.kind == "b":
        if wanted not in (None, 1, True):
            raise PixelSetError(f"The mask is boolean and has no label {wanted!r}.", "Leave value out.")
        return array, "mask"
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise PixelSetError("The mask holds values that are NaN or infinite.", "Give weights from 0 to 1, or labels.")
    soft = array.dtype.kind == "f" and not np.array_equal(array, np.round(array))
    if soft:
        if wanted is not None:
            raise PixelSetError("The mask holds fractions, so it is no label map.", "Leave value out.")
        return array, "mask"  # PixelSet refuses what lies beyond 0 and 1
    labels = np.unique(array)
    labels = [int(v) for v in labels if v != 0]
    known = ", ".join(map(str, labels[:20])) or "none"
    if wanted is None:
        if len(labels) > 1:
            raise PixelSetError(
                f"The label map holds {len(labels)} labels and none was chosen.", f"Add value=; labels: {known}."
            )
        return array != 0, "mask" if labels in ([], [1]) else f"label {labels[0]}"
    if not isinstance(wanted, (int, np.integer)):
        raise PixelSetError(f"An array has no label called {wanted!r}.", f"Give its number; labels: {known}.")
    if int(wanted) not in labels:
        raise PixelSetError(f"The label map has no label {wanted}.", f"Labels: {known}.")
    return array == wanted, f"label {int(wanted)}"


def _from_file(path, image, wanted, rule) -> PixelSet:
    from ..io.label_maps import read_labels, split_label

    name, inside = split_label(labels_path(str(path)))
    if inside is not None and wanted is not None:
        raise PixelSetError("The path names a label, and value does too.", "Name it once.")
    chosen = inside if wanted is None else str(wanted)
    return read_labels(name, image.grid, rule).pixel_set(chosen)


@dataclass(frozen=True, eq=False)
class Noted(Recipe):
    """Another recipe that remembers what it came to: figures and shares need M, and only the question resolves it."""

    of: Recipe

    def __post_init__(self):
        object.__setattr__(self, "found", [])

    @property
    def needs_prediction(self) -> bool:  # type: ignore[override]
        return self.of.needs_prediction

    def resolve(self, view: View) -> PixelSet:
        pixels = self.of.resolve(view)
        self.found[:] = [pixels]  # type: ignore[attr-defined]
        return pixels

    def mask(self, grid: Grid) -> np.ndarray | None:
        """Bool ``[K, J, I]`` on the image's grid, None as long as nobody asked."""
        return mask_on(grid, self.of, self.found[0]) if self.found else None  # type: ignore[attr-defined]
