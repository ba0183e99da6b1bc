"""Patterns in a plan's paths: one row a file that is found, or the channels of one case."""

from __future__ import annotations

import glob
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from .row import BETWEEN, EVERY, PlanError, Row

#: fields in which ``*`` stands for what the first image's pattern found
_FOLLOW = ("segment", "reference", "group")
_PACKED = (".gz", ".bz2", ".zst")
_SECOND = (".seg", ".nii", ".ome")


def is_pattern(path: str) -> bool:
    return any(letter in path for letter in "*?[")


def rows_of(words: dict[str, str], folder: Path) -> Iterator[Row]:
    """The rows one line of a plan stands for. words: by column.

    Where the case is named, the files that match an image's pattern are its channels, sorted by name.  Where it is
    empty or holds ``*``, every file that matches the first image's pattern is a case; ``*`` in the other paths (and in
    the case's name) is what it found.  A case without a name is called as its first image.  Raises PlanError.
    """
    images = [one.strip() for one in words.get("images", "").split(BETWEEN) if one.strip()]
    case = words.get("case", "")
    if images and is_pattern(images[0]) and (not case or EVERY in case):
        yield from _each_file(words, images, folder)
        return
    found = [path for image in images for path in (_matching(image, folder) if is_pattern(image) else [image])]
    rest = {name: value for name, value in words.items() if name != "images"}
    for name in ("segment", "reference"):
        if is_pattern(rest.get(name, "")):
            matches = _matching(rest[name], folder)
            if len(matches) > 1:
                raise PlanError(
                    f"The pattern of '{name}' matches {len(matches)} files of one case.",
                    "Name one file, or leave 'case' empty, so that every file of 'images' is a case.",
                )
            rest[name] = matches[0]
    yield Row(**rest | {"images": tuple(map(sys.intern, found)), "case": case or (stem(found[0]) if found else "")})


def stem(path: str) -> str:
    """A file's name without the endings of images."""
    name = Path(path).name
    for endings in (_PACKED, (Path(name).suffix,), _SECOND):
        for ending in endings:
            if ending and name.lower().endswith(ending.lower()) and len(name) > len(ending):
                name = name[: -len(ending)]
                break
    return name


def _each_file(words, images, folder):
    pattern = images[0]
    for path in _matching(pattern, folder):
        what = _standing_for(pattern, path)
        own = {name: value.replace(EVERY, what) if name in _FOLLOW else value for name, value in words.items()}
        own["images"] = (path, *(image.replace(EVERY, what) for image in images[1:]))
        case = words.get("case", "")
        own["case"] = case.replace(EVERY, what) if case and case != EVERY else stem(path)
        yield Row(**own)


def _matching(pattern: str, folder: Path) -> list[str]:
    if "**" in pattern:  # pathlib goes through no link to a folder: links that lead in a circle end here
        anchor = Path(Path(pattern).anchor) if Path(pattern).anchor else folder
        inner = str(Path(pattern).relative_to(anchor)) if Path(pattern).anchor else pattern
        files = (path for path in anchor.glob(inner) if path.is_file())
        found = sorted(str(path if Path(pattern).anchor else path.relative_to(folder)) for path in files)
    else:
        found = sorted(glob.glob(pattern, root_dir=folder))
    if not found:
        raise PlanError("A pattern matches no file.", "Paths are relative to the plan's folder.")
    return [path.replace("\\", "/") for path in found]


def _standing_for(pattern: str, path: str) -> str:
    """What the last ``*`` of the pattern stands for in a path that it matches."""
    parts = re.split(r"(\*\*/|\*|\?|\[[^\]]*\])", pattern.replace("\\", "/"))
    words = {"**/": "(?:.*/)?", "*": "([^/]*)", "?": "[^/]"}
    expression = "".join(words.get(part) or (part if n % 2 else re.escape(part)) for n, part in enumerate(parts))
    found = re.fullmatch(expression, path)
    return found.groups()[-1] if found and found.groups() else stem(path)
