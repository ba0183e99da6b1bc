"""Places where results are written belong to one run at a time, and keep nothing of a run that was killed.

Beside a result lies, while it is made, ``.seghirescam-<key>.lock`` (held by the living process) and the working folder
``.seghirescam-<key>``, which only the holder of the lock touches.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from ..errors import SegHiResCamError
from .locks import STALE_SECONDS, hold, let_go
from .swap import NEW, recover, swap

PREFIX = ".seghirescam-"
_LOCK = ".lock"
_KEY = re.compile("[0-9a-f]{16}")
#: a sweep by another run holds a dead run's lock for a moment
_PATIENCE_SECONDS = 2.0


class OutputError(SegHiResCamError, OSError):
    """A place where the result cannot or must not be written."""

    code = "output"


class Claim:
    """A place, held for one result.  place: the folder of lock and working folder.  new: fill it, then :meth:`swap`."""

    def __init__(self, place: Path, key: str, descriptor: int | None):
        self.place, self._lock, self._descriptor = place, place / f"{PREFIX}{key}{_LOCK}", descriptor
        self.work = place / f"{PREFIX}{key}"
        self.new = self.work / NEW

    def prepare(self) -> Path:
        """A new, empty folder for the files; returns it. Raises OSError."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o700)
        self.new.mkdir()
        return self.new

    def swap(self, moves: Sequence[tuple[str, str]], away: Sequence[str]) -> None:
        """As :func:`swap.swap`, from the working folder into the place."""
        swap(self.work, self.place, moves, away)

    def settle(self) -> None:
        """End or undo what a killed run left here. Raises OSError."""
        if self.work.is_dir() and not self.work.is_symlink():
            recover(self.work, self.place)
            shutil.rmtree(self.work, ignore_errors=True)

    def release(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError, ValueError):  # what cannot be put right now stays for the next run
                self.settle()
            let_go(self._descriptor, self._lock)
            self._descriptor = None


def claim(place: Path, target: Path) -> Claim:
    """Hold ``target``, which lies in or below ``place``; what a killed run left of it is put right first.

    Raises OutputError while another run holds it, OSError where nothing can be written.
    """
    key = hashlib.sha256(os.path.normcase(os.path.realpath(target)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    until = time.monotonic() + _PATIENCE_SECONDS
    while (found := _held(Path(place), key)) is None:
        if time.monotonic() > until:
            raise OutputError(
                f"Another run is writing to '{target.name}'.",
                "Wait for its end, or name another place. If it ran on another computer and is dead, delete "
                f"'{PREFIX}{key}{_LOCK}' beside it.",
            )
        time.sleep(0.05)
    try:
        found.settle()
    except BaseException:
        found.release()
        raise
    return found


def sweep(place: Path) -> None:
    """Put right, and remove, what killed runs left in a folder; never what belongs to a living one."""
    with contextlib.suppress(OSError):
        hidden = [name for name in os.listdir(place) if name.startswith(PREFIX)]
        keys = {name.removeprefix(PREFIX).removesuffix(_LOCK) for name in hidden}
        for key in sorted(keys):
            with contextlib.suppress(OSError, ValueError):
                if _KEY.fullmatch(key):
                    found = _held(Path(place), key)
                    if found is not None:
                        found.release()
                else:
                    _remove_old(Path(place) / f"{PREFIX}{key}")


def is_hidden(name: str) -> bool:
    """Whether a name in a folder is one of a working folder or lock."""
    return name.startswith(PREFIX)


def _held(place: Path, key: str) -> Claim | None:
    descriptor = hold(place / f"{PREFIX}{key}{_LOCK}")
    return None if descriptor is None else Claim(place, key, descriptor)


def _remove_old(folder: Path) -> None:
    """As earlier versions named them."""
    if folder.is_dir() and time.time() - folder.stat().st_mtime > STALE_SECONDS:
        shutil.rmtree(folder, ignore_errors=True)
