"""The findings as a text to be read and sent, and as JSON; both without paths or names."""

from __future__ import annotations

from .examine import can_make_a_map
from .finding import OK, Finding


def setup_text(found: list[Finding]) -> str:
    """The answer first, then a line for each finding, and below it what to do."""
    width = max(len(one.name) for one in found)
    lines = [verdict(found), ""]
    for one in found:
        lines.append(f"{one.status:<8} {one.name:<{width}}  {one.said}")
        if one.do and one.status != OK:
            lines.append(f"{'':<8} {'':<{width}}  -> {one.do}")
    return "\n".join(lines)


def verdict(found: list[Finding]) -> str:
    if not can_make_a_map(found):
        first = next((one for one in found if one.stops), None)
        return f"No map can be made here yet: {first.name}, {first.said}." if first else "No map was made."
    made = [one.name.removeprefix("Map on ") for one in found if one.name.startswith("Map on ") and one.status == OK]
    return f"Maps can be made here: on {' and '.join(made)}."


def setup_json(found: list[Finding]) -> dict:
    return {
        "can_make_a_map": can_make_a_map(found),
        "findings": [one.to_json() for one in found],
        "text": setup_text(found),
    }
