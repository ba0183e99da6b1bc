"""Write the reference pages that are made from the code: commands, methods, model description, worker, errors.

python3 tools/write_reference.py            needs the test environment; --check fails if a page differs
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
#: page -> (the module of this folder that makes it, what it is made from)
PAGES = {
    "commands.md": ("reference_commands", "the parser, seghirescam/cli/parser.py"),
    "methods.md": ("reference_methods", "the classes in seghirescam/cam/methods"),
    "model_description.md": ("reference_description", "seghirescam/models/descriptions/description.schema.json"),
    "worker.md": ("reference_worker", "seghirescam/protocol/requests.py and messages.py"),
    "errors.md": ("reference_errors", "seghirescam/protocol/errors.py and Testing/engine/fault_table.py"),
}


def main() -> int:
    sys.path[:0] = [str(ROOT / "SegHiResGradCAM"), str(ROOT / "Testing"), str(Path(__file__).parent)]
    different = []
    for name, (module, source) in PAGES.items():
        made = importlib.import_module(module).page()
        text = f"<!-- Written by tools/write_reference.py from {source}. -->\n\n{made.rstrip()}\n"
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            different.append(name)
            if "--check" not in sys.argv[1:]:
                path.write_text(text, encoding="utf-8")
    if "--check" in sys.argv[1:] and different:
        print(f"{', '.join(different)}: run  python3 tools/write_reference.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
