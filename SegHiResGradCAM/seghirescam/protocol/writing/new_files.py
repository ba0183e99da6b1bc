"""New files beside those that are there: all of them or none, and nothing is ever replaced."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..arrays import DiskError
from ..errors import SegHiResCamError
from .claims import OutputError, claim, sweep
from .swap import NEW


def refuse_existing(folder: Path, names: Iterable[str], hint: str) -> None:
    """Raises OutputError for the first of the names that is taken, and where nothing can be written."""
    for name in names:
        if os.path.lexists(folder / name):
            raise OutputError(f"'{name}' exists already, and stays.", hint)
    if not os.access(_existing(folder), os.W_OK | os.X_OK):
        raise OutputError(f"Nothing can be written in the folder of '{next(iter(names))}'.", hint)


def write_new(folder: Path, files: Mapping[str, str], hint: str) -> None:
    """Writes texts as UTF-8 under names that are free, the folder too where it is not there; the last name is the seal.

    hint: what to do where a name is taken or nothing can be written.  Raises OutputError and DiskError; then nothing
    of it is there.
    """
    folder = Path(os.path.realpath(folder))
    names, place = list(files), _existing(folder)
    sweep(place)
    refuse_existing(folder, names, hint)
    try:
        held = claim(place, folder / names[-1])
        try:
            hidden = held.prepare()
            for name, text in files.items():
                (hidden / name).write_text(text, encoding="utf-8")
            refuse_existing(folder, names, hint)  # somebody else may have come, who knows no locks
            held.swap([(f"{NEW}/{name}", str((folder / name).relative_to(place))) for name in names], [])
        finally:
            held.release()
    except OSError as error:
        if isinstance(error, SegHiResCamError):
            raise
        reason = error.strerror or type(error).__name__
        raise DiskError(f"'{names[-1]}' could not be written: {reason}.", hint, errno=error.errno) from error


def _existing(folder: Path) -> Path:
    """The nearest folder on the way to ``folder`` (itself included) that is there."""
    folder = Path(folder).absolute()
    return next(p for p in (folder, *folder.parents) if p.is_dir())
