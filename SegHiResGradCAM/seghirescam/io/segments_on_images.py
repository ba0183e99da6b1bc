"""A segment that a command or a plan names, and where it lies on its image, with what is to be said of that."""

from __future__ import annotations

from dataclasses import replace

from ..protocol.grid import Grid
from ..protocol.image import Image
from ..protocol.pixel_set import PixelSet, refuse_elsewhere
from ..protocol.resampling import same_voxels
from .dicom_seg import segmentation_file, wants_image
from .label_maps import read_labels, split_label
from .nifti_header import NIBABEL

_NO_FRAME = "The segmentation is DICOM and the image is not: whether both lie in one frame of reference is not known."


def read_segment(text: str, image: Grid | None = None, rule: str = NIBABEL) -> PixelSet:
    """``LABELMAP[:value|:name]``. image, rule: see :func:`label_maps.read_labels`."""
    path, wanted = split_label(text)
    return read_labels(path, image, rule).pixel_set(wanted)


def on_image(text: str, pixels: PixelSet, image: Image, rule: str = NIBABEL) -> PixelSet:
    """The segment that :func:`read_segment` found before the image was known, as it lies on the image, with notes.

    rule: of the model's own reader, where a file's headers disagree.  Raises PixelSetError where the two lie in
    different frames of reference.
    """
    grid = image.grid
    if segmentation_file(split_label(text)[0]) is not None:
        if wants_image(pixels.notes):
            pixels = read_segment(text, grid)
    elif pixels.header and rule != NIBABEL:
        pixels = read_segment(text, grid, rule)
    return placed_on(text, pixels, image)


def placed_on(text: str, pixels: PixelSet, image: Image) -> PixelSet:
    """A segment read with the image's rule, with what is to be said of its place. Raises as :func:`on_image`."""
    grid = image.grid
    if segmentation_file(split_label(text)[0]) is not None and not grid.frame:
        pixels = replace(pixels, notes=(*pixels.notes, _NO_FRAME))
    refuse_elsewhere(pixels.grid, grid, pixels.label)
    if not pixels.grid.same_as(grid) and not same_voxels(pixels.grid, grid):
        turned = f"{pixels.label} lies on another grid than the image and was resampled linearly."
        pixels = replace(pixels, notes=(*pixels.notes, turned[0].upper() + turned[1:]))
    return pixels
