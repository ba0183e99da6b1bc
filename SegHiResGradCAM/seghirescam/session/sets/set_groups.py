"""Which pixel sets are asked together: as many as fit into memory."""

from __future__ import annotations

from collections.abc import Sequence

#: the share of the machine's free memory that the maps of one group may take
SHARE = 0.5


def groups(costs: Sequence[int], limit: int) -> list[list[int]]:
    """Places of the sets in their order, group by group. costs, limit: bytes; what is too large by itself is alone."""
    found: list[list[int]] = []
    room = 0
    for place, cost in enumerate(costs):
        if not found or cost > room:
            found.append([])
            room = limit
        found[-1].append(place)
        room -= cost
    return found


def grouped_note(sets: int, count: int, need: int, limit: int) -> str:
    """The sentence for sets that were not asked together."""
    return (
        f"The {sets} pixel sets were asked in {count} groups, each with its own passes: their maps take about "
        f"{need / 2**30:.2f} GiB together, and {limit / 2**30:.2f} GiB are there for them."
    )
