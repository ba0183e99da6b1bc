"""Which row of the plan has which key, told by files' states, so that what is finished is found without reading images.

One line a row, appended by the process that runs the cohort; a line that was cut short is none.  A row is found by its
identity, by the states (size, modification time) of its files, and by the settings: a changed file is asked anew.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .content_key import SHORT, digest
from .plans.places import row_state
from .plans.row import Row
from .run_folder import RunFolder, versions, written
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """key: "" of one that failed.  hashes: of image, model, segment and reference, as far as they are known; of one
    that was read back the first SHORT digits, which are all that a table shows."""

    key: str = ""
    code: str = ""
    sentence: str = ""
    hashes: tuple[str, ...] = ("", "", "", "")


class Receipts:
    """32 hex digits of a row, its files' states and the settings."""

    def __init__(self, folder: Path, settings: Settings):
        self.folder = folder
        self._base = digest([settings.key_words, settings.device, versions()])
        self._known: dict[str, str] = {}

    def of(self, row: Row) -> str:
        return digest([self._base, row.identity, row_state(row, self.folder, self._known)])[:32]


class Journal:
    """Reads what all processes wrote, writes a file of its own. Raises DiskError."""

    def __init__(self, run: RunFolder):
        self.run = run
        self._path = run.journal / f"{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        self._file = None

    def read(self) -> dict[str, Entry]:
        """By receipt; what was answered goes before what failed, and of failures the last one."""
        found: dict[str, Entry] = {}
        for receipt, entry in self._entries():
            if entry.key or receipt not in found or not found[receipt].key:
                found[receipt] = entry
        return found

    def note(self, receipt: str, entry: Entry) -> None:
        words = {"row": receipt, "key": entry.key, "hashes": list(entry.hashes)}
        if entry.code:
            words |= {"code": entry.code, "sentence": entry.sentence}
        with written():
            if self._file is None:
                self.run.journal.mkdir(parents=True, exist_ok=True)
                self._file = open(self._path, "a", encoding="ascii")
            self._file.write(json.dumps(words) + "\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        try:
            paths = sorted(self.run.journal.glob("*.jsonl"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        except OSError:
            return
        for path in paths:
            with open(path, encoding="ascii", errors="replace") as file:
                for text in file:
                    try:
                        words = json.loads(text)
                        told = str(words.get("code", "")), str(words.get("sentence", ""))
                        hashes = tuple(sys.intern(str(one)[:SHORT]) for one in words["hashes"])
                        yield str(words["row"]), Entry(str(words["key"]), *told, hashes)
                    except (ValueError, KeyError, TypeError, AttributeError):
                        continue
