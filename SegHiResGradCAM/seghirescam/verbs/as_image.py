"""An :class:`Image` from whatever a Python user holds: arrays, tensors, files, SimpleITK and nibabel images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..demo.words import image_path
from ..io.channels import joined
from ..io.itk_places import grid_of
from ..protocol.errors import ImageError
from ..protocol.grid import Grid
from ..protocol.image import Image

_VOXELS = "No grid was given with the array: voxels of 1 x 1 x 1 mm were assumed, so its millimetres and ml are counts."
_COLOURS_LAST = "The array's last axis was taken as its channels."
_SLICES = "The network is 2D and the array has several slices: its first axis was taken as the slices."


@dataclass(frozen=True)
class Needs:
    """What is known of the network before the image is read. dims: 2, 3 or None.  channels: it takes, or None.
    names: of the channels, where the model has some.  rule: see :mod:`io.nifti_header`."""

    dims: int | None = None
    channels: int | None = None
    names: Sequence[str] = ()
    rule: str = "nibabel"


@dataclass(frozen=True, eq=False)
class Read:
    """image; axes: "xyz" where what was given states the order in which it feeds the network, else None."""

    image: Image
    axes: str | None = None


def as_image(given: Any, needs: Needs, spacing: Sequence[float] | None = None) -> Read:
    """Raises ImageError, with what to give instead.

    given: an Image; a path; an array or tensor ``[K, J, I]``, ``[C, K, J, I]`` or ``[1, C, K, J, I]`` (2D: ``[J, I]``,
    ``[C, J, I]``, ``[1, C, J, I]``, ``[J, I, C]``), as the network is fed; a SimpleITK or nibabel image; MONAI's
    MetaTensor; or a list with one of them for each channel.  spacing: mm of an array's voxels along its axes.
    """
    if isinstance(given, Image):
        found = Read(given)
    elif is_path(given):
        found = Read(_from_files([given], needs))
    elif isinstance(given, (list, tuple)) and given and not isinstance(given[0], (int, float)):
        if all(map(is_path, given)):
            found = Read(_from_files(given, needs))
        else:
            parts = [as_image(one, replace(needs, channels=1), spacing) for one in given]
            image, notes = joined([part.image for part in parts], needs.names)
            found = Read(replace(image, notes=(*image.notes, *notes)), parts[0].axes)
    elif is_simple_itk(given):
        found = Read(_from_itk(given))
    elif is_nibabel(given):
        found = Read(_from_nibabel(given))
    else:
        return _from_array(given, needs, spacing)
    if spacing is not None:
        raise ImageError("The image has a grid of its own.", "Leave spacing out, or give the bare array.")
    return found


def is_path(given: Any) -> bool:
    return isinstance(given, (str, os.PathLike))


def is_simple_itk(given: Any) -> bool:
    return type(given).__module__.split(".")[0] == "SimpleITK"


def is_nibabel(given: Any) -> bool:
    return hasattr(given, "affine") and hasattr(given, "dataobj")


def is_meta_tensor(given: Any) -> bool:
    return type(given).__name__ == "MetaTensor" and hasattr(given, "affine")


def as_numpy(given: Any) -> np.ndarray:
    """A copy-free numpy array of an array, tensor or list. Raises ImageError for what is none."""
    if hasattr(given, "detach"):
        given = given.detach().cpu()
        given = given.float() if str(given.dtype) == "torch.bfloat16" else given
        return given.as_subclass(_tensor()).numpy()
    array = np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise ImageError(
            f"A {type(given).__name__} is no image.",
            "Give a path, an array or tensor, a SimpleITK or nibabel image, or a seghirescam.Image.",
        )
    return array


def itk_array(itk: Any) -> np.ndarray:
    """``[K, J, I]`` or ``[C, K, J, I]`` of a 2D or 3D SimpleITK image."""
    from ..io.simple_itk import simple_itk

    array = simple_itk().GetArrayFromImage(itk)
    array = np.moveaxis(array, -1, 0) if itk.GetNumberOfComponentsPerPixel() > 1 else array
    return array[..., None, :, :] if itk.GetDimension() == 2 else array


def itk_grid(itk: Any) -> Grid:
    from ..io.simple_itk import simple_itk

    if itk.GetDimension() == 2:
        itk = simple_itk().JoinSeries(itk)
    if itk.GetDimension() != 3:
        raise ImageError(f"The image has {itk.GetDimension()} dimensions.", "Give one volume of the sequence.")
    return grid_of(itk)


def nibabel_array(image: Any) -> tuple[np.ndarray, Grid]:
    """(``[K, J, I]`` or ``[C, K, J, I]``, grid): nibabel's arrays run I, J, K, C."""
    array = np.asarray(image.dataobj)
    array = array.reshape(array.shape + (1,) * (3 - array.ndim))
    if array.ndim not in (3, 4):
        raise ImageError(f"The image has {array.ndim} dimensions.", "Give one volume, with its channels last.")
    return array.T, Grid(array.shape[2::-1], image.affine)


