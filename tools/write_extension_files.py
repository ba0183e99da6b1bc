#!/usr/bin/env python3
"""Writes what 3D Slicer's build and its Extensions Index read: CMakeLists.txt, the .s4ext and the .json.

    python3 tools/write_extension_files.py            after a fact or the list of files has changed
    python3 tools/write_extension_files.py --check    changes nothing; exit code 1 if a file on disk differs

Standard library only.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

import extension_facts as facts
from extension_files import texts


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--root", type=Path, default=facts.ROOT, help="the repository (default: this one)")
    options = parser.parse_args(arguments)
    different = different_files(options.root)
    for name, text in different.items():
        path = options.root / name
        if options.check:
            print("".join(difference(path, text, name)), end="")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())  # LF on every system: the index refuses CRLF
            print(f"written: {name}")
    if options.check and different:
        print("Not as the facts and the tree say. Write them again:  python3 tools/write_extension_files.py")
        return 1
    return 0


def different_files(root: Path) -> dict[str, str]:
    """Path below the root -> what should stand there, for each file on disk that differs or is missing."""
    return {name: text for name, text in texts(root).items() if read(root / name) != text}


def read(path: Path) -> str:
    """The text with its line ends as they are, "" if there is no such file."""
    return path.read_bytes().decode("utf-8") if path.exists() else ""


def difference(path: Path, text: str, name: str) -> list[str]:
    """A unified diff from what is on disk to what should be."""
    sides = [value.splitlines(keepends=True) for value in (read(path), text)]
    return list(difflib.unified_diff(*sides, f"{name} (on disk)", f"{name} (as it should be)", n=0))


if __name__ == "__main__":
    sys.exit(main())
