"""Folders in the system's folder for temporary files: for this user only, and gone at the latest with the next one.

They may hold images of patients.  A living process holds a lock on its own, so that what a killed one left is told from
what is in use; see :mod:`locks`.  Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

from .locks import STALE_SECONDS, hold_folder

#: in every name of ours: a folder without it has no lock
_HELD = "held-"
PREFIX = "seghirescam-"


class PrivateFolder:
    """path: a new folder, readable by this user only.  prefix: of its name.  Raises OSError."""

    def __init__(self, prefix: str = PREFIX, parent: str | Path | None = None):
        parent = tempfile.gettempdir() if parent is None else parent
        _sweep(parent, prefix + _HELD)
        self._held: int | None = None
        while self._held is None:  # a sweep may have come before the lock
            self.path = Path(tempfile.mkdtemp(prefix=prefix + _HELD, dir=parent))
            self._hold()

    def stay(self) -> None:
        """Make it anew, empty, where a cleaner of temporary files removed it. Raises OSError."""
        if self._is_held():
            return
        try:
            os.mkdir(self.path, 0o700)
        except FileExistsError:
            about = os.lstat(self.path)
            if not stat.S_ISDIR(about.st_mode) or (hasattr(os, "getuid") and about.st_uid != os.getuid()):
                raise
        self._let_go()
        self._hold()

    def remove(self) -> None:
        """The folder and everything in it."""
        if os.name == "nt":
            self._let_go()
        shutil.rmtree(self.path, ignore_errors=True)
        self._let_go()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *reason: object) -> None:
        self.remove()

    def _hold(self) -> None:
        try:
            self._held = hold_folder(self.path)
        except FileNotFoundError:
            self._held = None
        except OSError:  # no locks here: its age tells
            self._held = -1

    def _is_held(self) -> bool:
        if self._held is None:
            return False
        if os.name == "nt" or self._held == -1:
            return self.path.is_dir()
        try:
            return os.path.samestat(os.fstat(self._held), os.stat(self.path))
        except OSError:
            return False

    def _let_go(self) -> None:
        if self._held is not None and self._held != -1:
            with contextlib.suppress(OSError):
                os.close(self._held)
        self._held = None


def _sweep(parent: str | Path, prefix: str) -> None:
    """Remove what killed processes left; never what a living one, or another user, holds."""
    with contextlib.suppress(OSError):
        for name in os.listdir(parent):
            if name.startswith(prefix):
                with contextlib.suppress(OSError):
                    _remove_dead(Path(parent) / name)


def _remove_dead(folder: Path) -> None:
    about = os.lstat(folder)
    if not stat.S_ISDIR(about.st_mode) or (hasattr(os, "getuid") and about.st_uid != os.getuid()):
        return
    try:
        held = hold_folder(folder)
    except OSError:
        if time.time() - about.st_mtime > STALE_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
        return
    if held is not None:
        if os.name == "nt":
            os.close(held)
        shutil.rmtree(folder, ignore_errors=True)
        if os.name != "nt":
            os.close(held)
