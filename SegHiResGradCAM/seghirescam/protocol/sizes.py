"""How large a region is, in the words of every table and of the panel: voxels, millilitres, and share of the image.

A photo has pixels and no millilitres.  Standard library and numpy only: this file is imported inside Slicer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .grid import Grid
from .pixel_set import PixelSet

#: A prediction that takes more of the image than this is a note.  Reason: what surrounds a structure (air, other
#: tissue, the other classes) takes more than one voxel in twenty of nearly every image; a network that was fed wrong
#: values, or whose output is read wrongly, mostly answers with one class everywhere.
FILLS = 0.95
_CHECK = "Check that the image is what the model was trained on, and how its values, axes and outputs are described."


@dataclass(frozen=True)
class Size:
    """voxels, of the image's ``image``.  ml: soft weights counted as fractions; None in a photo, which has pixels."""

    voxels: int
    image: int
    ml: float | None

    @staticmethod
    def of(mask: np.ndarray, grid: Grid) -> Size:
        """Of a mask ``[K, J, I]`` on the image's grid."""
        return Size.counted(int(np.count_nonzero(mask)), grid)

    @staticmethod
    def counted(voxels: int, grid: Grid) -> Size:
        """Of so many voxels of a grid."""
        return Size(voxels, int(np.prod(grid.shape)), None if grid.is_photo else voxels * grid.voxel_ml)

    @staticmethod
    def of_set(pixels: PixelSet, valid: tuple[int, ...] | None = None) -> Size:
        """Of M on the model grid; valid: shape of the part that shows the image (the rest is padding)."""
        image = int(np.prod(pixels.grid.shape if valid is None else valid))
        return Size(pixels.voxels, image, None if pixels.grid.is_photo else pixels.ml)

    @property
    def share(self) -> float:
        """Of the image, 0..1."""
        return self.voxels / self.image

    @property
    def words(self) -> str:
        """ "1234 voxels, 5.2 ml, 3.1 % of the image"; in a photo "1234 pixels, 3.1 % of the image"."""
        many = [f"{self.voxels} pixels"] if self.ml is None else [f"{self.voxels} voxels", f"{self.ml:.3g} ml"]
        return ", ".join([*many, f"{self.percent} of the image"])

    @property
    def percent(self) -> str:
        text = f"{100 * self.share:.3g}"
        if text == "100" and self.voxels < self.image:
            return "over 99.9 %"
        return f"{text} %"

    @property
    def cells(self) -> tuple[str, ...]:
        """Under :func:`heads`."""
        return (str(self.voxels), *(() if self.ml is None else (f"{self.ml:.2f}",)), self.percent)

    def to_json(self) -> dict:
        many = {"pixels": self.voxels} if self.ml is None else {"voxels": self.voxels, "ml": self.ml}
        return {**many, "share_of_image": self.share}


def heads(grid: Grid) -> tuple[str, ...]:
    """Heads of a table's columns for the :attr:`Size.cells` of regions on this grid."""
    return ("pixels", "of the image") if grid.is_photo else ("voxels", "ml", "of the image")


def prediction_notes(sizes: dict[str, Size], exclusive: bool = True) -> list[str]:
    """Sentences where a prediction fills nearly all of the image, or nothing.

    sizes: of the predicted classes by name, without a background.  exclusive: the classes share no voxel, so that they
    can be added up.
    """
    notes = [f"The prediction of {name} {fills(size)}" for name, size in sizes.items() if size.share > FILLS]
    if not notes and exclusive and len(sizes) > 1:
        one = next(iter(sizes.values()))
        whole = Size(sum(size.voxels for size in sizes.values()), one.image, None)
        if whole.share > FILLS:
            notes.append(f"The predicted classes together {fills(whole, 'fill')}")
    if sizes and not any(size.voxels for size in sizes.values()):
        what = f"no voxel of {next(iter(sizes))}" if len(sizes) == 1 else "none of its classes"
        notes.append(f"The model predicts {what} in this image. {_CHECK}")
    return notes


def fills(size: Size, verb: str = "fills") -> str:
    """ "fills 98.2 % of the image. Check ..." """
    return f"{verb} {size.percent} of the image. {_CHECK}"
