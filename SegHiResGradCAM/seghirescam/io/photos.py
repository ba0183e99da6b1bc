"""Photos are not patients: which files hold a picture (PNG, JPEG, BMP, TIFF), and the grid of its pixels.

Such a file knows no patient: no right or left, no slices, and the size it would be printed in, not that of what it
shows.  What is computed from it has pixels and shares of pixels (:attr:`grid.Grid.space`).
"""

from __future__ import annotations

from pathlib import Path

from ..protocol.grid import Grid
from .itk_places import grid_of
from .simple_itk import simple_itk

#: ITK's readers of pictures
_READERS = ("PNGImageIO", "JPEGImageIO", "BMPImageIO", "TIFFImageIO")


def is_photo(path) -> bool:
    """By content and, where that does not tell, by the name's ending; False for a folder and for what is not there."""
    if not Path(path).is_file():
        return False
    return simple_itk().ImageFileReader.GetImageIOFromFileName(str(path)) in _READERS


def grid_in(path, itk) -> Grid:
    """The grid of a 3D SimpleITK image that was read from this path: a patient's in RAS, or a photo's pixels."""
    return Grid.of_photo(itk.GetSize()[::-1]) if is_photo(path) else grid_of(itk)
