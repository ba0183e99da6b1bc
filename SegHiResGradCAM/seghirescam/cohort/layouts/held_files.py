"""Names in a dataset's folders: listed without what systems leave there, told apart by their endings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..plans.row import PlanError

#: endings of images and label maps, the longer before the shorter
ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".png", ".jpg", ".jpeg", ".bmp", ".tiff", ".tif")


def held(folder: Path) -> list[str]:
    """Names in a folder, sorted, without hidden ones; [] where there is no such folder."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def dataset(folder: Path | str, layout: str) -> Path:
    """The folder itself. Raises PlanError where it is none, or holds nothing."""
    path = Path(folder)
    if not path.is_dir():
        raise PlanError(f"There is no folder '{path.name}'.", f"Name the folder that holds the {layout} data.")
    if not held(path):
        raise PlanError(f"The folder '{path.name}' is empty.", f"Name the folder that holds the {layout} data.")
    return path


def ending(name: str) -> str:
    """The name's ending as it is written, "" for what is no image."""
    return next((name[-len(one) :] for one in ENDINGS if name.lower().endswith(one)), "")


def one_ending(names: Iterable[str], where: str, stated: str = "") -> str:
    """The ending that all images among the names have, "" without any. stated: the one that the dataset states.

    Raises PlanError for several: which of them a case is would be a guess.
    """
    found = sorted({end for name in names if (end := ending(name))})
    if stated and [one for one in found if one.lower() != stated.lower()]:
        raise PlanError(
            f"'{where}' holds files that end in {' and '.join(found)}; the dataset states {stated}.",
            "Move the others away, or correct file_ending in dataset.json.",
        )
    if len(found) > 1:
        raise PlanError(f"'{where}' holds files that end in {' and '.join(found)}.", "Keep one kind of file in it.")
    return found[0] if found else ""


def refuse_missing(missing: Sequence[str], what: str, hint: str) -> None:
    """Raises PlanError where any case lacks something. what: continues "The case 'x' ..."."""
    if missing:
        more = f"; {len(missing) - 1} more cases, too" if len(missing) > 1 else ""
        raise PlanError(f"The case '{missing[0]}' {what}{more}.", hint)


def chosen(classes: Sequence[str], known: Sequence[str], layout: str) -> list[str]:
    """The classes asked for, all of ``known`` unless any are named. Raises PlanError for one that is not known."""
    for name in classes:
        if name not in known:
            raise PlanError(f"{layout} has no class '{name}'.", f"It has: {', '.join(known)}.")
    return list(classes or known)
