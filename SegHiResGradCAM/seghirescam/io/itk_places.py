"""Where a SimpleITK image lies, in RAS; and where it should, if its file's headers disagree."""

from __future__ import annotations

import itertools

import numpy as np

from ..protocol.errors import GeometryError
from ..protocol.grid import Grid
from .dicom_series import FRAME, NOTE
from .nifti_header import ITK, NO_FORM, QFORM, SFORM, NiftiHeader, is_sheared

_RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_HEADER = "seghirescam_header"


def grid_of(itk) -> Grid:
    """The grid of a 3D SimpleITK image, in RAS."""
    to_lps = np.eye(4)
    to_lps[:3, :3] = np.array(itk.GetDirection()).reshape(3, 3) * itk.GetSpacing()
    to_lps[:3, 3] = itk.GetOrigin()
    frame = itk.GetMetaData(FRAME).strip() if itk.HasMetaDataKey(FRAME) else ""
    return Grid(itk.GetSize()[::-1], _RAS_LPS @ to_lps, frame)


def notes_of(itk) -> tuple[tuple[str, ...], str]:
    """(notes, the header that was believed or "") of an image from :func:`read_itk`."""
    held = [itk.GetMetaData(key) if itk.HasMetaDataKey(key) else "" for key in (NOTE, _HEADER)]
    return (held[0],) * bool(held[0]), held[1]


def place(itk, header: NiftiHeader | None, rule: str, name: str) -> None:
    """Puts the image where the rule says, and the note and the header's name into its meta-data.

    header: of a NIfTI file.  name: what sentences call it.  Where ITK's own place is within
    :attr:`Grid.tolerance_mm` of nibabel's it is left as it is, to the last bit.
    """
    if header is None:
        return
    as_itk = grid_of(itk)
    best = Grid(as_itk.shape, header.best)
    apart, apart_q = apart_mm(as_itk, header.best), 0.0 if header.qform is None else apart_mm(best, header.qform)
    if max(apart, apart_q) <= best.tolerance_mm:
        return
    if header.source == NO_FORM:
        said = "states no place (its sform and qform codes are 0)"
    else:
        other = "qform" if apart_q > best.tolerance_mm else "voxel sizes"
        said = (
            f"has an sform and {'a ' * (other == 'qform')}{other} that disagree by up to {max(apart, apart_q):.3g} mm"
        )
    if rule == ITK:
        by_q = header.qform is not None and apart_mm(as_itk, header.qform) <= best.tolerance_mm
        believed = SFORM if apart <= best.tolerance_mm else QFORM if by_q else ITK
        note = f"This file {said}; it lies where SimpleITK, the reader of this model, puts it."
    else:
        believed = header.source
        if apart > best.tolerance_mm:
            if is_sheared(header.best):
                raise GeometryError(
                    f"The sform of {name} is not at right angles (sheared geometry), and its qform says otherwise.",
                    "Resample it to a rectangular grid, or remove the one that is wrong (nibabel: set_sform, code 0).",
                )
            put_on(itk, header.best)
        middle = "its middle was put at 0 mm" if header.source == NO_FORM else f"the {believed} was used"
        note = (
            f"This file {said}; {middle}, as nibabel, MONAI and TotalSegmentator do (3D Slicer may show another place)."
        )
    itk.SetMetaData(NOTE, note)
    itk.SetMetaData(_HEADER, believed)


def apart_mm(grid: Grid, matrix: np.ndarray) -> float:
    """How far a voxel of the grid lies from where another 4x4 has it, at most."""
    other = Grid(grid.shape, matrix)
    ends = np.array(list(itertools.product(*((0, n - 1) for n in grid.shape))))
    return float(np.linalg.norm(grid.ras(ends) - other.ras(ends), axis=1).max())


def put_on(itk, ijk_to_ras: np.ndarray) -> None:
    """Gives the image the spacing, directions and origin of a 4x4 in RAS."""
    to_lps = _RAS_LPS @ ijk_to_ras
    spacing = np.linalg.norm(to_lps[:3, :3], axis=0)
    itk.SetSpacing(spacing.tolist())
    itk.SetDirection((to_lps[:3, :3] / spacing).ravel().tolist())
    itk.SetOrigin(to_lps[:3, 3].tolist())
