"""Which files below SegHiResGradCAM/ are packaged: one that CMake does not list is silently missing once installed."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

MODULE = "SegHiResGradCAM"

#: below the module's folder: what is written from the facts, and may not be there yet
WRITTEN = f"{MODULE}Lib/setup/ExtensionFacts.py"
#: below the module's folder
NOT_PACKAGED = ("CMakeLists.txt", "Testing/")


def scripts_and_resources(root: Path) -> tuple[list[str], list[str]]:
    """Paths below the module's folder: Python files with the module itself first, and everything else."""
    folder = root / MODULE
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} | {WRITTEN}
    packaged = sorted((name for name in names if is_packaged(name)), key=_shallow_first)
    return [n for n in packaged if n.endswith(".py")], [n for n in packaged if not n.endswith(".py")]


def is_packaged(name: str) -> bool:
    """Whether a file, by its path below the module's folder, belongs into the installed extension."""
    parts = PurePosixPath(name).parts
    if any(part.startswith(".") or part == "__pycache__" for part in parts) or name.endswith((".pyc", "~")):
        return False
    return not any(name == rule or (rule.endswith("/") and name.startswith(rule)) for rule in NOT_PACKAGED)


def listed(cmake: str, variable: str) -> list[str]:
    """What a CMake text sets a list to, ${MODULE_NAME} filled in; empty if it does not set it."""
    found = re.search(rf"set\({variable}\s+([^)]*)\)", cmake)
    module = re.search(r"set\(MODULE_NAME\s+(\w+)\)", cmake)
    words = found.group(1).split() if found else []
    return [word.replace("${MODULE_NAME}", module.group(1) if module else "") for word in words]


def _shallow_first(name):
    path = PurePosixPath(name)
    return len(path.parts) > 1, path.parent.as_posix(), path.name
