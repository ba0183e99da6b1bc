"""The table of faults names all of them, and only tests that are there and run."""

import ast
from functools import cache
from pathlib import Path

import pytest

from engine.fault_table import FAULTS
from engine.promise_table import PROMISES

TESTING = Path(__file__).parents[2]
ROWS = {**{str(number): row for number, row in FAULTS.items()}, **PROMISES}


@cache
def functions(file):
    """{name: decorators} of the test functions of a file, as text."""
    tree = ast.parse((TESTING / f"{file}.py").read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return {node.name: [ast.unparse(one) for one in node.decorator_list] for node in found}


def test_all_forty_eight_faults_and_eight_promises_are_listed():
    assert list(FAULTS) == list(range(1, 49)) and list(PROMISES) == [f"P{n}" for n in range(1, 9)]


@pytest.mark.parametrize("key", ROWS)
def test_every_row_names_tests_that_are_there_and_are_never_always_skipped(key):
    row = ROWS[key]
    assert row.fault and (row.tests or row.open), "neither a test nor why there is none"
    assert len(set(row.tests)) == len(row.tests)
    for name in row.tests:
        file, _, function = name.partition("::")
        known = functions(file)
        assert function in known, f"{name} is gone: name the test that answers this fault now"
        assert not any(one.startswith(("pytest.mark.skip(", "pytest.mark.xfail")) for one in known[function]), name


def test_what_is_open_is_what_is_known_to_be_open():
    """A row that opens is a decision, not an accident."""
    without = [key for key, row in ROWS.items() if not row.tests]
    partly = [key for key, row in ROWS.items() if row.tests and row.open]
    assert without == []
    assert partly == ["27", "33", "34", "35", "38", "P5"]