def _tensor():
    import torch

    return torch.Tensor


def _from_files(paths, needs) -> Image:
    from ..io.colour_images import is_rgb, read_rgb
    from ..io.volumes import read_channels

    paths = [image_path(os.fspath(path)) for path in paths]
    if len(paths) == 1 and needs.channels in (3, None) and is_rgb(paths[0]):
        return read_rgb(paths[0], needs.rule)
    image, notes = read_channels(paths, list(needs.names) or None, needs.rule)
    return replace(image, notes=(*image.notes, *notes))


def _from_itk(itk) -> Image:
    return Image(itk_array(itk), itk_grid(itk))


def _from_nibabel(image) -> Image:
    return Image(*nibabel_array(image))


def _from_array(given, needs, spacing) -> Read:
    meta = is_meta_tensor(given)
    array = as_numpy(given)
    dims = needs.dims or (3 if array.ndim - (array.shape[0] == 1) > 2 else 2)
    array, notes = _channels_first(array, dims, needs.channels)
    if meta:
        # MONAI's tensors run C, x, y, z, and that is what its networks are fed
        affine = np.asarray(given.affine.detach().cpu() if hasattr(given.affine, "detach") else given.affine, float)
        if dims != 3 or affine.shape != (4, 4):
            raise ImageError("A 2D MetaTensor carries no place.", "Give its array: image.as_tensor().")
        array = array.transpose(0, 3, 2, 1)
        return Read(Image(array, Grid(array.shape[1:], affine), notes), "xyz")
    grid, more = _assumed_grid(array.shape[1:], dims, spacing)
    return Read(Image(array, grid, (*notes, *more)), "zyx")


def _channels_first(array, dims, channels):
    """(``[C, K, J, I]``, notes) from an array as the network is fed, without or with its first axes."""
    told: tuple[str, ...] = ()
    if array.ndim == dims + 2:
        if array.shape[0] != 1 and not (dims == 2 and array.shape[0] == channels):
            raise ImageError(
                f"The array holds a batch of {array.shape[0]} images.", "One image is explained at a time: image[:1]."
            )
        if array.shape[0] == 1 and (dims == 3 or array.shape[1] in (channels, 1)):
            array = array[0]
    if array.ndim == dims:
        array = array[None]
    if dims == 3:
        if array.ndim != 4:
            raise _odd(array, "[K, J, I], [C, K, J, I] or [1, C, K, J, I]")
        if channels is not None and array.shape[0] != channels == array.shape[-1]:
            array, told = np.moveaxis(array, -1, 0), (_COLOURS_LAST,)
        return array, told
    if array.ndim == 4:  # [C, K, J, I]: a volume whose channels come first
        return array, (_SLICES,)
    if array.ndim != 3:
        raise _odd(array, "[J, I], [C, J, I] or [1, C, J, I]")
    if channels in (None, array.shape[0]):
        return array[:, None], told
    if array.shape[-1] == channels:
        return np.moveaxis(array, -1, 0)[:, None], (_COLOURS_LAST,)
    if channels == 1:
        return array[None], (_SLICES,)
    return array[:, None], told  # the model names what it wants


def _odd(array, wanted):
    return ImageError(f"The array has shape {array.shape}.", f"Give {wanted}, as the network is fed.")


def _assumed_grid(shape, dims, spacing):
    if spacing is not None:
        spacing = tuple(float(s) for s in np.ravel(np.asarray(spacing, dtype=float)))
        spacing = spacing * 3 if len(spacing) == 1 else spacing
        spacing = (1.0, *spacing) if len(spacing) == 2 and shape[0] == 1 else spacing
        if len(spacing) != 3 or min(spacing) <= 0 or not np.isfinite(spacing).all():
            raise ImageError(
                "The spacing is not one length above 0 for each axis.", "Give mm in the array's order: (K, J, I)."
            )
        return Grid.from_spacing(shape, spacing), ()
    if dims == 2 and shape[0] == 1:
        return Grid.of_photo(shape), ()
    return Grid.from_spacing(shape), (_VOXELS,)
