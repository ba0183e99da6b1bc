"""Reading what a stranger wrote: every file, JSON and zip archive within limits of size, depth, number and time.

Whatever describes a model goes through here before anybody has said yes to anything, so nothing in it may hang, fill
the memory or end in a traceback.  Sentences name a file as :func:`named` writes it.  Standard library; numpy only for
large JSON.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .errors import ModelError

#: bytes of a description; those of MONAI and nnU-Net have some thousands
LARGEST_DESCRIPTION = 5_000_000
#: bytes of a graph that torch.export wrote as JSON
LARGEST_GRAPH = 64_000_000
#: lists and objects within one another; those of real descriptions lie about ten deep
DEEPEST = 100
#: values of one JSON document: a few bytes each in the file, some seventy in memory
MOST_VALUES = 1_000_000
#: members of an archive, and bytes of its list of them
MOST_MEMBERS, LARGEST_DIRECTORY = 20_000, 3_000_000
#: how many times larger an archive's content may be than the archive: weights hardly shrink, texts by ten
MOST_GROWTH = 30

#: words of a description that name files or folders
_PATHS = ("factory", "weights", "nnunet", "totalsegmentator")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class DamagedZip(zipfile.BadZipFile):
    """An archive that is none, or whose content is out of all proportion."""


def named(path: object, longest: int = 80) -> str:
    """A file's own name for a sentence: one line, not too long, with what is no text written as escapes."""
    name = Path(str(path)).name or str(path)
    name = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
    return name if len(name) <= longest else f"{name[: longest // 2]}...{name[-longest // 2 + 3 :]}"


def refuse_odd(source: Any) -> None:
    """Raises ModelError for a path that no file can have, and for what is neither file nor folder (a pipe, a device).

    What is not there passes: whoever looks for it says so.  source: a path, or the dict of a description.
    """
    if not isinstance(source, (str, os.PathLike, dict)):
        raise ModelError("A model is named by its path, or described by words.", "Give the path of a file or folder.")
    for text in [source.get(word) for word in _PATHS] if isinstance(source, dict) else [source]:
        if isinstance(text, (str, os.PathLike)):
            found = _state(text)
            if found is not None and not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                raise ModelError(f"'{named(text)}' is no file but a pipe or a device.", "Give a file or a folder.")


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is a regular file; never raises, whatever the path holds."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError, TypeError):
        return False


@contextmanager
def opened_file(path: str | os.PathLike[str]) -> Iterator[tuple[BinaryIO, int]]:
    """(binary file, its bytes in number) of a regular file that is there. Raises ModelError, in one sentence."""
    found, name = _state(path), named(path)
    if found is None:
        raise ModelError(f"'{name}' cannot be read: there is no such file.", "Check that it is still there.")
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or a device"
        raise ModelError(f"'{name}' is no file but {kind}.", "Give the file itself.")
    try:
        # without waiting for a writer, should it have become a pipe meanwhile
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise ModelError(f"'{name}' is no file but a pipe or a device.", "Give the file itself.")
            yield file, state.st_size
    except OSError as error:
        raise ModelError(
            f"'{name}' cannot be read: {error.strerror or type(error).__name__}.", "Check that it is still there."
        ) from error


def content(path: str | os.PathLike[str], most: int | None = LARGEST_DESCRIPTION, what: str = "description") -> bytes:
    """A regular file's bytes, at most so many (None: all there are). Raises ModelError, in one sentence."""
    with opened_file(path) as (file, size):
        data = file.read() if most is None else file.read(most + 1) if size <= most else b""
    size = max(size, len(data))
    if most is not None and size > most:
        sentence = f"'{named(path)}' has {size} bytes, a {what} at most {most}."
        raise ModelError(sentence, "It is something else, or damaged.", bytes=size)
    return data


def json_value(data: bytes, *, numbers_only: bool = False) -> Any:
    """What a JSON document in UTF-8 says. Raises ValueError with a short reason, also for one too deep or too large.

    numbers_only: NaN and infinity, which Python reads and JSON does not know, are refused too.
    """
    text = data.decode("utf-8")
    _refuse_deep(data)
    try:
        return json.loads(text, parse_constant=_no_number if numbers_only else None)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def json_object(path: str | os.PathLike[str]) -> dict:
    """The one JSON object a description file holds. Raises ModelError."""
    name = named(path)
    try:
        found = json_value(content(path))
    except ValueError as error:
        raise ModelError(f"'{name}' is no JSON file: {short(error)}.", "Correct it, or write it again.") from error
    if not isinstance(found, dict):
        raise ModelError(f"'{name}' must hold one JSON object.", "Correct it, or write it again.")
    return found


