"""The findings as a text to be read and sent, and as JSON; both without paths or names."""

from __future__ import annotations

from .examine import can_make_a_map
from .finding import OK, Finding


def setup_text(found: list[Finding]) -> str:
    """The answer first, then what is not well with what to do, then the rest: a line each, in any font."""
    unwell = [one for one in found if one.status != OK]
    lines = [verdict(found), ""]
    for one in unwell:
        lines += [f"{one.status.upper()} - {one.name}: {one.said}", *([f"    {one.do}"] if one.do else [])]
    lines += [""] if unwell else []
    lines += [f"ok - {one.name}: {one.said}" for one in found if one.status == OK]
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
