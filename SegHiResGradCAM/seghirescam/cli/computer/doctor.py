"""Can this computer make a map? What is here, what is missing, and a small map on each device."""

from __future__ import annotations

HELP = "Check this computer: Python, PyTorch, cards, disk, and a small map on each device."
MORE = """Says of everything whether it is ok, missing or failed, and what to do. The text holds no paths and no names:
it can be sent to others. Exit code 0 if a map can be made, else 2. Nothing is written, nobody is asked on the
network. It works without numpy and PyTorch, too."""
EXAMPLE = "seghirescam doctor"


def add_arguments(parser) -> None:
    pass


def run(options, console) -> int:
    from ...doctor.examine import can_make_a_map, examine
    from ...doctor.told import setup_json, setup_text

    found = examine(lambda name: console.note(f"Checking: {name}") if console.is_terminal else None)
    console.answer(setup_json(found), setup_text(found))
    return 0 if can_make_a_map(found) else 2
