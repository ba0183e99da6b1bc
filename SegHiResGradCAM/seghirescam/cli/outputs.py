"""Files that are there whole or not at all: made in a hidden folder beside their place, then moved there."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path

from ..arrays import DiskError
from ..errors import SegHiResCamError


class OutputError(SegHiResCamError, OSError):
    """A place where the result cannot or must not be written."""

    code = "output"


def check_folder(folder: Path, overwrite: bool) -> None:
    """Refuses, before anything is computed, a folder that holds something or cannot be written to."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"'{folder.name}' is a file.", "Name a folder with --out.")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise OutputError(
            f"The folder '{folder.name}' is not empty.", "Name another one with --out, or add --overwrite."
        )
    _check_writable(folder)


def check_file(path: Path, overwrite: bool, suffixes) -> None:
    """The same for one file, whose name must end in one of the suffixes."""
    if not path.name.lower().endswith(tuple(suffixes)):
        raise OutputError(f"'{path.name}' ends in none of {', '.join(suffixes)}.", "Choose one of them for --out.")
    if path.is_dir():
        raise OutputError(f"'{path.name}' is a folder.", "Name a file with --out.")
    if path.exists() and not overwrite:
        raise OutputError(f"'{path.name}' exists already.", "Name another file with --out, or add --overwrite.")
    _check_writable(path)


@contextlib.contextmanager
def made_whole(folder: Path):
    """Yields a hidden folder; what lies in it at the end is moved to ``folder``, where files of the same name are
    replaced.  If the block raises (also by Ctrl-C), nothing of it stays.  Raises DiskError."""
    place = _existing(folder)
    try:
        hidden = Path(tempfile.mkdtemp(prefix=".seghirescam-", dir=place))
    except OSError as error:
        raise _refused(error) from error
    try:
        yield hidden
        with _uninterrupted():
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(hidden.iterdir()):
                os.replace(path, folder / path.name)
    except OSError as error:
        if isinstance(error, SegHiResCamError):
            raise
        raise _refused(error) from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


@contextlib.contextmanager
def _uninterrupted():
    """Ctrl-C waits until the block is done: it takes milliseconds, and half of it would be a mixture of two results."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = []
    before = signal.signal(signal.SIGINT, lambda *what: heard.append(what))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _existing(path: Path) -> Path:
    """The nearest folder on the way to ``path`` (itself included) that is there."""
    path = Path(path).absolute()
    return next(p for p in (path, *path.parents) if p.is_dir())


def _check_writable(path):
    if not os.access(_existing(path), os.W_OK | os.X_OK):
        raise OutputError(f"Nothing can be written at the place of '{path.name}'.", "Choose another place with --out.")


def _refused(error):
    return DiskError(
        f"The results could not be written: {error.strerror or type(error).__name__}.",
        "Free some space there, or choose another place with --out.",
        errno=error.errno,
    )
