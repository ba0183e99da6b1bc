"""The voxels of a NIfTI-1 file, gone through once: unpacked, checked to be whole, and handed on as they lie there.

ITK's own reader makes NaN and infinity 0, fills what a short file lacks with whatever lies in memory, both in silence,
and does not look at a packed file's checksum.  Where it would do no more than copy the voxels they are taken from the
file here and ITK reads the header alone; all else (scaled values, several values per voxel, sequences) it reads itself,
and what it lost is put back.
"""

from __future__ import annotations

import gzip
import itertools
import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from ..protocol.errors import ImageError

#: bytes at a time, unpacked and packed
_PIECE, _PACKED = 2**22, 2**18
#: nifti1.h's codes of plain numbers
_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip


class ReadImage:
    """A SimpleITK image that was read by its header: ``voxels`` [K, J, I] beside what ITK says of the file.

    It answers what :mod:`itk_places` asks of an image, in ITK's words.
    """

    def __init__(self, reader, voxels: np.ndarray):
        self.voxels = voxels
        self._reader, self._told = reader, {}
        self._spacing, self._origin, self._direction = reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection()

    def GetDimension(self) -> int:
        return self._reader.GetDimension()

    def GetSize(self) -> tuple[int, ...]:
        return self._reader.GetSize()

    def GetNumberOfComponentsPerPixel(self) -> int:
        return 1

    def GetSpacing(self) -> tuple[float, ...]:
        return self._spacing

    def GetOrigin(self) -> tuple[float, ...]:
        return self._origin

    def GetDirection(self) -> tuple[float, ...]:
        return self._direction

    def SetSpacing(self, spacing) -> None:
        self._spacing = tuple(spacing)

    def SetOrigin(self, origin) -> None:
        self._origin = tuple(origin)

    def SetDirection(self, direction) -> None:
        self._direction = tuple(direction)

    def GetMetaDataKeys(self) -> tuple[str, ...]:
        return (*(key for key in self._reader.GetMetaDataKeys() if key not in self._told), *self._told)

    def HasMetaDataKey(self, key: str) -> bool:
        return key in self._told or self._reader.HasMetaDataKey(key)

    def GetMetaData(self, key: str) -> str:
        return self._told[key] if key in self._told else self._reader.GetMetaData(key)

    def SetMetaData(self, key: str, value: str) -> None:
        self._told[key] = value


@dataclass(frozen=True)
class _Content:
    """What a header promises of the voxels: their first byte, how many bytes, their type where they are plain numbers,
    the size along I, J, K where it is one volume, and whether the values are meant as they stand."""

    start: int
    needed: int
    kind: np.dtype | None
    size: tuple[int, ...]
    plain: bool


def read_nifti(sitk, path, name: str):
    """The image of a NIfTI-1 file: a :class:`ReadImage`, or SimpleITK's own. None for a file of another kind.

    name: what sentences call it.  Raises ImageError for a file that is damaged or cut short, RuntimeError as SimpleITK.
    """
    ending = str(path).lower()
    if not ending.endswith((".nii", ".nii.gz")):
        return None
    content, voxels = _gone_through(path, ending.endswith(".gz"), name)
    reader = header_of(sitk, path)
    if voxels is not None and _copies(sitk, reader, content):
        return ReadImage(reader, voxels.reshape(content.size[::-1]))
    itk = sitk.ReadImage(str(path))
    if itk.GetNumberOfComponentsPerPixel() != 1 or content.kind is None or content.kind.kind != "f":
        return itk
    return _put_back(sitk, itk, *_not_finite(path, ending.endswith(".gz"), content))


