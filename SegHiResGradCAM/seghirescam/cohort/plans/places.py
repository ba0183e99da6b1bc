"""Where a row's words lie: paths in the plan's folder, the demo by its words."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ...demo.words import CASE, image_path, labels_path
from .row import Row


def placed(word: str, folder: Path) -> str:
    """A path of a row as it can be opened: in the plan's folder, absolute, or the demo's; ``NAME=path`` keeps its name.

    Words that are no paths (``demo:honest``) stay.
    """
    if word == CASE:
        return image_path(word)
    if word.startswith("demo:"):
        return word
    name, mark, path = word.partition("=")
    if mark and not (folder / word).exists():
        return f"{name}={placed(path, folder)}"
    return str(folder / word)


def labels_placed(word: str, folder: Path) -> str:
    """The same of a label map."""
    return labels_path(word) if word == CASE else placed(word, folder)


def file_state(path: str) -> str:
    """What tells, without reading a file, that it is as it was: size and modification time; of a folder, of all files
    in it.  "" where nothing is there."""
    _, mark, own = path.partition("=")
    path = own if mark and not os.path.exists(path) else path
    path = path.rpartition("#")[0] if "#" in path and not os.path.exists(path) else path
    try:
        if not os.path.isdir(path):
            about = os.stat(path)
            return f"{about.st_size}.{about.st_mtime_ns}"
        content = hashlib.sha256()
        for place, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                about = os.stat(os.path.join(place, name))
                content.update(f"{name}.{about.st_size}.{about.st_mtime_ns};".encode("utf-8", "surrogatepass"))
        return content.hexdigest()[:32]
    except OSError:
        return ""


def row_state(row: Row, folder: Path, known: dict[str, str]) -> list[str]:
    """Of all files a row names. known: those that were looked at before."""
    paths = [placed(one, folder) for one in (*row.images, row.model)]
    for word in (row.segment, row.reference):
        if word:
            path = labels_placed(word, folder)
            paths += [path, str(Path(path).with_suffix("").with_suffix(".json"))]
    for path in paths:
        if path not in known:
            known[path] = file_state(path)
    return [known[path] for path in paths]
