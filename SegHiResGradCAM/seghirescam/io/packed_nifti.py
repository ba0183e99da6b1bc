"""A volume as ``.nii.gz``, packed in one pass: quickly where voxels repeat, stored as they are where they do not.

The maps of a large CT are mostly zero, which packs at once, and around the segment numbers of which no two are alike,
which no gzip makes much smaller however long it tries.  So each piece is tried on a sample of itself.  The header is
ITK's own.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .itk_places import put_on

#: bytes of a piece, of the sample in its middle, and the part of its size to which a piece worth packing shrinks
_PIECE, _SAMPLE, _WORTH = 2**20, 2**13, 0.5
#: what an .nii holds before its voxels
_HEAD = 352
#: a gzip file's first bytes: deflate, no name, no time, any system; so that the same map is the same file
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def write_packed(sitk, path: Path, array: np.ndarray, ijk_to_ras: np.ndarray) -> str:
    """array: [K, J, I] of plain numbers.  Returns the file's SHA-256.

    Raises OSError where the disk is full, RuntimeError as SimpleITK does, struct.error for an axis of more voxels than
    the format counts.
    """
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    head = _header(sitk, path, array, ijk_to_ras)
    digest, written = hashlib.sha256(), 0
    with open(path, "wb") as file:
        for part in _gzip(head, array.reshape(-1).view(np.uint8)):
            digest.update(part)
            written += file.write(part)
    if path.stat().st_size != written:
        raise OSError("The file is shorter than what was written into it.")
    return digest.hexdigest()


def _header(sitk, path, array, ijk_to_ras) -> bytes:
    """What ITK writes before the voxels of such an image: that of one voxel, with the size put in."""
    one = sitk.GetImageFromArray(np.zeros((1, 1, 1), array.dtype))
    put_on(one, ijk_to_ras)
    beside = path.with_name(f"{path.name}.head.nii")
    try:
        sitk.WriteImage(one, str(beside))
        head = bytearray(beside.read_bytes()[:_HEAD])
    finally:
        beside.unlink(missing_ok=True)
    struct.pack_into("=4h", head, 40, 3, *array.shape[::-1])
    return bytes(head)


def _gzip(head: bytes, flat: np.ndarray) -> Iterator[bytes]:
    """One gzip member piece by piece; no copy of a large volume is made."""
    yield _GZIP_HEAD
    checksum, length = zlib.crc32(head), len(head)
    yield _packed(memoryview(head))
    for start in range(0, flat.size, _PIECE):
        piece = flat[start : start + _PIECE].data
        checksum, length = zlib.crc32(piece, checksum), length + piece.nbytes
        yield _packed(piece)
    yield zlib.compressobj(wbits=-zlib.MAX_WBITS).flush()  # the last, empty block
    yield struct.pack("<II", checksum, length % 2**32)


def _packed(piece: memoryview) -> bytes:
    """Whole blocks of a deflate stream, that end at a byte."""
    middle = max(0, (piece.nbytes - _SAMPLE) // 2)
    sample = piece[middle : middle + _SAMPLE]
    level = 1 if len(zlib.compress(sample, 1)) < _WORTH * sample.nbytes else 0
    blocks = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return blocks.compress(piece) + blocks.flush(zlib.Z_SYNC_FLUSH)