def header_of(sitk, path):
    """SimpleITK's reader of a file of which it has read the header. Raises RuntimeError as SimpleITK."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader


def voxels_of(sitk, itk) -> np.ndarray:
    """[K, J, I], or [K, J, I, C], of an image from :func:`volumes.read_itk`."""
    return itk.voxels if isinstance(itk, ReadImage) else sitk.GetArrayFromImage(itk)


def _copies(sitk, reader, content):
    """Whether ITK would hand out the voxels as they lie in the file."""
    types = {
        "u1": sitk.sitkUInt8, "i1": sitk.sitkInt8, "u2": sitk.sitkUInt16, "i2": sitk.sitkInt16, "u4": sitk.sitkUInt32,
        "i4": sitk.sitkInt32, "u8": sitk.sitkUInt64, "i8": sitk.sitkInt64, "f4": sitk.sitkFloat32,
        "f8": sitk.sitkFloat64,
    }  # fmt: skip
    return (
        content.plain
        and reader.GetNumberOfComponents() == 1
        and tuple(reader.GetSize()) == content.size
        and reader.GetPixelID() == types[content.kind.str[1:]]
    )


def _gone_through(path, packed, name):
    """(what the header promises, the voxels in a row and in the machine's byte order, None where ITK has to read them)

    Raises ImageError for a file that holds less than it promises, or whose checksum is another."""
    held, whole, content, bytes_ = 0, False, None, None
    try:
        with open(path, "rb") as file:
            pieces, head = (_unpacked if packed else _as_it_is)(file), b""
            while len(head) < 352:
                head += next(pieces)
            content = _content(head)
            if content.plain:
                bytes_ = np.empty(content.needed, np.uint8)
            held = -content.start
            for piece in itertools.chain((head,), pieces):
                if bytes_ is not None:
                    part = piece[max(0, -held) : max(0, content.needed - held)]
                    at = max(0, held)
                    bytes_[at : at + len(part)] = np.frombuffer(part, np.uint8)
                held += len(piece)
            whole = held >= content.needed
    except ImageError:
        raise
    except (OSError, EOFError, StopIteration, MemoryError, OverflowError, struct.error, ValueError, zlib.error):
        pass
    if not whole:
        raise ImageError(f"{name} is damaged or cut short.", "Copy it again, and compare its size with the original's.")
    if bytes_ is None:
        return content, None
    voxels = bytes_.view(content.kind)
    return content, voxels if voxels.dtype.isnative else voxels.astype(voxels.dtype.newbyteorder("="))


def _as_it_is(file):
    while piece := file.read(_PIECE):
        yield piece


def _unpacked(file):
    """What a gzip file holds, its checksums looked at.  :mod:`gzip` does this too, through three more buffers.

    Raises zlib.error, or EOFError for one that is cut short.
    """
    member, begun = zlib.decompressobj(wbits=31), False
    while rest := file.read(_PACKED):
        while rest:
            if not begun:
                rest = rest.lstrip(b"\0")  # what may fill up between members
                begun = bool(rest)
            if piece := member.decompress(rest, _PIECE):
                yield piece
            rest = member.unconsumed_tail
            if member.eof:
                rest, member, begun = member.unused_data, zlib.decompressobj(wbits=31), False
    if begun:
        raise EOFError


def _content(head):
    """Of the first 352 bytes. Raises ImageError for NIfTI-2, struct.error for what is no header."""
    order = "<" if head[:4] == struct.pack("<i", 348) else ">"
    if 540 in (*struct.unpack("<i", head[:4]), *struct.unpack(">i", head[:4])):
        raise ImageError("The file is NIfTI-2, which SimpleITK does not read.", "Save it as NIfTI-1 or NRRD.")
    dims, (code, bits) = struct.unpack(order + "8h", head[40:56]), struct.unpack(order + "2h", head[70:74])
    offset, slope, shift = struct.unpack(order + "3f", head[108:120])
    size = tuple(max(1, n) for n in dims[1 : 1 + dims[0]])
    kind = np.dtype(order + _TYPES[code]) if code in _TYPES else None
    fits = kind is not None and kind.itemsize * 8 == bits and dims[0] == 3 and head[344:348] == b"n+1\0"
    # as ITK has it: numbers that are none count as 0, and a slope of 0 as 1
    slope, shift = (value if math.isfinite(value) else 0.0 for value in (slope, shift))
    plain = fits and slope in (0, 1) and shift == 0
    return _Content(max(int(offset), 352), math.prod(size) * bits // 8, kind, size, plain)


def _not_finite(path, packed, content):
    """(flat indices, values) of the file's voxels that are NaN or infinite."""
    held, places, values, size = 0, [], [], content.kind.itemsize
    with (gzip.open if packed else open)(path, "rb") as file:
        file.read(content.start)
        while piece := file.read(_PIECE):
            part = np.frombuffer(piece, content.kind, len(piece) // size)[: max(0, content.needed - held) // size]
            bad = np.flatnonzero(~np.isfinite(part))
            places.append(bad + held // size)
            values.append(part[bad])
            held += len(piece)
    return np.concatenate(places), np.concatenate(values)


def _put_back(sitk, itk, places, values):
    if not places.size:
        return itk
    array = sitk.GetArrayFromImage(itk)
    array.reshape(-1)[places] = values
    restored = sitk.GetImageFromArray(array)
    restored.CopyInformation(itk)
    return restored
