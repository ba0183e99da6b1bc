"""A map and its regions reach a folder together, or not at all, under names that are free."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path

from ..protocol.writing.claims import OutputError, claim, sweep
from ..protocol.writing.swap import NEW

_SUFFIX, _REGIONS = ".dcm", "_regions.dcm"


def write_objects(folder: str, facts: dict, write: Callable[[Path, Path], object]) -> list[str]:
    """The names. write(map, regions): writes the two files; the second one only where there are regions.

    Raises OutputError, and what ``write`` raises; nothing is left then.
    """
    place = Path(folder)
    stem = re.sub(r"[^\w.-]+", "-", "_".join(("map", facts["class_name"], facts["layer"]["name"])))
    try:
        sweep(place)
        name = next(
            one for one in (stem if n == 1 else f"{stem}_{n}" for n in itertools.count(1))
            if not any(os.path.lexists(place / f"{one}{end}") for end in (_SUFFIX, _REGIONS))
        )  # fmt: skip
        held = claim(place, place / f"{name}{_SUFFIX}")
    except FileNotFoundError as error:
        raise OutputError("The folder for the DICOM objects is not there.", "Choose another one.") from error
    try:
        new = held.prepare()
        names = [f"{name}{_SUFFIX}", f"{name}{_REGIONS}"]
        write(*(new / one for one in names))
        names = [one for one in names if (new / one).exists()]
        held.swap([(f"{NEW}/{one}", one) for one in names], names)
    finally:
        held.release()
    return names
