"""Voxel sizes that are none: one sentence before anything is read, for every text and binary header."""

import struct

import numpy as np
import pytest

from seghirescam.io.volumes import read_volume
from seghirescam.protocol.errors import GeometryError
from seghirescam.protocol.grid import Grid

ARRAY = np.arange(120, dtype=np.float32).reshape(4, 5, 6)


def nifti(path, pixdim=(1, 1, 1), sform=None, qform=1, shape=(6, 5, 4)):
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 16, 32)
    struct.pack_into("<8f", head, 76, 1, *pixdim, 1, 1, 1, 1)
    struct.pack_into("<f", head, 108, 352)
    struct.pack_into("<2h", head, 252, qform, 0 if sform is None else 1)
    if sform is not None:
        struct.pack_into("<12f", head, 280, *np.asarray(sform, float)[:3].ravel())
    head[344:348] = b"n+1\0"
    path.write_bytes(bytes(head) + ARRAY.tobytes())
    return path


def nrrd(path, words):
    head = f"NRRD0004\ntype: float\ndimension: 3\nsizes: 6 5 4\nencoding: raw\nendian: little\n{words}\n\n"
    path.write_bytes(head.encode() + ARRAY.tobytes())
    return path


def meta(path, spacing):
    head = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = {spacing}\nDimSize = 6 5 4\n"
        "ElementType = MET_FLOAT\nElementDataFile = LOCAL\n"
    )
    path.write_bytes(head.encode() + ARRAY.tobytes())
    return path


SPACE = "space: left-posterior-superior\nspace origin: (0,0,0)\nspace directions: "
BAD = {
    "a.nii": lambda p: nifti(p, (0, 1, 1)),
    "b.nii": lambda p: nifti(p, (float("nan"), 1, 1)),
    "c.nii": lambda p: nifti(p, (-1, 1, 1), qform=0),
    "d.nii": lambda p: nifti(p, sform=np.diag([0, 1, 1, 1])),
    "e.nii": lambda p: nifti(p, sform=np.diag([1, float("nan"), 1, 1])),
    "f.nrrd": lambda p: nrrd(p, "spacings: 0 1 1"),
    "g.nrrd": lambda p: nrrd(p, "spacings: nan 1 1"),
    "h.nrrd": lambda p: nrrd(p, "spacings: -1 1 1"),
    "i.nrrd": lambda p: nrrd(p, SPACE + "(0,0,0) (0,1,0) (0,0,1)"),
    "j.nrrd": lambda p: nrrd(p, SPACE + "(nan,0,0) (0,1,0) (0,0,1)"),
    "k.mha": lambda p: meta(p, "0 1 1"),
    "l.mha": lambda p: meta(p, "-1 1 1"),
    "m.mha": lambda p: meta(p, "nan 1 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_voxel_size_that_is_none_is_refused(name, tmp_path):
    with pytest.raises(GeometryError, match=f"'{name}' states a voxel size of .* must be a number above 0"):
        read_volume(BAD[name](tmp_path / name))


def test_a_singular_sform_is_refused(tmp_path):
    with pytest.raises(GeometryError, match="singular"):
        read_volume(nifti(tmp_path / "s.nii", sform=[[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]))
    with pytest.raises(GeometryError, match="singular"):
        Grid((2, 2, 2), np.diag([0, 1, 1, 1]))


GOOD = {
    "a.nii": (lambda p: nifti(p, (2, 3, 4)), (4, 3, 2)),
    "b.nii": (lambda p: nifti(p, (-2, 3, 4)), (4, 3, 2)),  # the directions are the qform's
    "c.nii": (lambda p: nifti(p, (2, 3, 4), sform=np.diag([-2, 3, 4, 1])), (4, 3, 2)),
    "d.nii": (lambda p: nifti(p, (2, 3, 0), shape=(12, 10, 1)), None),  # a slice has no thickness
    "e.nrrd": (lambda p: nrrd(p, "spacings: 2 3 4"), (4, 3, 2)),
    "f.nrrd": (lambda p: nrrd(p, SPACE + "(-2,0,0) (0,3,0) (0,0,4)"), (4, 3, 2)),
    "g.mha": (lambda p: meta(p, "2 3 4"), (4, 3, 2)),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_a_voxel_size_is_read_as_before(name, tmp_path):
    make, spacing = GOOD[name]
    grid = read_volume(make(tmp_path / name)).grid
    assert spacing is None or np.allclose(grid.spacing_kji, spacing)
