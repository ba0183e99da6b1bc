"""Volumes on disk <-> arrays on grids, with SimpleITK: NIfTI, NRRD, MetaImage, and folders of DICOM slices.

Files lie in LPS, grids in RAS; the voxels' order and type are kept.  Only voxels and geometry are taken from a file:
whatever else stands in its header (names, dates) goes nowhere.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ..protocol.arrays import DiskError
from ..protocol.errors import GeometryError, ImageError
from ..protocol.grid import Grid
from ..protocol.image import Image
from .channels import joined
from .dicom_maps import is_parametric_map, read_map
from .dicom_series import check_frames, read_series, read_slices, refuse_no_image, sorted_slices
from .file_content import hash_of, under_its_own_name
from .itk_places import apart_mm, grid_of, notes_of, place, put_on
from .nifti_header import NIBABEL, is_sheared, nifti_header
from .nifti_voxels import header_of, read_nifti, voxels_of
from .packed_nifti import write_packed
from .photos import grid_in
from .simple_itk import simple_itk
from .spacing import refuse_spacing

#: what we write; ``.seg.nrrd`` is label_files' business
MAP_SUFFIXES = (".nii.gz", ".nrrd", ".nii", ".mha")
SUFFIXES = (".seg.nrrd", *MAP_SUFFIXES, ".nhdr", ".mhd", ".dcm")


def read_volume(path, rule: str = NIBABEL) -> Image:
    """One volume as an Image of one channel: a file, or a folder with one DICOM series (``folder#2``: its second one).

    rule: whose choice is made where a NIfTI file's headers disagree, see :mod:`nifti_header`; a note says so.  A single
    2D slice becomes K = 1.  Raises ImageError (absent, unreadable, cut short, empty, 4D, colour or vector voxels,
    several series, uneven or tilted slices), GeometryError (axes that are not at right angles).
    """
    if is_parametric_map(path):  # floating point pixels, which ITK's DICOM reader leaves out
        array, grid = read_map(path)
        return Image(array, grid)
    return _as_image(path, read_itk(path, rule))


def read_slices_of(files: Sequence) -> Image:
    """What :func:`read_volume` gives of the folder in which these files of one series, in any order, lie alone."""
    sitk = simple_itk()
    names = sorted_slices(sitk, [os.fspath(one) for one in files])
    return _as_image(Path(names[0]).parent, read_slices(sitk, names))


def _as_image(path, itk) -> Image:
    if itk.GetNumberOfComponentsPerPixel() != 1:
        raise ImageError(
            f"{named(path)} has {itk.GetNumberOfComponentsPerPixel()} values per voxel (colour or vector image).",
            "Give one scalar volume for each channel.",
            components=itk.GetNumberOfComponentsPerPixel(),
        )
    array = voxels_of(simple_itk(), itk)
    if array.dtype.kind not in "fiu":
        raise ImageError(f"{named(path)} holds values of type {array.dtype}.", "Convert it to a scalar volume.")
    notes, header = notes_of(itk)
    notes = tuple(note.replace("This file", "The image") for note in notes)
    return Image(array, grid_in(path, itk), notes, (header,) * bool(header))


def read_channels(
    paths: Sequence, names: Sequence[str] | None = None, rule: str = NIBABEL
) -> tuple[Image, tuple[str, ...]]:
    """(several volumes as the channels of one Image on the first one's grid, notes for the user).

    The others are resampled linearly; beyond their border they continue with their smallest value.  Raises what
    :func:`read_volume` raises, and ImageError where a channel has no voxel in common with the first.
    """
    return joined([read_volume(path, rule) for path in paths], names or ())


def write_volume(path, array: np.ndarray, grid: Grid, words: dict[str, str] | None = None) -> str:
    """``array`` [K, J, I], or [L, K, J, I] for layers of labels, as the file's suffix says; returns its SHA-256.

    What ITK writes is read back and compared; of a ``.nii.gz``, which is packed here, the header.
    words: key/value pairs for the header (NRRD only).  Raises GeometryError for a grid that the format cannot hold, and
    DiskError where the file does not hold what was meant.
    """
    refuse_unholdable(path, grid)
    sitk, layers = simple_itk(), array.ndim == 4
    if not layers and str(path).lower().endswith(".nii.gz"):
        return _write_packed(sitk, path, array, grid)
    itk = sitk.GetImageFromArray(np.moveaxis(array, 0, -1) if layers else array, isVector=layers)
    put_on(itk, grid.ijk_to_ras)
    for key, value in (words or {}).items():
        itk.SetMetaData(key, value)
    try:
        sitk.WriteImage(itk, str(path), True)
        del itk  # one copy in memory at a time
        # the NIfTI writer is silent about a full disk
        with under_its_own_name(Path(path)) as file:
            back = _read(sitk, file, named(path))
    except (RuntimeError, ImageError) as error:
        raise _unwritten() from error
    written = voxels_of(sitk, back)
    written = np.moveaxis(written, -1, 0) if layers else written
    _refuse_moved(path, back, grid)
    nan = array.dtype.kind == "f"
    if written.shape != array.shape or not all(map(partial(np.array_equal, equal_nan=nan), written, array)):
        raise _unwritten()
    return hash_of(path)


def _write_packed(sitk, path, array, grid):
    try:
        digest = write_packed(sitk, Path(path), array, grid.ijk_to_ras)
        back = header_of(sitk, path)
    except (RuntimeError, OSError, struct.error) as error:
        raise _unwritten() from error
    _refuse_moved(path, back, grid)
    return digest


def _refuse_moved(path, itk, grid):
    moved = apart_mm(grid_of(itk), grid.ijk_to_ras)
    if moved > grid.tolerance_mm:
        raise GeometryError(
            f"{named(path)} would lie {moved:.3g} mm from where it belongs: the format cannot hold this geometry.",
            "Write .nrrd.",
            moved_mm=moved,
        )


def refuse_unholdable(path, grid: Grid) -> None:
    """Raises GeometryError where a file of this name cannot hold the grid: NIfTI, as ITK writes and everybody reads it,
    has no axes but those at right angles."""
    if str(path).lower().endswith((".nii", ".nii.gz")) and is_sheared(grid.ijk_to_ras):
        raise GeometryError(
            "The axes of this grid are not at right angles (sheared geometry), and NIfTI cannot hold that.",
            "Write .nrrd (--format nrrd, or a name that ends so), or resample the image to a rectangular grid first.",
        )


def read_itk(path, rule: str = NIBABEL):
    """A 3D SimpleITK image from a file or a DICOM folder, placed by ``rule``; raises as :func:`read_volume` does."""
    sitk = simple_itk()
    folder, series = series_of(path)
    if folder is not None:
        return read_series(sitk, folder, series)
    path = Path(path)
    if not path.is_file():
        raise ImageError(f"{named(path)} is not there.", "Check the path.")
    if path.stat().st_size == 0:
        raise ImageError(f"{named(path)} is empty (0 bytes).", "Write or copy it again.")
    refuse_no_image(path)
    with under_its_own_name(path) as file:
        refuse_spacing(file, named(path))
        itk, header = _read(sitk, file, named(path)), nifti_header(file)
    if itk.GetDimension() == 4 and itk.GetSize()[3] == 1:
        itk = itk[:, :, :, 0]
    if itk.GetDimension() == 2:
        itk = sitk.JoinSeries(itk)
    if itk.GetDimension() != 3:
        size = " x ".join(map(str, itk.GetSize()))
        raise ImageError(
            f"{named(path)} has {itk.GetDimension()} dimensions ({size}): a sequence, not a volume.",
            "Save the one frame you mean as a volume of its own.",
        )
    check_frames(itk, path)
    place(itk, header, rule, named(path))
    return itk


def series_of(path) -> tuple[Path | None, int | None]:
    """(folder, None) for a folder, (folder, n) for ``folder#n``, (None, None) for anything else."""
    if Path(path).is_dir():
        return Path(path), None
    before, mark, number = str(path).rpartition("#")
    return (Path(before), int(number)) if mark and number.isdigit() and Path(before).is_dir() else (None, None)


def exists(path) -> bool:
    """Whether there is something to read, before anything is read."""
    return Path(path).is_file() or series_of(path)[0] is not None


def stem(path) -> str:
    """The file's name without its (double) suffix."""
    name = Path(path).name
    return next((name[: -len(end)] for end in SUFFIXES if name.lower().endswith(end)), Path(path).stem)


def named(path) -> str:
    """How sentences call a file: its name without folders; folders are not named, they may be called after patients."""
    return "The DICOM folder" if series_of(path)[0] is not None else f"'{Path(path).name}'"


def _read(sitk, path, name):
    try:
        found = read_nifti(sitk, path, name)
        return sitk.ReadImage(str(path)) if found is None else found
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise GeometryError(
                f"The axes of {name} are not at right angles (sheared geometry).",
                "Resample it to a rectangular grid first.",
            ) from error
        raise ImageError(
            f"{name} cannot be read as a volume.",
            "Give NIfTI, NRRD, MetaImage or a DICOM folder; if it is one, it is damaged or cut short: copy it again.",
        ) from error


def _unwritten():
    return DiskError("A volume could not be written whole.", "Free some space there, or choose another folder.")
