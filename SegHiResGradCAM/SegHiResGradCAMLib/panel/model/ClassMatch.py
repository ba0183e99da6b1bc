"""Which class of the model a segment is: by its name, or none at all."""

from __future__ import annotations

import re


def matchingClass(segmentName: str, classNames: list[str] | tuple[str, ...]) -> str:
    """The one class whose name equals the segment's but for case, spaces, dashes and underscores; "" if none does.

    Never the nearest or the first: a map of the wrong class looks as convincing as one of the right class.
    """
    wanted = _plain(segmentName)
    found = [name for name in classNames if wanted and _plain(name) == wanted]
    return found[0] if len(found) == 1 else ""


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name).strip().casefold()
