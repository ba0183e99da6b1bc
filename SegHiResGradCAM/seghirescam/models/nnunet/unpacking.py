"""Members of a stranger's zip file, unpacked within bounds into this user's cache folder: all of them or none.

Nothing is written outside of the folder, no links are made, and what is out of all proportion is refused before the
first byte.  What has been unpacked stays, under the SHA-256 of the zip file, and serves again; it may be deleted at any
time.  Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import sys
import zipfile
import zlib
from pathlib import Path

from ...protocol.errors import ModelError
from ...protocol.progress import Progress, Tell
from ...protocol.untrusted import DamagedZip, named, opened_zip, short
from ...protocol.writing.private_folders import PrivateFolder
from ..file_stamp import file_stamp

#: five folds of a large nnU-Net with their optimizers take some six
MOST_BYTES = 40 * 10**9
#: weights hardly shrink
_GROWTH = 20
#: left free on the disk
_SPARE = 10**9
_PIECE = 1 << 22
_PART = re.compile(r'[^<>:"|?*\\/\x00-\x1f]{1,200}')


def cache_folder() -> Path:
    """$SEGHIRESCAM_CACHE, else where this system keeps what can be made again."""
    if stated := os.environ.get("SEGHIRESCAM_CACHE"):
        return Path(stated)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "seghirescam" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "seghirescam"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seghirescam"


def checked_zip(path: Path) -> zipfile.ZipFile:
    """The archive, when every one of its members is harmless. Raises ModelError."""
    name = named(path)
    try:
        archive = opened_zip(path, growth=_GROWTH)
    except DamagedZip as error:
        raise ModelError(
            f"'{name}' is no zip file, is damaged, or would unpack to far more than it is.",
            "Copy or download it again; nothing was unpacked.",
        ) from error
    seen = set()
    for entry in archive.infolist():
        problem = _problem(entry)
        if entry.filename.lower() in seen:
            problem = "names a file twice"
        seen.add(entry.filename.lower())
        if problem:
            archive.close()
            raise ModelError(
                f"'{name}' was not made by nnU-Net: it {problem} ({short(ascii(entry.filename)[1:-1], 80)}).",
                "Nothing was unpacked.",
            )
    return archive


def unpacked(path: Path, members: dict[str, str], progress: Tell | None = None) -> tuple[Path, bool]:
    """(folder that holds the members, whether this call unpacked them). members: name in the zip file -> its path.

    progress: told after every piece of a member; where it raises, or Ctrl-C does, nothing of the file is left.
    Raises ModelError for what :func:`checked_zip` refuses, a damaged member, and a disk without room.
    """
    with checked_zip(path) as archive:
        entries = {place: archive.getinfo(name) for name, place in members.items()}
        total = sum(entry.file_size for entry in entries.values())
        place = cache_folder() / "nnunet" / file_stamp(path)[-1]
        if _is_whole(place, entries):
            return place, False
        made = [folder for folder in (place.parent, *place.parent.parents) if not folder.exists()]
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _refuse_too_much(path, total, place.parent)
            with PrivateFolder("unpacking-", place.parent) as folder:
                _unpack(path, archive, entries, folder / "new", place, _Counted(Progress(progress), total))
        except OSError as error:
            raise ModelError(
                f"'{named(path)}' cannot be unpacked into the cache folder: {error.strerror or type(error).__name__}.",
                "Free some space, name another folder in $SEGHIRESCAM_CACHE, or unpack it yourself.",
            ) from error
        finally:
            for folder in made:  # those that stayed empty
                with contextlib.suppress(OSError):
                    folder.rmdir()
    return place, True


class _Counted:
    """Tells how much of all bytes is there."""

    def __init__(self, tell: Progress, total: int):
        self._tell, self._total, self._done = tell, max(1, total), 0

    def __call__(self, more: int) -> None:
        self._done += more
        share, (done, total) = self._done / self._total, (n / 1e6 for n in (self._done, self._total))
        self._tell(share, f"unpacking the model, {done:.0f} of {total:.0f} MB")


def _unpack(path, archive, entries, new, place, count):
    if place.is_dir():  # another model of the same file lies there, or a part that somebody deleted
        _link(place, new)
    for inside, entry in entries.items():
        target = new / inside
        if target.is_file() and target.stat().st_size == entry.file_size:
            count(entry.file_size)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "wb") as file:
            for piece in _pieces(path, archive, entry, inside):
                file.write(piece)
                count(len(piece))
    old = new.with_name("old")
    if place.is_dir():
        os.replace(place, old)
    try:
        os.replace(new, place)
    except OSError:
        if not _is_whole(place, entries):  # else another process was faster
            raise


def _pieces(path, archive, entry, inside):
    """A member's bytes. Raises ModelError where it is damaged."""
    left = entry.file_size
    try:
        with archive.open(entry) as source:
            while piece := source.read(_PIECE):
                left -= len(piece)
                yield piece
        if left:
            raise zipfile.BadZipFile("cut short")
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ModelError(
            f"'{named(path)}' is damaged: '{named(inside)}' cannot be unpacked from it.",
            "Copy or download it again; nothing was kept of it.",
        ) from error


def _link(place, new):
    """The same files under another name, without a copy of their content where the file system can."""
    for found in place.rglob("*"):
        target = new / found.relative_to(place)
        if found.is_file() and not found.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(found, target)
            except OSError:
                shutil.copyfile(found, target)


def _is_whole(place, entries):
    """Whether all members are there, with their sizes."""
    try:
        return all(
            stat.S_ISREG(found.st_mode) and found.st_size == entry.file_size
            for found, entry in ((os.lstat(place / inside), entry) for inside, entry in entries.items())
        )
    except OSError:
        return False


def _refuse_too_much(path, total, folder):
    free = shutil.disk_usage(folder).free
    if total > MOST_BYTES or total + _SPARE > free:
        limit = f"at most {MOST_BYTES / 1e9:.0f} GB are unpacked"
        limit = limit if total > MOST_BYTES else f"{free / 1e9:.1f} GB are free, of which 1 GB is kept"
        raise ModelError(
            f"'{named(path)}' would unpack to {total / 1e9:.1f} GB; {limit}.",
            "Unpack it yourself and give the folder, or name another disk's folder in $SEGHIRESCAM_CACHE.",
            needed=total,
            available=free,
        )


def _problem(entry: zipfile.ZipInfo) -> str:
    """What is wrong with one member, "" for nothing."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    parts = entry.filename.removesuffix("/").split("/")
    if any(part in ("", ".", "..") or not _PART.fullmatch(part) for part in parts):
        return "names a place outside of its folder, or one no file can have"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "holds a link or a device"
    if entry.flag_bits & 1:
        return "is encrypted"
    return ""
