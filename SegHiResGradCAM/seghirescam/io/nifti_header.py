"""Where a NIfTI-1 header says its voxels lie: it says so up to three times, and libraries believe different ones.

nibabel, and with it MONAI, TorchIO, TotalSegmentator and nnU-Net's nibabel readers, take the sform where its code is
not 0, else the qform, else the voxel sizes around the middle of the volume.  ITK, and with it SimpleITK, Slicer and
nnU-Net's SimpleITK readers, take the qform where the two differ, unless the sform's code is 1 or it stands alone, and
then only its directions: sizes come from pixdim.  What ITK makes of a file is asked of ITK; this file knows nibabel's
rule.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: who reads a header: what almost everybody does, and what SimpleITK does
NIBABEL, ITK = "nibabel", "ITK"
SFORM, QFORM, NO_FORM = "sform", "qform", "voxel sizes"
#: millimetres of the header's unit: unknown, metre, millimetre, micrometre
_UNITS = {1: 1e3, 3: 1e-3}


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """best: 4x4 IJK-to-RAS in mm by nibabel's rule, source: which form that is.  qform: 4x4 where it is stated too."""

    best: np.ndarray
    source: str
    qform: np.ndarray | None


def nifti_header(path) -> NiftiHeader | None:
    """None for files that are no NIfTI-1 volume, and headers from which no place can be told."""
    path = Path(path)
    path = path.with_suffix(".hdr") if path.name.lower().endswith(".img") else path
    if not path.name.lower().endswith((".nii", ".nii.gz", ".hdr")):
        return None
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rb") as file:
            head = file.read(348)
        return understood(head)
    except (OSError, EOFError, struct.error, zlib.error):
        return None


def understood(head: bytes) -> NiftiHeader | None:
    """The same of a header's 348 bytes. Fields and formulas: nifti1.h; choice: nibabel's ``get_best_affine``."""
    order = "<" if struct.unpack("<i", head[:4])[0] == 348 else ">"
    if struct.unpack(f"{order}i", head[:4])[0] != 348 or head[344:347] not in (b"n+1", b"ni1"):
        return None
    dims = struct.unpack(f"{order}8h", head[40:56])
    if not 3 <= dims[0] <= 7:
        return None
    pixdim = struct.unpack(f"{order}8f", head[76:108])
    q_code, s_code = struct.unpack(f"{order}2h", head[252:256])
    qform = _qform(pixdim, struct.unpack(f"{order}6f", head[256:280])) if q_code else None
    if s_code:
        best, source = (
            np.vstack([np.array(struct.unpack(f"{order}12f", head[280:328])).reshape(3, 4), [0, 0, 0, 1]]),
            SFORM,
        )
    elif qform is not None:
        best, source = qform, QFORM
    elif not q_code:
        best, source = _around_the_middle(dims, pixdim), NO_FORM
    else:
        return None
    scale = np.diag([_UNITS.get(head[123] & 7, 1.0)] * 3 + [1.0])
    sizes = np.linalg.norm(best[:3, :3], axis=0)
    if not np.isfinite(best).all() or sizes.min() <= 0 or abs(np.linalg.det(best[:3, :3] / sizes)) < 1e-3:
        return None
    return NiftiHeader(scale @ best, source, None if qform is None or source != SFORM else scale @ qform)


def is_sheared(matrix: np.ndarray) -> bool:
    """Whether the axes of a 4x4 are not at right angles, by more than ITK lets pass."""
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() > 1e-4)


def _qform(pixdim, values):
    """nifti1.h, method 2: a rotation by a quaternion, voxel sizes, and an offset; None for what is no rotation."""
    b, c, d, *offset = values
    rest = 1 - (b * b + c * c + d * d)
    if rest < -1e-5 or min(pixdim[1:4]) < 0:
        return None
    a = np.sqrt(max(rest, 0))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    found = np.eye(4)
    found[:3, :3] = turn * [pixdim[1], pixdim[2], pixdim[3] * (-1 if pixdim[0] < 0 else 1)]
    found[:3, 3] = offset
    return found


def _around_the_middle(dims, pixdim):
    """Analyze's convention, as nibabel keeps it: I runs to the left, and 0 mm is the middle of the volume."""
    found = np.diag([-pixdim[1], pixdim[2], pixdim[3], 1.0])
    found[:3, 3] = -found[:3, :3] @ ((np.array(dims[1:4]) - 1) / 2)
    return found
