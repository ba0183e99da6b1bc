"""The commands and lines of Python of a page, run in its order in a folder of its own.

Read by Sybil.  A ``bash`` block holds commands, a ``python`` block goes on where the one before ended, a ``text`` block
under ``<!-- printed -->`` holds lines that the last command printed.  A block under ``<!-- run by FILE -->`` is run by
that test, which must name the page.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from seghirescam.cli import main, parser

ROOT = Path(__file__).parents[2]
#: how the help's examples are typed -> the command
EXAMPLES = {tuple(shlex.split(one.EXAMPLE.replace("\\\n", " "))): one.__name__ for one in parser.COMMANDS}
#: commands that draw, mask out, predict again, or remove the context step by step
LONG = ("compare", "disagree", "paint", "causes", "flip", "evaluate")
_RUN_BY = re.compile(r"<!-- run by (\S+) -->\s*$")
_PRINTED = re.compile(r"<!-- printed -->\s*$")
#: a script of ours may take minutes: that it is there and knows these words is what is asked
_SCRIPTS = ("Testing/", "examples/")


def pages() -> list[Path]:
    """Every page a user reads that may hold commands."""
    return sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of its fenced blocks."""
    return re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def commands(text: str) -> list[list[str]]:
    """As a shell splits them: a line goes on behind a backslash, what follows a # is said."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


class Page:
    """One page being run. slow: commands whose example in the help has a slow test of its own, and is not run here."""

    def __init__(self, path: Path, capsys, slow: frozenset[str] = frozenset()):
        self.path, self.capsys, self.slow = path, capsys, slow
        self.printed = ""
        self.ran = 0

    def run(self) -> int:
        """Number of blocks run."""
        parsers = [
            PythonCodeBlockParser(),
            CodeBlockParser("bash", self._bash),
            CodeBlockParser("text", self._text),
        ]
        document = Sybil(parsers).parse(self.path)
        for example in document.examples():
            before = document.text[: example.start]
            elsewhere = _RUN_BY.search(before)
            if elsewhere:
                test = (ROOT / elsewhere[1]).read_text(encoding="utf-8")
                assert self.path.name in test, f"{elsewhere[1]} does not name {self.path.name}"
                continue
            example.evaluate()
            self.ran += 1
        return self.ran

    def _bash(self, example: Example) -> None:
        for words in commands(example.parsed):
            self._command(words)

    def _command(self, words: list[str]) -> None:
        if words[0] == "seghirescam":
            name = EXAMPLES.get(tuple(words), "").rpartition(".")[2]
            if name in self.slow:
                return
            self.capsys.readouterr()
            code = _code(words[1:])
            told = self.capsys.readouterr()
            assert code == 0, f"{shlex.join(words)}\n{told.err}\n{told.out[-2000:]}"
            self.printed = told.out
        elif words[:4] == ["python", "-m", "pip", "install"]:
            extras_there(words[4:])
        elif words[:2] == ["python3", "dev.py"]:
            with pytest.raises(SystemExit) as ended:
                dev().main([*words[2:], "--help"])
            assert ended.value.code == 0
            self.capsys.readouterr()
        elif words[0] in ("python", "python3") and words[1].startswith((*_SCRIPTS, "tools/")):
            script_there(words[1:])
        else:
            raise AssertionError(f"nobody knows how to try: {shlex.join(words)}")

    def _text(self, example: Example) -> None:
        if _PRINTED.search(example.document.text[: example.start]):
            there = [" ".join(line.split()) for line in self.printed.splitlines()]
            for line in example.parsed.splitlines():
                assert " ".join(line.split()) in there, f"not printed: {line}\n{self.printed}"


def _code(words: list[str]) -> int:
    try:
        return main(words)
    except SystemExit as ended:
        return int(ended.code or 0)


def extras_there(words: list[str]) -> None:
    """``.[a,b]``: the project knows these extras; any other word is a package by name."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for word in words:
        found = re.fullmatch(r"\.(?:\[([\w,]+)\])?", word)
        assert found, f"the package is installed from a clone: {word}"
        assert set((found[1] or "files").split(",")) <= set(known), word


@functools.cache
def dev():
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def script_there(words: list[str]) -> None:
    """The script exists, and where it takes options it understands these (its help is asked for with them)."""
    path = ROOT / words[0]
    start = path / "__main__.py" if path.is_dir() else path
    assert start.exists(), words[0]
    if "argparse" in start.read_text(encoding="utf-8"):
        asked = [sys.executable, str(path), *words[1:], "--help"]
        done = subprocess.run(asked, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr
