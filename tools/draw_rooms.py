"""Draw the picture and the table of the rooms in CONTRIBUTING.md from the list in tools/rooms.py.

python3 tools/draw_rooms.py            standard library only; --check fails if CONTRIBUTING.md differs
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import rooms as house
from write_readme_tables import replaced

ROOT = Path(__file__).resolve().parents[1]


def main(words: list[str]) -> int:
    path = ROOT / "CONTRIBUTING.md"
    text = path.read_text(encoding="utf-8")
    new = replaced(replaced(text, "rooms:picture", picture()), "rooms:table", table())
    if "--check" in words:
        return int(new != text)
    path.write_text(new, encoding="utf-8")
    return 0


def picture() -> str:
    """The two buildings side by side, storey above storey, the corridor between their ground floors."""
    left, right = _storeys(house.SLICER_ROOMS), _storeys(house.ENGINE_ROOMS)
    left = [""] * (len(right) - len(left)) + left
    width, wide = max(map(len, left)) + 2, max(map(len, right)) + 2
    name, other = house.SLICER, house.ENGINE
    width, wide = max(width, len(name) + 4), max(wide, len(other) + 4)
    lines = [f"    +- {name} {'-' * (width - len(name) - 3)}+        +- {other} {'-' * (wide - len(other) - 3)}+"]
    for a, b in zip(left, right, strict=True):
        way = "   ==>  " if b is right[-1] else "        "
        lines.append(f"    |{a:^{width}}|{way}|{b:^{wide}}|")
    lines.append(f"    +{'-' * width}+        +{'-' * wide}+")
    return "\n".join(["", *lines, ""])


def _storeys(rooms):
    """One text a storey, the highest first; a pair that may know each other with its arrow."""
    found = []
    for storey in sorted({room.storey for room in rooms}, reverse=True):
        names = [room.name for room in rooms if room.storey == storey]
        text = names[0]
        for before, after in pairwise(names):
            text += (" -> " if (before, after) in house.BESIDE else "   ") + after
        found.append(text)
    return found


def table() -> str:
    lines = ["| Room | One idea |", "|---|---|"]
    for room in house.ENGINE_ROOMS:
        lines.append(f"| `{house.ENGINE}/{room.name}/` | {room.what} |")
        inner = {name: what for name, what in house.SUB_ROOMS.items() if name.startswith(f"{room.name}/")}
        lines += [f"| &emsp;`{name}/` | {what} |" for name, what in inner.items()]
    lines += [f"| `{house.SLICER}/{room.name}/` | {room.what} |" for room in house.SLICER_ROOMS]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
