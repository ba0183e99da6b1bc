"""Colour images for networks of three channels: PNG, JPEG, and volumes with three or four values per voxel.

A network whose channels are called red, green and blue also takes one grey image, in all three alike, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..protocol.errors import ImageError
from ..protocol.image import Image
from .itk_places import notes_of
from .nifti_header import NIBABEL
from .nifti_voxels import voxels_of
from .photos import grid_in
from .simple_itk import simple_itk
from .volumes import named, read_itk, series_of

#: names of the channels, in their order
CHANNELS = ("red", "green", "blue")
#: said with every result of a grey image
GREY = (
    "This network takes colour pictures: the grey values went into red, green and blue alike, rows and columns as the "
    "slice is stored."
)
#: as far as a name tells
_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".nrrd", ".mha", ".nii", ".nii.gz")


def read_rgb(path, rule: str = NIBABEL) -> Image:
    """An Image of the channels red, green, blue, with the file's own values (0 to 255 in a PNG), K = 1 for a picture.

    rule: see :func:`volumes.read_volume`.

    A fourth value (alpha) is left out where it is the same everywhere.  A photo has no patient space: its grid counts
    pixels (:mod:`photos`), and Slicer and the figures show it upright.  Raises ImageError for what
    :func:`volumes.read_itk` refuses, one or two values per voxel, and transparency.
    """
    itk = read_itk(path, rule)
    values = itk.GetNumberOfComponentsPerPixel()
    if values not in (3, 4):
        many = "one value per voxel (a grey image)" if values == 1 else f"{values} values per voxel"
        raise ImageError(
            f"{named(path)} has {many}, not red, green and blue.", "Give a colour image.", components=values
        )
    array = np.moveaxis(voxels_of(simple_itk(), itk), -1, 0)
    if values == 4 and array[3].min() != array[3].max():
        raise ImageError(
            f"{named(path)} is transparent in places, and what shines through is not known.",
            "Save it without transparency.",
        )
    notes, header = notes_of(itk)
    notes = tuple(note.replace("This file", "The image") for note in notes)
    return Image(np.ascontiguousarray(array[:3]), grid_in(path, itk), notes, (header,) * 3 if header else ())


def takes_colour(channels: Sequence[str]) -> bool:
    """Whether these are the channels of colour images, by their names."""
    return tuple(name.strip().lower() for name in channels) == CHANNELS


def coloured(image: Image, channels: Sequence[str]) -> Image:
    """One grey image as red, green and blue alike, with :data:`GREY` in its notes, for a network of such channels;
    anything else as it is."""
    if image.array.shape[0] != 1 or not takes_colour(channels):
        return image
    return replace(
        image, array=np.repeat(image.array, 3, axis=0), notes=(*image.notes, GREY), headers=image.headers * 3
    )


def is_rgb(path) -> bool:
    """Whether a file holds three or four values per voxel, by its header alone; False for what cannot be read."""
    if series_of(path)[0] is not None or not str(path).lower().endswith(_SUFFIXES) or not Path(path).is_file():
        return False
    sitk = simple_itk()
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return False
    return reader.GetNumberOfComponents() in (3, 4)
