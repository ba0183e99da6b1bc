"""New files beside others: all of them or none, nothing is replaced, wherever the writing ends."""

import os

import pytest

from engine.kills import every_step
from seghirescam.protocol.arrays import DiskError
from seghirescam.protocol.writing.claims import OutputError, sweep
from seghirescam.protocol.writing.new_files import refuse_existing, write_new

FILES = {"net.py": "def build():\n    ...\n", "net.model.toml": "# Gr\u00f6\u00dfe\n"}


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_all_are_there_as_they_were_given_and_in_a_folder_that_was_not(tmp_path):
    write_new(tmp_path / "a" / "b", FILES, "")
    assert left(tmp_path) == ["a"] and left(tmp_path / "a" / "b") == sorted(FILES)
    assert {name: (tmp_path / "a" / "b" / name).read_text(encoding="utf-8") for name in FILES} == FILES


@pytest.mark.parametrize("taken", FILES)
def test_where_one_name_is_taken_nothing_is_written_and_what_is_there_stays(tmp_path, taken):
    (tmp_path / taken).write_text("mine")
    with pytest.raises(OutputError, match=f"^'{taken}' exists already, and stays. Move it.$"):
        write_new(tmp_path, FILES, "Move it.")
    assert left(tmp_path) == [taken] and (tmp_path / taken).read_text() == "mine"
    (tmp_path / taken).unlink()
    (tmp_path / taken).symlink_to(tmp_path / "gone")  # a link that leads nowhere is there, too
    with pytest.raises(OutputError, match="exists already"):
        write_new(tmp_path, FILES, "Move it.")
    assert left(tmp_path) == [taken]


def test_a_folder_that_cannot_be_written_to_is_told_before_anything(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(OutputError, match="^Nothing can be written in the folder of 'net.py'. Copy it.$"):
        refuse_existing(tmp_path, FILES, "Copy it.")
    with pytest.raises(OutputError):
        write_new(tmp_path, FILES, "")
    assert left(tmp_path) == []


@pytest.mark.parametrize("nth", range(1, 4))
def test_a_disk_that_fills_up_at_any_rename_leaves_nothing(tmp_path, monkeypatch, nth):
    calls, real = [], os.rename

    def rename(source, target):
        calls.append(source)
        if len(calls) == nth:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr("os.rename", rename)
    if nth > len(FILES):
        write_new(tmp_path, FILES, "")
        assert left(tmp_path) == sorted(FILES)
        return
    with pytest.raises(DiskError, match="'net.model.toml' could not be written: No space left on device. Free some."):
        write_new(tmp_path, FILES, "Free some.")
    assert left(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_step_the_next_who_comes_finds_all_or_none(tmp_path):
    def check(place, killed):
        found = set(left(place))
        assert "net.model.toml" not in found or "net.py" in found  # the description is the last to come
        sweep(place)
        assert left(place) == (sorted(FILES) if left(place) or not killed else [])

    assert every_step(tmp_path, lambda place: write_new(place, FILES, ""), check, lambda place: None) > 8
