"""A result folder belongs to one run: whole or not at all, wherever the run is killed, and nobody joins another's."""

import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from engine.cli_cases import ENVIRONMENT, left
from engine.kills import every_step
from seghirescam.cli.manifest import read_manifest
from seghirescam.cli.outputs import claimed_file, claimed_folder, swept
from seghirescam.io.file_content import hash_of
from seghirescam.protocol.writing.claims import OutputError, claim, sweep

MODEL = SimpleNamespace(kind="demo", name="shortcut")


def write(out, overwrite=False, **files):
    """One run's result: {stem: text} as .txt files, and the model that made them as the text."""
    with claimed_folder(out, overwrite) as place, place.filled("explain", {"asked": sorted(files)}, MODEL) as folder:
        for name, text in files.items():
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def held(folder):
    """{name: text} without the manifest, checked against it; None where there is no whole run."""
    run = read_manifest(folder)
    if run is None:
        return None
    assert all(run.holds(folder, name) for name in run.files), "the manifest tells of other files"
    return {name: (folder / name).read_text(encoding="utf-8") for name in run.files}


def write_pair(path, text, overwrite=True):
    """A volume and its sidecar, which holds the volume's hash."""
    with claimed_file(path, overwrite, (".nii",)) as place, place.filled() as folder:
        (folder / path.name).write_text(text, encoding="utf-8")
        about = {"text": text, "sha256": hash_of(folder / path.name)}
        (folder / path.with_suffix(".json").name).write_text(json.dumps(about), encoding="utf-8")


def test_the_manifest_tells_the_question_the_model_and_every_file_and_no_path(tmp_path):
    write(tmp_path / "why", a="1", b="2")
    facts = json.loads((tmp_path / "why" / "run.json").read_text(encoding="utf-8"))
    assert facts["command"] == "explain" and facts["request"] == {"asked": ["a", "b"]}
    assert facts["model"] == {"kind": "demo", "name": "shortcut"} and facts["engine_version"]
    assert facts["files"] == {name: hash_of(tmp_path / "why" / name) for name in ("a.txt", "b.txt")}
    assert str(tmp_path) not in json.dumps(facts)
    assert left(tmp_path) == ["why", "why/a.txt", "why/b.txt", "why/run.json"]


def test_overwrite_replaces_the_whole_run_and_leaves_no_stale_file(tmp_path):
    write(tmp_path / "why", a="old", b="old", c="old")
    with pytest.raises(OutputError, match="not empty"):
        write(tmp_path / "why", a="new")
    write(tmp_path / "why", overwrite=True, a="new")
    assert held(tmp_path / "why") == {"a.txt": "new"} and left(tmp_path / "why") == ["a.txt", "run.json"]


def test_foreign_files_stay_beside_the_new_run_and_are_never_replaced(tmp_path):
    out = tmp_path / "why"
    write(out, a="old", b="old")
    (out / "thesis.txt").write_text("mine", encoding="utf-8")
    (out / "mine").mkdir()
    write(out, overwrite=True, a="new")
    assert left(out) == ["a.txt", "mine", "run.json", "thesis.txt"] and held(out) == {"a.txt": "new"}
    with pytest.raises(OutputError, match="holds a 'thesis.txt' of somebody else"):
        write(out, overwrite=True, thesis="ours")
    assert (out / "thesis.txt").read_text(encoding="utf-8") == "mine" and held(out) == {"a.txt": "new"}
    assert left(tmp_path) == ["why", *(f"why/{name}" for name in ("a.txt", "mine", "run.json", "thesis.txt"))]


@pytest.mark.parametrize(
    "name", ["01_encoder.2_seg_grad_cam.nii.gz", "pixel_set_1.nrrd", "result.json", "curves_2.png"]
)
def test_what_may_be_another_run_s_is_not_joined_even_with_overwrite(tmp_path, name):
    out = tmp_path / "why"
    out.mkdir()
    (out / name).write_text("of an earlier version", encoding="utf-8")
    with pytest.raises(OutputError, match="may be another run's"):
        write(out, overwrite=True, a="new")
    assert left(out) == [name]


def test_of_two_runs_at_once_one_gets_the_folder_and_the_other_a_sentence(tmp_path):
    out = tmp_path / "why"
    with claimed_folder(out, overwrite=False) as place:
        for other in (out, tmp_path / "here" / ".." / "why"):
            with pytest.raises(OutputError, match=r"Another run is writing to 'why'"):
                write(other, overwrite=True, a="second")
        write(tmp_path / "elsewhere", a="third")  # sweeps, and does not touch the living one
        with place.filled("explain", {}, MODEL) as folder:
            (folder / "a.txt").write_text("first", encoding="utf-8")
    assert held(out) == {"a.txt": "first"} and not list(tmp_path.glob(".seghirescam-*"))


def test_a_folder_that_may_not_change_places_is_filled_file_by_file(tmp_path, monkeypatch):
    out = tmp_path / "why"
    write(out, a="old", b="old")
    before = out.stat().st_ino
    monkeypatch.chdir(out)  # somebody stands in it
    write(out, overwrite=True, a="new")
    assert held(out) == {"a.txt": "new"} and left(out) == ["a.txt", "run.json"] and out.stat().st_ino == before
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.path.ismount", lambda path: os.fspath(path) == os.fspath(out))
    write(out, overwrite=True, b="newer")
    assert held(out) == {"b.txt": "newer"} and left(out) == ["b.txt", "run.json"] and out.stat().st_ino == before


def test_what_the_owner_arranged_for_the_folder_stays(tmp_path):
    out = tmp_path / "why"
    out.mkdir()
    out.chmod(0o2770)
    write(out, a="new")
    assert out.stat().st_mode & 0o7777 == 0o2770


