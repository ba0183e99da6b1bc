"""Which class of a model a segment is, by its name or none at all; and which is meant where none is named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .errors import ClassError

if TYPE_CHECKING:
    from .explanation import ClassInfo


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


#: more are not read off a sentence
_LISTED = 8


def only_class(classes: Sequence[ClassInfo], word: str, elsewhere: str = "") -> tuple[int, str]:
    """(index of the one class that can be meant where none was named, the note for the result).

    The only one, or the one beside the background.  Raises ClassError where there are more, or none is known: word says
    how one is named, elsewhere where they are listed.
    """
    if len(classes) == 1:
        return classes[0].index, ""
    if len(classes) == 2:
        first, only = classes
        return only.index, f"No class was named: explained is '{only.name}', the one beside '{first.name}'."
    listed = ", ".join(f"{c.index} = {c.name}" for c in classes) if len(classes) <= _LISTED or not elsewhere else ""
    raise ClassError("No class was named.", f"Add {word}, one of: {listed}." if listed else f"Add {word}{elsewhere}.")