def opened_zip(source: Any, growth: int | None = MOST_GROWTH) -> zipfile.ZipFile:
    """An archive (path or bytes) whose list of members has been looked at before it was read. Raises DamagedZip.

    growth: how many times larger than the archive its content may be; None: of no interest, it will not be unpacked.
    """
    archive = None
    try:
        if not isinstance(source, bytes) and not is_file(source):
            raise zipfile.BadZipFile
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            if _directory_bytes(file, size) > LARGEST_DIRECTORY:
                raise zipfile.BadZipFile
        archive = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
        entries = archive.infolist()
        vast = growth is not None and sum(entry.file_size for entry in entries) > growth * size + 1_000_000
        # a name with a zero in it is cut there by Python and not by others
        cut = any(entry.filename != entry.orig_filename.replace(os.sep, "/") for entry in entries)
        if vast or cut or len(entries) > MOST_MEMBERS:
            raise zipfile.BadZipFile
        return archive
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, struct.error) as error:
        if archive is not None:
            archive.close()
        raise DamagedZip("no archive, or one out of all proportion") from error


def zip_names(source: Any) -> list[str]:
    """Names of an archive's members; [] for what is no archive, whatever it is."""
    if not isinstance(source, bytes) and not is_file(source):
        return []
    try:
        with opened_zip(source, growth=None) as archive:
            return archive.namelist()
    except DamagedZip:
        return []


def member(archive: zipfile.ZipFile, name: str, most: int = LARGEST_DESCRIPTION) -> bytes:
    """One member's bytes, at most so many. Raises DamagedZip."""
    try:
        if archive.getinfo(name).file_size > most:
            raise zipfile.BadZipFile(f"'{named(name)}' is too large")
        return archive.read(name)
    except (zipfile.BadZipFile, KeyError, EOFError, OSError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise DamagedZip(str(error)) from error


def is_vast(value: object, most: int = 100_000) -> bool:
    """Whether plain data has more parts than that, those that stand in several places counted each time."""
    return parts_of(value, most) > most


def parts_of(value: object, most: int) -> int:
    """How many parts plain data has (a thousand letters count as one), or something above ``most``."""
    todo, count = [value], 0
    while todo and count <= most:
        item = todo.pop()
        count += 1
        if isinstance(item, (list, tuple, dict, set, frozenset)):
            if len(item) > most - count:
                return most + 1
            todo += item.values() if isinstance(item, dict) else item
            count += len(item) if isinstance(item, dict) else 0
        elif isinstance(item, (str, bytes)):
            count += len(item) // 1000
    return count


def short(text: object, longest: int = 200) -> str:
    """One line of at most so many characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= longest else line[: longest - 3] + "..."


def _state(path: str | os.PathLike[str]) -> os.stat_result | None:
    """os.stat, None where nothing is; raises ModelError for paths that cannot be looked up."""
    try:
        return os.stat(path)
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL):
            raise ModelError(
                f"'{named(path)}' is no name a file can have: {error.strerror}.", "Check the path."
            ) from error
        if isinstance(error, PermissionError):
            raise ModelError(f"'{named(path)}' cannot be read: {error.strerror}.", "Check its permissions.") from error
        return None
    except (ValueError, TypeError) as error:  # a zero in it, or letters the system's encoding has not
        raise ModelError(f"'{named(path)}' is no name a file can have.", "Check the path.") from error


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _refuse_deep(data: bytes) -> None:
    """Raises ValueError where brackets outside of strings are too many, or too many within one another."""
    if data.count(b"[") + data.count(b"{") <= DEEPEST and data.count(b",") <= MOST_VALUES:
        return
    import numpy as np

    marks = _STRING.sub(b"", data)
    if marks.count(b",") + marks.count(b"[") + marks.count(b"{") > MOST_VALUES:
        raise ValueError("it holds too many values")
    step = np.zeros(256, np.int8)
    step[[ord("["), ord("{")]], step[[ord("]"), ord("}")]] = 1, -1
    depth, piece = 0, 1 << 20
    for start in range(0, len(marks), piece):
        depths = depth + np.cumsum(step[np.frombuffer(marks[start : start + piece], np.uint8)], dtype=np.int64)
        if depths.size and depths.max() > DEEPEST:
            raise ValueError("it is nested too deeply")
        depth = int(depths[-1])


def _directory_bytes(file: BinaryIO, size: int) -> int:
    """How long an archive's list of members is, as its end says; found as :mod:`zipfile` finds it."""
    tail_size = min(size, 22 + 65535)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    place = len(tail) - 22
    if place < 0 or tail[place : place + 4] != b"PK\x05\x06" or tail[-2:] != b"\0\0":
        place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) < place + 22:
        raise zipfile.BadZipFile
    length = struct.unpack("<L", tail[place + 12 : place + 16])[0]
    locator = size - tail_size + place - 20
    if locator < 56:
        return length
    file.seek(locator)
    signature, _, offset, _ = struct.unpack("<4sLQL", file.read(20))
    if signature != b"PK\x06\x07":
        return length
    lengths = []
    for start in (locator - 56, offset):  # readers differ in where they look
        if start + 56 <= size:
            file.seek(start)
            end = file.read(56)
            lengths += [struct.unpack("<Q", end[40:48])[0]] if end[:4] == b"PK\x06\x06" else []
    return max(lengths, default=length)
