"""The table's bytes, its Parquet twin, its memory, and cells that a spreadsheet would run."""

import csv
import time
import tracemalloc

import pytest

from seghirescam.cohort.journal import Entry
from seghirescam.cohort.plans.row import Row
from seghirescam.cohort.run_folder import RunFolder
from seghirescam.cohort.running.job import Plan
from seghirescam.cohort.settings import Settings
from seghirescam.cohort.table import write_table
from seghirescam.cohort.table.cases import write_cases
from seghirescam.cohort.table.columns import number, numbers_in
from seghirescam.cohort.table.write_table import Answered, Unanswered, write_tables
from seghirescam.protocol.value import NOT_MEASURED, Value

HASHES = ("a" * 64, "b" * 64, "c" * 64, "")


def written(folder, count, numbers=20):
    """A run with so many finished questions, written in no order."""
    run, found = RunFolder(folder), []
    run.begin({}, "plan", count)
    for n in range(count):
        key = f"{(n * 7919) % 10**6:064x}"
        line = {"class": 1, "method": "=cmd", "layer": "l"}
        for m in range(numbers):
            line |= number(f"n{m}", Value.of(n + m / 3, "mm", chance=0.1 if m % 2 else None))
        line |= number("late", Value.without(NOT_MEASURED, "Why.", "mm")) if n % 2 else {}
        with run.scratch() as scratch:
            run.write_question(key, {"lines": [line], "by_label": []}, scratch)
        found.append(Answered(key, HASHES, "g" if n % 2 else ""))
    return run, found


def test_lines_stand_in_the_order_of_their_keys_and_numbers_as_three_columns(tmp_path):
    run, answered = written(tmp_path / "run", 5, 2)
    failed = [
        Unanswered(9, ("", "", "", ""), "", "image", "It is not there."),
        Unanswered(3, HASHES, "g", "model", "No."),
    ]
    assert write_tables(run, answered, failed)["table.csv"] == 7
    before = (run.path / "table.csv").read_bytes()
    write_tables(run, answered[::-1], failed[::-1])
    assert (run.path / "table.csv").read_bytes() == before
    lines = list(csv.DictReader(before.decode().splitlines()))
    assert [line["question"] for line in lines[:5]] == sorted(one.key[24:40] for one in answered)
    assert [(line["plan row"], line["error"]) for line in lines[5:]] == [("3", "model"), ("9", "image")]
    assert {line["method"] for line in lines[:5]} == {"'=cmd"}
    one = next(line for line in lines if line["late status"])
    assert (one["late"], one["late unit"], one["late status"]) == ("", "mm", NOT_MEASURED)
    assert one["n1 chance"] == "0.1" and "n0 chance" not in one and numbers_in({"x": 1, "x unit": ""}) == ["x"]


def test_a_case_that_a_spreadsheet_would_run_is_text(tmp_path):
    run, _ = written(tmp_path / "run", 0)
    row = Row("=cmd|' /C calc'!A0", ("@t.nii",), "m", "1", group="+1")
    write_cases(run, [(1, row, None), (2, row, Entry("f" * 64, hashes=HASHES))])
    lines = list(csv.DictReader((run.path / "cases.csv").read_text().splitlines()))
    assert [(x["case"], x["images"], x["group"]) for x in lines] == [("'=cmd|' /C calc'!A0", "'@t.nii", "'+1")] * 2
    assert [x["state"] for x in lines] == ["waiting", "answered"]


def test_parquet_says_the_same(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    run, answered = written(tmp_path / "run", 4, 3)
    write_tables(run, answered, [])
    lines = list(csv.DictReader((run.path / "table.csv").read_text().splitlines()))
    for line, other in zip(lines, parquet.read_table(run.path / "table.parquet").to_pylist(), strict=True):
        assert list(line) == list(other)
        for name, text in line.items():
            value = "" if other[name] is None else other[name]
            assert text == (
                "'=cmd" if value == "=cmd" else str(value) if isinstance(value, (int, str)) else repr(value)
            )


def test_without_pyarrow_there_is_the_csv(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    run, answered = written(tmp_path / "run", 2, 1)
    assert set(write_tables(run, answered, [])) == {"table.csv", "by_label.csv"}


def test_a_long_table_is_streamed(tmp_path, monkeypatch):
    monkeypatch.setattr(write_table, "_pyarrow", lambda: None)
    peaks = []
    for count in (100, 800):
        run, answered = written(tmp_path / str(count), count)
        tracemalloc.start()
        write_tables(run, answered, [])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 200 * 700, peaks  # a list of keys, and no lines


def test_a_question_that_is_gone_is_no_short_table(tmp_path):
    run, answered = written(tmp_path / "run", 2, 1)
    run.question_path(answered[0].key).unlink()
    with pytest.raises(OSError):
        write_tables(run, answered, [])
    assert not (run.path / "table.csv").exists()


def test_ten_thousand_rows_become_jobs_in_seconds_and_little_memory():
    def rows():
        for n in range(10_000):
            yield Row(f"case{n}", (f"ct/{n}.nii.gz",), f"model{n % 5}", "lesion", f"seg/{n}.seg.nrrd", "1")

    before = time.process_time()
    plan = Plan.of(rows(), Settings().refuse)
    assert time.process_time() - before < 5 and plan.rows == plan.cases == 10_000 and len(plan.models) == 5
    assert [job.model for job in plan.jobs] == sorted(job.model for job in plan.jobs)
    parts = [Plan.of(rows(), part=(k, 3)) for k in (1, 2, 3)]
    assert sorted(n for part in parts for n, _ in part.questions) == list(range(1, 10_001))
    assert {part.sha256 for part in parts} == {plan.sha256}
    tracemalloc.start()
    Plan.of(rows(), Settings().refuse)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
