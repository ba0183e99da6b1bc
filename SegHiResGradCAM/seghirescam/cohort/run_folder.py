"""The folder of a cohort's run, and what lies in it.

    plan.json                 settings, versions, how many questions; no path, no name
    questions/ab/<key>.json   one answered question each, written whole or not at all; its key is of its content
    maps/<key>/               with --maps: the maps, as ``explain`` writes them but for names
    table.csv, by_label.csv   the results (table.parquet, by_label.parquet where pyarrow is there)
    cases.csv                 STAYS WITH YOU: which key is which case, file and model
    journal/<process>.jsonl   STAYS WITH YOU: which row of the plan has which key, and which failed, and why
    journal/<process>.times   what each job took; in no table
    journal/asked             hashes of the rows of the plan that it was last begun with
    working/                  of running processes: what is being written, who holds which case, in what one ended

Everything can be moved as a whole.  Runs of one plan with the same settings may work in one folder at once.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import string
import time
from array import array
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .. import __version__
from ..protocol.arrays import DiskError
from ..protocol.messages import line
from ..protocol.writing.claims import OutputError
from ..protocol.writing.locks import hold, let_go
from ..protocol.writing.private_folders import PrivateFolder

FORMAT, QUESTION = "seghirescam-cohort-1", "seghirescam-question-1"
PLAN, TABLE, BY_LABEL, CASES = "plan.json", "table", "by_label", "cases.csv"
_QUESTIONS, _MAPS, _JOURNAL, _WORKING, _ASKED = "questions", "maps", "journal", "working", "asked"
#: what a folder may hold that begins to be a run's
_OURS = {_QUESTIONS, _JOURNAL, _WORKING, PLAN}


class RunFolder:
    """path: the folder.  Holds nothing open, so that it can be sent to another process."""

    def __init__(self, path: Path | str):
        self.path = Path(path).absolute()

    @property
    def maps(self) -> Path:
        return self.path / _MAPS

    @property
    def journal(self) -> Path:
        return self.path / _JOURNAL

    @property
    def working(self) -> Path:
        return self.path / _WORKING

    def begin(self, settings: dict, plan: str, rows: int, identities: array | None = None) -> tuple[int, int] | None:
        """Make the folder, or go on in it. plan: hash of all rows; identities: of :class:`job.Plan`.

        Returns (questions that are new, questions of the run that are no longer asked) where the run was last begun
        with another plan, as far as that is known.
        Raises OutputError where it holds something else, another run's settings or versions, DiskError.
        """
        facts = {"format": FORMAT, "settings": settings, "versions": versions(), "plan": plan, "questions": rows}
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"'{self.path.name}' is a file.", "Name a folder with --out.")
        if self.path.is_dir() and self.facts() is None and set(os.listdir(self.path)) - _OURS:
            raise OutputError(f"The folder '{self.path.name}' holds something else.", "Name another folder with --out.")
        with written():
            while (begun := self._begun(facts, identities)) is None:  # another process begins at this moment
                time.sleep(0.05)
        return begun if any(begun) else None

    def _begun(self, facts: dict, identities: array | None) -> tuple[int, int] | None:
        """(new, no longer asked); None while another process holds the plan."""
        self._refuse(self.facts(), facts)
        with self.held("plan") as mine:
            if not mine:
                return None
            held, changed = self.facts(), (0, 0)
            self._refuse(held, facts)
            for folder in (self.path / _QUESTIONS, self.journal, self.working):
                folder.mkdir(parents=True, exist_ok=True)
            if held != facts:
                with self.scratch() as scratch:
                    if identities is not None:
                        changed = self._changed(identities)
                        self.write(self.journal / _ASKED, identities.tobytes(), scratch)
                    self.write(self.path / PLAN, json.dumps(facts, indent=2, sort_keys=True).encode() + b"\n", scratch)
        return changed

    def _changed(self, identities: array) -> tuple[int, int]:
        before = array("Q")
        try:
            before.frombytes((self.journal / _ASKED).read_bytes())
        except (OSError, ValueError):  # a run that has just begun, or of a version that kept none
            return 0, 0
        now, then = set(identities), set(before)
        return len(now - then), len(then - now)

    def _refuse(self, held: dict | None, facts: dict) -> None:
        for word in ("settings", "versions"):
            if held is not None and held.get(word) != facts[word]:
                raise OutputError(
                    f"The folder '{self.path.name}' holds a run with other {word} "
                    f"({_differing(held.get(word), facts[word])}).",
                    "Name another folder with --out, or ask as that run did.",
                )

    def facts(self) -> dict | None:
        """What ``plan.json`` says; None where there is none of ours."""
        try:
            facts = json.loads((self.path / PLAN).read_bytes())
            return facts if facts["format"] == FORMAT else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def question_path(self, key: str) -> Path:
        return self.path / _QUESTIONS / key[:2] / f"{key}.json"

    def found(self, start: str) -> str | None:
        """The key of the finished question that begins so; None without one, with several, and for what is no hash."""
        if set(start) - set(string.hexdigits):
            return None
        keys = [path.stem for path in (self.path / _QUESTIONS / start[:2]).glob(f"{start}*.json")]
        return keys[0] if len(keys) == 1 else None

    def question(self, key: str) -> dict | None:
        """The finished question; None where there is none, and for what is not whole."""
        try:
            found = json.loads(self.question_path(key).read_bytes())
            return found if found["format"] == QUESTION and found["key"] == key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_question(self, key: str, facts: dict, scratch: Path) -> None:
        """Whole or not at all. scratch: a folder of this process in ``working``. Raises DiskError."""
        with written():
            self.write(self.question_path(key), line({"format": QUESTION, "key": key} | facts), scratch)

    def write(self, path: Path, data: bytes, scratch: Path | None = None) -> None:
        """Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = (scratch or path.parent) / f".{path.name}.{os.getpid()}.part"
        try:
            with open(part, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise

    def scratch(self) -> PrivateFolder:
        """A folder of this process for what is being written; what killed ones left goes with it."""
        with written():
            self.working.mkdir(parents=True, exist_ok=True)
            return PrivateFolder("cohort-", self.working)

    def sweep(self) -> None:
        """Remove what killed processes left in ``working``; never what belongs to a living one."""
        with contextlib.suppress(OSError):
            self.scratch().remove()
            for path in sorted(self.working.glob("*.lock")):
                with self.held(path.name.removesuffix(".lock")):
                    pass

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Whether this process holds that word of the run now: False while another living one does."""
        self.working.mkdir(parents=True, exist_ok=True)
        path = self.working / f"{name}.lock"
        descriptor = hold(path)
        try:
            yield descriptor is not None
        finally:
            if descriptor is not None:
                let_go(descriptor, path)


@contextlib.contextmanager
def written() -> Iterator[None]:
    """The system's errors as a sentence."""
    try:
        yield
    except OSError as error:
        if isinstance(error, (DiskError, OutputError)):
            raise
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise DiskError(
            f"The run's folder cannot be written to: {error.strerror or type(error).__name__}.",
            ("Free some space there" if full else "Choose another place with --out")
            + "; what is finished stays, and the same command goes on with the rest.",
            errno=error.errno,
        ) from error


def versions() -> dict[str, str]:
    """Ours, and those whose change may change a number; without loading any of them."""
    return {"seghirescam": __version__} | _installed()


@cache
def _installed() -> dict[str, str]:
    """Looked for once a process: it stands in every question's key, and costs as much as all the rest of one."""
    from importlib import metadata

    return {name: metadata.version(name) for name in ("torch", "numpy", "scipy")}


def _differing(one, other) -> str:
    if not isinstance(one, dict):
        return "unreadable"
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    return ", ".join(f"{name}: {one.get(name)} there, {other.get(name)} now" for name in names)
