"""Which class of a model a segment is: by its name, or none at all. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def matching_class(segment: str, classes: Sequence[str]) -> str:
    """The one class whose name equals the segment's but for case, spaces, dashes and underscores; "" if none does.

    Never the nearest or the first: a map of the wrong class looks as convincing as one of the right class.
    """
    wanted = _plain(segment)
    found = [name for name in classes if wanted and _plain(name) == wanted]
    return found[0] if len(found) == 1 else ""


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name).strip().casefold()


def class_word(wanted: str, classes: Iterable) -> int | str:
    """A number is an index, unless a class is called so. classes: with a ``name`` each."""
    return int(wanted) if wanted.isdigit() and wanted not in {c.name for c in classes} else wanted