# wherever it is killed


@pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL")
@pytest.mark.parametrize("kind", ["new", "replaced", "beside a foreign file"])
def test_a_run_killed_at_any_step_leaves_the_old_or_the_new_and_the_next_run_removes_the_rest(tmp_path, kind):
    old, new = {"a.txt": "old", "b.txt": "old"}, {"a.txt": "new", "c.txt": "new"}
    foreign = ["thesis.txt"] if kind == "beside a foreign file" else []

    def prepare(place):
        if kind != "new":
            write(place / "why", a="old", b="old")
        for name in foreign:
            (place / "why" / name).write_text("mine", encoding="utf-8")

    def check(place, killed):
        out = place / "why"
        at_once = held(out)  # asserts that no file stands under a manifest that tells of another
        assert at_once in (None, old, new)
        if at_once is None and not foreign:
            assert not out.exists(), "half a run"
        swept(out)
        found = held(out)
        assert found == new if not killed else found in ((None, new) if kind == "new" else (old, new))
        assert left(place) == sorted([*(["why"] if found else []), *(f"why/{name}" for name in
                                      [*(found or ()), *foreign, *(["run.json"] if found else [])])])  # fmt: skip

    steps = every_step(tmp_path, lambda place: write(place / "why", overwrite=True, a="new", c="new"), check, prepare)
    assert steps > 12


@pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL")
def test_a_volume_and_its_sidecar_never_mismatch_wherever_the_run_is_killed(tmp_path):
    def prepare(place):
        write_pair(place / "map.nii", "old")

    def check(place, killed):
        pair = place / "map.nii", place / "map.json"
        if all(path.exists() for path in pair):
            assert json.loads(pair[1].read_text())["sha256"] == hash_of(pair[0])
        swept(pair[0])
        assert json.loads(pair[1].read_text())["sha256"] == hash_of(pair[0])
        assert pair[0].read_text() in (("old", "new") if killed else ("new",)) and len(left(place)) == 2

    assert every_step(tmp_path, lambda place: write_pair(place / "map.nii", "new"), check, prepare) > 12


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_the_next_run_removes_what_a_killed_one_left_and_never_a_living_one_s(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from seghirescam.protocol.writing.claims import claim\n"
        "held = claim(Path(sys.argv[1]), Path(sys.argv[1]) / sys.argv[2]); held.prepare(); (held.new / 'x').touch()\n"
        "print('here', flush=True); time.sleep(600)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path, name], stdout=subprocess.PIPE, env=ENVIRONMENT)
        for name in ("dead", "living")
    ]
    assert all(child.stdout.readline() for child in running)
    running[0].kill()
    running[0].wait()
    before = left(tmp_path)
    assert len(before) == 8  # lock, working folder, "new" and a file, of both
    sweep(tmp_path)
    assert len(left(tmp_path)) == 4 and running[1].poll() is None
    running[1].send_signal(signal.SIGKILL)
    running[1].wait()
    write(tmp_path / "why", a="1")
    assert left(tmp_path) == ["why", "why/a.txt", "why/run.json"]
    for child in running:
        child.stdout.close()


def test_on_a_network_drive_another_computer_s_run_counts_as_living_for_a_day(tmp_path):
    held_one = claim(tmp_path, tmp_path / "why")
    os.close(held_one._descriptor)  # as if it had died
    held_one._lock.write_text(json.dumps({"pid": 1, "host": "another"}), encoding="utf-8")
    held_one.prepare()
    sweep(tmp_path)
    assert len(left(tmp_path)) == 3
    with pytest.raises(OutputError, match="If it ran on another computer"):
        write(tmp_path / "why", a="1")
    day_ago = time.time() - 86400 - 60
    os.utime(held_one._lock, (day_ago, day_ago))
    sweep(tmp_path)
    assert left(tmp_path) == []


def test_a_planted_lock_or_journal_moves_and_empties_nothing_of_the_user_s(tmp_path):
    """As an unpacked archive may bring them."""
    place, mine = tmp_path / "unpacked", tmp_path / "mine.txt"
    key = "0" * 16
    work = place / f".seghirescam-{key}"
    place.mkdir()
    mine.write_text("mine", encoding="utf-8")
    (place / f".seghirescam-{'1' * 16}.lock").symlink_to(mine)
    for moves in ([["new/x", "../planted.txt"]], [["../../mine.txt", "taken.txt"]]):
        (work / "new").mkdir(parents=True)
        (work / "new" / "x").write_text("planted", encoding="utf-8")
        (work / "forth.json").write_text(json.dumps({"moves": moves, "away": []}), encoding="utf-8")
        sweep(place)
    assert mine.read_text(encoding="utf-8") == "mine" and not (tmp_path / "planted.txt").exists()
    assert not (place / "taken.txt").exists()


def test_a_target_that_is_taken_meanwhile_is_told_and_left_as_it_is(tmp_path):
    with pytest.raises(OutputError, match="not empty"), claimed_folder(tmp_path / "why", False) as place:
        with place.filled("explain", {}, MODEL) as folder:
            (folder / "a.txt").write_text("ours", encoding="utf-8")
            (tmp_path / "why").mkdir()
            (tmp_path / "why" / "a.txt").write_text("somebody's", encoding="utf-8")
            (tmp_path / "why" / "run.json").write_text("{}", encoding="utf-8")
    assert (tmp_path / "why" / "a.txt").read_text(encoding="utf-8") == "somebody's"
    assert sorted(left(tmp_path)) == ["why", "why/a.txt", "why/run.json"]
