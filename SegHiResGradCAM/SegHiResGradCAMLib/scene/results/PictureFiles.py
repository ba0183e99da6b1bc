"""Files beside each other under one new name: all or none."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seghirescam.protocol.writing.claims import claim, sweep
from seghirescam.protocol.writing.swap import NEW


def writeTogether(folder: Any, stem: str, files: Mapping[str, Callable[[Path], object]]) -> tuple[Path, ...]:
    """Writes ``stem + end`` for each end of ``files`` by calling its function with the path; a stem of which one is
    there already is numbered.  What a function writes nothing to is left out.  Raises OSError; then nothing is there.
    """
    folder = Path(folder)
    sweep(folder)
    stem = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in stem)
    for name in (stem if n == 1 else f"{stem}_{n}" for n in itertools.count(1)):
        first = folder / f"{name}{next(iter(files))}"
        if any(os.path.lexists(folder / f"{name}{end}") for end in files):
            continue
        held = claim(folder, first)
        try:
            new = held.prepare()
            for end, write in files.items():
                write(new / f"{name}{end}")
            made = [f"{name}{end}" for end in files if (new / f"{name}{end}").is_file()]
            held.swap([(f"{NEW}/{one}", one) for one in made], [])
            return tuple(folder / one for one in made)
        finally:
            held.release()
    return ()
