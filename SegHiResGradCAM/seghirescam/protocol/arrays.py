"""Arrays as .npy files in a private folder, written and read in pieces that never hold an event loop for long.

Standard library and numpy only.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np

from .errors import SegHiResCamError

#: array -> name of its file, and back
Save = Callable[..., str]
Load = Callable[..., np.ndarray]
#: bytes a piece
PIECE = 2**22


class MessageError(SegHiResCamError, ValueError):
    """A request that cannot be understood, or whose arrays are missing."""

    code = "request"


class DiskError(SegHiResCamError, OSError):
    """A file that cannot be written: the disk is full, or the folder is gone or read-only."""

    code = "disk"


def write_array(folder: Path, name: str, array: np.ndarray) -> str:
    """Save as ``folder/name`` (.npy) whole or not at all; returns the name. Raises DiskError."""
    part = Path(folder) / f"{name}.part"
    try:
        stay_private(Path(folder))
        with open(part, "wb") as file:
            for piece in npy_pieces(array):
                file.write(piece)
        os.replace(part, Path(folder) / name)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise unwritable(error) from error
    return name


def stay_private(folder: Path) -> None:
    """Make a worker's private folder anew where a cleaner of temporary files removed it; no other one is ever made."""
    if is_private(folder) and not folder.is_dir():
        os.mkdir(folder, 0o700)


def is_private(folder: Path) -> bool:
    """Whether the client made it for its arrays, by its name."""
    return folder.name.startswith("seghirescam-worker-")


def npy_pieces(array: np.ndarray, size: int = PIECE) -> Iterator[bytes | memoryview]:
    """The bytes of a .npy file, some MB at a time (numpy's own writer would hide why the disk refused them)."""
    array = np.ascontiguousarray(array)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    yield header.getvalue()
    content = array.reshape(-1).view(np.uint8).data
    for start in range(0, len(content), size):
        yield content[start : start + size]


def unwritable(error: OSError) -> DiskError:
    """The sentence for a failed write, without the path."""
    return DiskError(
        f"The arrays could not be written: {error.strerror or type(error).__name__}.",
        "Free some space in the folder for temporary files, or choose another one.",
        errno=error.errno,
    )


def read_array(folder: Path, name: str) -> np.ndarray:
    """An array of the private folder; the name may not lead out of it. Raises MessageError."""
    path = _inside(folder, name)
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(name) from error


def read_pieces(
    folder: Path, name: str, hold: Callable[..., np.ndarray] = np.empty
) -> Generator[None, None, np.ndarray]:
    """Generator, one step a few MB; returns the array, as :func:`read_array` would.

    hold(shape, dtype): makes the array that is filled.  Raises MessageError.
    """
    path = _inside(folder, name)
    try:
        with open(path, "rb") as file:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("another version of the format")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            if fortran or dtype.hasobject:
                raise ValueError("not as we write it")
            array = hold(shape, dtype)
            content = array.reshape(-1).view(np.uint8).data
            done = 0
            while done < len(content):
                count = file.readinto(content[done : done + PIECE])
                if not count:
                    raise EOFError
                done += count
                yield
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(name) from error
    return array


def _inside(folder: Path, name: object) -> Path:
    if not isinstance(name, str) or Path(name).name != name or not name.endswith(".npy"):
        raise MessageError("An array must be named by a .npy file of the private folder.", "This is an internal error.")
    return Path(folder) / name


def _damaged(name: str) -> MessageError:
    return MessageError(f"The array {name} is missing or damaged.", "Ask again.")
