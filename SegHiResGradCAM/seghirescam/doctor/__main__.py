"""``python -P -m seghirescam.doctor [--json] [--attended]``: ``seghirescam doctor`` where numpy need not load."""

from __future__ import annotations

import json
import sys
import threading

from .examine import can_make_a_map, examine
from .told import setup_json, setup_text
from .torch_probe import end_with_parent


def main(arguments: list[str]) -> int:
    """0: a map can be made; 2: it cannot, the text says why. What is being looked at is told on stderr.

    --attended: ends when its stdin closes, and what it has started with it.
    """
    if "--attended" in arguments:
        threading.Thread(target=end_with_parent, daemon=True).start()
    if hasattr(sys.stdout, "reconfigure"):  # a console that does not know every letter
        sys.stdout.reconfigure(errors="backslashreplace")
    found = examine(lambda name: print(f"Checking: {name}", file=sys.stderr, flush=True))
    print(json.dumps(setup_json(found)) if "--json" in arguments else setup_text(found), flush=True)
    return 0 if can_make_a_map(found) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
