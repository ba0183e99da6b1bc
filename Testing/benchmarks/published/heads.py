"""Three heads as the published networks want them, and deformed copies of each.

``t1``: a real T1; ``tumour``: a brain MR with a tumour in slices of 6.5 mm; ``mni``: nilearn's MNI152 template, which
has no skull.  All on 256^3 voxels of 1 mm, LIA (the first index runs to the patient's left, the second down, the third
to the front), values as the file has them.  A copy is bent by a smooth seeded field; copy 0 is the head itself.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

HEADS = ("t1", "tumour", "mni")
SIZE = 256
#: of the bending: how far apart its independent places lie, and how far a voxel moves along each axis, root mean square
BEND_MM, MOVE_MM = 24.0, 2.0


@dataclass(frozen=True, eq=False)
class Head:
    """array: float32 ``[x, y, z]``; affine: index to RAS mm.  thalamus: middle of the left one; midline: x of the plane
    between the halves.  Both in voxels, found once from meshnet_18's thalamus on copy 0."""

    name: str
    array: np.ndarray
    affine: np.ndarray
    thalamus: tuple[int, int, int]
    midline: int


#: (left thalamus, midline), in voxels of the conformed heads
PLACES = {"t1": ((138, 130, 115), 127), "tumour": ((131, 124, 131), 120), "mni": ((139, 143, 127), 128)}


@cache
def head(name: str, data: Path) -> Head:
    """Reads and conforms one head; data: the folder of SEGHIRESCAM_TEST_DATA."""
    import nibabel

    if name == "t1":
        source = nibabel.load(data / "brain_t1.nii.gz")
    elif name == "tumour":
        source = _from_nrrd(data / "brain_tumour.nrrd")
    else:
        from nilearn.datasets import load_mni152_template

        source = load_mni152_template(resolution=1)
    array, affine = conformed(source)
    return Head(name, array.astype(np.float32, copy=False), affine, *PLACES[name])


def conformed(source) -> tuple[np.ndarray, np.ndarray]:
    """(float32 ``[x, y, z]`` of 256^3 at 1 mm in LIA, its affine); linear, zero outside; a conformed one as it is."""
    import nibabel
    from scipy.ndimage import affine_transform

    values = np.asarray(source.dataobj, dtype=np.float32)
    if values.shape == (SIZE,) * 3 and nibabel.aff2axcodes(source.affine) == ("L", "I", "A"):
        return values, source.affine
    affine = np.array([[-1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    middle = source.affine @ [*((n - 1) / 2 for n in values.shape), 1]
    affine[:3, 3] = middle[:3] - affine[:3, :3] @ np.full(3, (SIZE - 1) / 2)
    there = np.linalg.inv(source.affine) @ affine
    return affine_transform(values, there[:3, :3], there[:3, 3], (SIZE,) * 3, order=1), affine


def copy_of(own: Head, number: int, start=(0, 0, 0), shape=(SIZE,) * 3) -> np.ndarray:
    """Float32 ``[x, y, z]``: a part of the head bent by the field of this number; 0: unchanged."""
    part = tuple(slice(s, s + n) for s, n in zip(start, shape, strict=True))
    if number == 0:
        return own.array[part]
    import torch
    from torch.nn.functional import grid_sample

    # -1 and 1 are the middles of the first and the last voxel
    lines = [torch.arange(p.start, p.stop, dtype=torch.float32) * (2 / (SIZE - 1)) - 1 for p in part]
    places = torch.stack(torch.meshgrid(*lines, indexing="ij")[::-1], dim=-1)[None]
    moves = grid_sample(torch.from_numpy(_field(own.name, number))[None], places, align_corners=True)[0]
    places = places + moves.flip(0).permute(1, 2, 3, 0) * (2 / (SIZE - 1))
    return grid_sample(torch.from_numpy(own.array)[None, None], places, align_corners=True)[0, 0].numpy()


@cache
def _field(name: str, number: int) -> np.ndarray:
    """Float32 ``[3, n, n, n]``: how far to move along x, y, z (voxels), on a lattice of 4 mm over the whole head."""
    from scipy.ndimage import zoom

    rng = np.random.default_rng([zlib.crc32(name.encode()), number])
    count = int(np.ceil(SIZE / BEND_MM)) + 1
    field = np.stack([zoom(rng.standard_normal((count,) * 3), (SIZE // 4 + 1) / count, order=3) for _ in range(3)])
    return (field * (MOVE_MM / field.std())).astype(np.float32)


def _from_nrrd(path: Path):
    """A nibabel image of a NRRD file (SimpleITK speaks LPS)."""
    import nibabel
    import SimpleITK

    read = SimpleITK.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(read.GetDirection(), (3, 3)) * np.array(read.GetSpacing())
    affine[:3, 3] = read.GetOrigin()
    return nibabel.Nifti1Image(SimpleITK.GetArrayFromImage(read).T.astype(np.float32), np.diag([-1, -1, 1, 1]) @ affine)
