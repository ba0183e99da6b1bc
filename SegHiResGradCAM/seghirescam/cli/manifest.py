"""``run.json``: whose files a result folder holds. One run, told by its question, its model and every file's hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..io.file_content import hash_of
from ..protocol.messages import line

NAME = "run.json"
FORMAT = "seghirescam-run-1"


@dataclass(frozen=True)
class Run:
    """A manifest read back. files: name -> SHA-256, without the manifest itself; "maps/NAME" for one in a folder."""

    command: str
    files: dict[str, str]

    def holds(self, folder: Path, name: str) -> bool:
        """Whether the file is there as the run wrote it."""
        try:
            return hash_of(folder / name) == self.files[name]
        except (OSError, KeyError):
            return False


def write_manifest(folder: Path, command: str, request: dict, model, known: dict[str, str]) -> None:
    """About everything in ``folder``; no time, path or name of a file that was read, so that a repeat is the same.

    known: the SHA-256 of files that were hashed when they were written.
    """
    facts = {
        "format": FORMAT,
        "command": command,
        "model": {"kind": model.kind, "name": model.name},
        "engine_version": __version__,
        "request": request,
        "files": {name: known.get(name) or hash_of(folder / name) for name in names_in(folder)},
    }
    write_json(folder / NAME, facts)


def names_in(folder: Path) -> list[str]:
    """Every file in a result folder and in the folders in it, as a manifest names them, in order."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def write_json(path: Path, facts: dict) -> dict:
    """The facts as they are written: numbers that are not finite are null."""
    facts = json.loads(line(facts))
    path.write_text(json.dumps(facts, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    return facts


def read_manifest(folder: Path) -> Run | None:
    """None where no manifest of ours lies there."""
    try:
        facts = json.loads((Path(folder) / NAME).read_text(encoding="utf-8"))
        files = {str(name): str(digest) for name, digest in facts["files"].items()}
        good = facts["format"] == FORMAT and all(map(_is_plain, files))
        return Run(str(facts["command"]), files) if good else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_plain(name: str) -> bool:
    """Of a file in the folder, or one folder deeper: never one outside."""
    parts = name.split("/")
    return (
        len(parts) <= 2 and name != NAME and all(part not in ("", "..") and Path(part).name == part for part in parts)
    )
