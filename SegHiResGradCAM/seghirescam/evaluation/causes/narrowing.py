"""From an order of units to few that still do it: the shortest prefix, then what can be given back. Pure Python.

``does(units)`` says whether these units together do it.  It need not be monotone (more units may undo what fewer did),
so what is found is small, and the smallest only in the sense that is stated with each function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Does = Callable[[Sequence[int]], bool]


def shortest_prefix(order: Sequence[int], does: Does, most: int | None = None) -> list[int] | None:
    """A prefix of the order that does it, and whose one shorter was seen not to (or is empty); None: none was found.

    1, 2, 4, ... units are tried, at last ``most`` (None: all); then the space between the last two is halved.
    """
    most = len(order) if most is None else min(most, len(order))
    low, count = 0, 1
    while count <= most:
        count = min(count, most)
        if does(order[:count]):
            break
        if count == most:
            return None
        low, count = count, min(2 * count, most)
    else:
        return None
    high = count
    while high - low > 1:
        middle = (low + high) // 2
        if does(order[:middle]):
            high = middle
        else:
            low = middle
    return list(order[:high])


def narrowed(units: Sequence[int], does: Does, to_the_end: bool = True) -> list[int]:
    """What is left when parts that are not needed are given back, the last of the order first.

    As in delta debugging (Zeller & Hildebrandt, IEEE TSE 2002): halves, quarters, ... single units, these again until
    no single one can be given back.  units: do it together.  to_the_end: False ends when every single one has been
    tried once, which of a monotone ``does`` is the same.
    """
    kept, size = list(units), -(-len(units) // 2)
    while len(kept) > 1:
        before, end = len(kept), len(kept)
        while end > 0:
            start = max(0, end - size)
            rest = kept[:start] + kept[end:]
            if rest and does(rest):
                kept = rest
            end = start
        if size == 1 and (len(kept) == before or not to_the_end):
            break
        size = max(1, size // 2)
    return kept
