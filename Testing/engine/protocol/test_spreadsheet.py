"""CSV files for spreadsheets: a segment called like a formula stays a text."""

import csv

import pytest

from seghirescam.protocol.csv_text import cell, write_rows


def test_texts_that_look_like_formulas_are_escaped_and_numbers_are_not(tmp_path):
    names = ["=1+1", "+cmd", "-2", "@SUM(A1)", "\tx", "liver", "", "a=b", "a\rb"]
    assert [cell(name) for name in names] == ["'=1+1", "'+cmd", "'-2", "'@SUM(A1)", "'\tx", "liver", "", "a=b", "a b"]
    assert [cell(value) for value in (-2.5, None, 3, True)] == [-2.5, None, 3, True]
    rows = [{"name": "=HYPERLINK(1)", "share": -0.1}, {"name": "liver", "share": None}]
    write_rows(tmp_path / "t.csv", ("name", "share"), rows)
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["name", "share"], ["'=HYPERLINK(1)", "-0.1"], ["liver", ""]]
    with pytest.raises(ValueError):
        write_rows(tmp_path / "u.csv", ("name",), rows)
