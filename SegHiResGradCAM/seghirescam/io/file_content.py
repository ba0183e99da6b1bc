"""A volume's content decides what it is, not its name: NRRD, NIfTI, gzip and DICOM under each other's endings."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import shutil
import struct
import zlib
from pathlib import Path

from ..protocol.writing.private_folders import PrivateFolder

#: content -> the endings under which ITK reads it; the first is given to what has none of them
_ENDINGS = {
    "nifti": (".nii", ".hdr", ".img"),
    "packed nifti": (".nii.gz",),
    "nrrd": (".nrrd", ".nhdr"),
    "packed nrrd": (".nrrd",),
    "dicom": (".dcm",),
}
_GZIP = b"\x1f\x8b"


def hash_of(path) -> str:
    """The file's SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_of(path) -> str:
    """A key of the table above, or "" for anything else."""
    try:
        with open(path, "rb") as file:
            head = file.read(352)
        if not head.startswith(_GZIP):
            return _kind(head)
        with gzip.open(path, "rb") as file:
            kind = _kind(file.read(352))
    except (OSError, EOFError, zlib.error):
        return ""
    return f"packed {kind}" if kind in ("nifti", "nrrd") else ""


def _kind(head):
    if head.startswith(b"NRRD0"):
        return "nrrd"
    if head[128:132] == b"DICM":
        return "dicom"
    whole = len(head) >= 348 and 348 in (*struct.unpack("<i", head[:4]), *struct.unpack(">i", head[:4]))
    return "nifti" if whole and head[344:348] == b"n+1\0" else ""


@contextlib.contextmanager
def under_its_own_name(path: Path):
    """The path, or a copy in a folder of its own, named as its content asks; only gone when the block ends.

    Also of x.nii.gz beside an x.nii, of which ITK would take the voxels of the latter.
    """
    kind, name = content_of(path), path.name.lower()
    packed = kind == "packed nrrd"
    beside = name.endswith(".nii.gz") and path.with_suffix("").exists()
    # DICOM files mostly have no ending at all, and ITK finds out by itself
    right = kind == "dicom" and not name.endswith((".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"))
    if not beside and not packed and (right or not kind or name.endswith(_ENDINGS[kind])):
        yield path
        return
    with PrivateFolder() as folder:
        copy = folder / f"volume{_ENDINGS.get(kind, ('.nii.gz',))[0]}"
        if packed:
            with gzip.open(path, "rb") as source, open(copy, "wb") as target:
                shutil.copyfileobj(source, target)
        else:
            shutil.copyfile(path, copy)
        yield copy
