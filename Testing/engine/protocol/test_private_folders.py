"""A private folder is there for whoever holds it, whatever others sweep at the same moment."""

import os

import pytest

from seghirescam.protocol.writing import locks
from seghirescam.protocol.writing.locks import hold_folder
from seghirescam.protocol.writing.private_folders import PrivateFolder

posix = pytest.mark.skipif(os.name == "nt", reason="folders are locked by a file in them there")


@posix
def test_a_folder_that_a_sweep_removed_before_the_lock_is_not_held(tmp_path, monkeypatch):
    """The sweep of another process comes between the opening and the lock."""
    folder, real = tmp_path / "mine", locks._lock
    folder.mkdir()

    def late(descriptor):
        folder.rmdir()
        return real(descriptor)

    monkeypatch.setattr(locks, "_lock", late)
    with pytest.raises(FileNotFoundError):
        hold_folder(folder)


@posix
def test_whoever_loses_it_so_gets_another_one(tmp_path, monkeypatch):
    real, lost = locks._lock, []

    def late(descriptor):
        if not lost:
            (found,) = tmp_path.iterdir()
            lost.append(found)
            found.rmdir()
        return real(descriptor)

    monkeypatch.setattr(locks, "_lock", late)
    with PrivateFolder("cohort-", tmp_path) as path:
        assert path.is_dir() and path != lost[0]
    assert list(tmp_path.iterdir()) == []
