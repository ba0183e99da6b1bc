"""Voxel sizes as a file's header states them: of a spacing of 0 or NaN ITK makes 1 mm in silence."""

from __future__ import annotations

import gzip
import math
import re
import struct
from pathlib import Path

from ..protocol.errors import GeometryError

#: enough of any text header; what is behind it are voxels
_MOST = 65536


def refuse_spacing(path, called: str = "") -> None:
    """Raises GeometryError where a NIfTI, NRRD or MetaImage header states a voxel size that is no size.

    called: how sentences name the file.

    An axis of one voxel needs none.  What cannot be understood is left to the reader.
    """
    path = Path(path)
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz", ".hdr", ".img")):
            found = _nifti(_beginning(path.with_suffix(".hdr") if name.endswith(".img") else path, 348))
        elif name.endswith((".nrrd", ".nhdr")):
            found = _nrrd(_beginning(path, _MOST))
        elif name.endswith((".mha", ".mhd")):
            found = _meta(_beginning(path, _MOST))
        else:
            return
    except GeometryError:
        raise
    except (OSError, EOFError, ValueError, struct.error):
        return
    if all(_is_size(size) for size, count in found if count > 1):
        return
    words = " x ".join(f"{size:g}" for size, _ in found)
    raise GeometryError(
        f"The header of {called or repr(path.name)} states a voxel size of {words} mm: every one must be a number "
        "above 0.",
        "Correct the header (spacing and directions) in the program that wrote the file, then try again.",
    )


def _is_size(size):
    return math.isfinite(size) and size > 0


def _beginning(path, count):
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as file:
        return file.read(count)


def _nifti(head):
    """[(mm, voxels)] an axis: of the sform where there is one, of pixdim as well."""
    order = next((o for o in "<>" if struct.unpack_from(f"{o}i", head)[0] == 348), None)
    if order is None:
        return []
    dims = struct.unpack_from(f"{order}8h", head, 40)
    counts = [dims[axis] if axis <= dims[0] else 1 for axis in (1, 2, 3)]
    sizes = list(struct.unpack_from(f"{order}3f", head, 80))
    qform, sform = struct.unpack_from(f"{order}2h", head, 252)
    if qform > 0 or sform > 0:  # directions are stated: a sign in pixdim has no part in them, and both readers drop it
        sizes = [abs(size) for size in sizes]
    if sform > 0:
        rows = struct.unpack_from(f"{order}12f", head, 280)
        own = [math.sqrt(sum(rows[4 * row + axis] ** 2 for row in range(3))) for axis in range(3)]
        sizes = [size if _is_size(one) else one for one, size in zip(own, sizes, strict=True)]
        matrix = [[rows[4 * row + axis] / (own[axis] or 1) for axis in range(3)] for row in range(3)]
        if all(map(_is_size, own)) and abs(_determinant(matrix)) < 1e-3:
            raise GeometryError(
                "The sform in the image's header is singular: two axes point the same way.",
                "Correct the header in the program that wrote the file, then try again.",
            )
    return list(zip(sizes, counts, strict=True))


def _determinant(m):
    return sum(
        m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] - m[1][(i + 2) % 3] * m[2][(i + 1) % 3]) for i in range(3)
    )


def _nrrd(head):
    fields = _fields(head.split(b"\n\n")[0].split(b"\r\n\r\n")[0], ":")
    counts = [int(word) for word in fields.get("sizes", "").split()]
    if "space directions" in fields:
        axes = re.findall(r"none|\([^)]*\)", fields["space directions"])
        sizes = [
            None if axis == "none" else math.sqrt(sum(float(v) ** 2 for v in axis.strip("()").split(",")))
            for axis in axes
        ]
    else:
        sizes = [float(word) for word in fields.get("spacings", "").split()]
        if len(counts) > 3:  # an axis of colours or of time has no size: there it is written as NaN
            sizes = [None if math.isnan(size) else size for size in sizes]
    if len(sizes) != len(counts):
        return []
    return [(size, count) for size, count in zip(sizes, counts, strict=True) if size is not None]


def _meta(head):
    fields = _fields(head.partition(b"ElementDataFile")[0], "=")
    counts = [int(word) for word in fields.get("dimsize", "").split()]
    sizes = [float(word) for word in fields.get("elementspacing", fields.get("elementsize", "")).split()]
    return list(zip(sizes, counts, strict=True)) if len(sizes) == len(counts) else []


def _fields(head, mark):
    found = {}
    for text in head.decode("latin-1").splitlines():
        key, there, value = text.partition(mark)
        if there and not text.startswith("#"):
            found[key.strip().lower()] = value.strip()
    return found
