"""What several tests use lies in a module of its own, never in another test; and every file can be read in one go."""

import ast
from pathlib import Path

TESTING = Path(__file__).parents[2]
FILES = sorted(TESTING.rglob("*.py"))


def imported(tree):
    """Every module named in an import, wherever it stands; of ``from a import b`` both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def of_tests(tree):
    return [name for name in imported(tree) if any(part.startswith("test_") for part in name.split("."))]


def test_no_file_imports_from_a_test():
    found = {
        str(path.relative_to(TESTING)): names
        for path in FILES
        if (names := of_tests(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert len(FILES) > 200 and not found


def test_an_import_from_a_test_is_found_in_every_form():
    for text in (
        "from engine.cli.test_cli import run",
        "def f():\n    from .test_cli import run",
        "import engine.cli.test_cli as x",
        "from engine.cli import test_cli",
    ):
        assert of_tests(ast.parse(text)), text
    assert not of_tests(ast.parse("from engine.cli_cases import run; import pytest"))


def test_no_file_is_longer_than_400_lines():
    long = {p.name: n for p in FILES if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long
