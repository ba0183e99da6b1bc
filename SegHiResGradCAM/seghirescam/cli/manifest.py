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
    """A manifest read back. files: name -> SHA-256, without the manifest itself."""

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
        "files": {path.name: known.get(path.name) or hash_of(path) for path in sorted(folder.iterdir())},
    }
    write_json(folder / NAME, facts)


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
        good = facts["format"] == FORMAT and all(Path(name).name == name and name != NAME for name in files)
        return Run(str(facts["command"]), files) if good else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
