"""A run goes on where it ended, however it ended: finished questions stay, half-written ones never count."""

import json
import os
import shutil
import threading
import time

import pytest

from engine.cohort_cases import QUICK, cohort, left, network, patient, plan, run, small, table, tables
from engine.kills import every_step
from seghirescam.cohort.join import join
from seghirescam.cohort.journal import Entry, Journal
from seghirescam.cohort.plans.row import Row
from seghirescam.cohort.run_folder import RunFolder
from seghirescam.cohort.running import work
from seghirescam.cohort.running.here import Here
from seghirescam.cohort.running.run import Report
from seghirescam.cohort.running.times import Times
from seghirescam.cohort.settings import Settings
from seghirescam.protocol.arrays import DiskError
from seghirescam.protocol.writing.claims import OutputError


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    where = small(folder, 2, 2)
    run(where, folder / "run")
    return folder, where, tables(folder / "run")


def test_what_is_finished_is_never_computed_again(whole):
    folder, where, before = whole
    again = run(where, folder / "run")
    assert (again.computed, again.before, again.passes, again.loads) == (0, 8, 0, {})
    assert tables(folder / "run") == before


def test_a_stopped_run_goes_on_with_the_rest(whole, tmp_path):
    _, where, before = whole

    def stop(report):
        if report.computed >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(where, tmp_path / "run", tell=stop)
    assert not (tmp_path / "run" / "table.csv").exists() and left(tmp_path / "run") == []
    rest = run(where, tmp_path / "run")
    assert (rest.before, rest.computed) == (4, 4) and tables(tmp_path / "run") == before


def test_a_run_and_its_cases_can_be_moved_together(whole, tmp_path):
    folder, where, before = whole
    shutil.copytree(folder, tmp_path / "moved")  # copy2 keeps the times, as mv does
    moved = tmp_path / "moved"
    again = run(moved / where.name, moved / "run")
    assert again.computed == 0 and again.passes == 0 and tables(moved / "run") == before
    for path in moved.glob("*.nii.gz"):
        os.utime(path)  # another time: the content is looked at, and found
    again = run(moved / where.name, moved / "run")
    assert again.computed == 0 and again.passes == 0 and tables(moved / "run") == before


def test_a_changed_image_is_asked_anew_and_a_damaged_answer_does_not_count(whole, tmp_path):
    folder, where, before = whole
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    image = sorted(copy.glob("*0.nii.gz"))[0]
    image.write_bytes(sorted(copy.glob("*1.nii.gz"))[0].read_bytes())
    again = run(copy / where.name, copy / "run")
    # the image is the other case's now: its predictions have been asked about, its segment has not
    assert (again.computed, again.finished) == (2, 8) and tables(copy / "run") != before
    (path, *_) = sorted((copy / "run" / "questions").glob("*/*.json"))
    for text in (path.read_text()[:-40], "", json.dumps({"format": "seghirescam-question-1", "key": "another"})):
        path.write_text(text)
        assert RunFolder(copy / "run").question(path.stem) is None
    again = run(copy / where.name, copy / "run")
    assert again.computed <= 1


def test_parts_in_one_folder_and_in_folders_of_their_own_give_the_same_table(whole, tmp_path):
    _, where, before = whole
    first = run(where, tmp_path / "one", part=(1, 3))
    assert first.waiting > 0 and first.tables == {}
    for k in (2, 3):
        run(where, tmp_path / "one", part=(k, 3))
    assert tables(tmp_path / "one") == before
    folders = [tmp_path / f"part{k}" for k in (1, 2, 3)]
    counts = [run(where, folder, part=(k, 3)).computed for k, folder in enumerate(folders, start=1)]
    assert sum(counts) == 8 and max(counts) <= 4
    whole_run = cohort(where, tmp_path / "joined")
    whole_run.run.begin(whole_run.work.settings.to_json(), whole_run.plan.sha256, whole_run.plan.rows)
    assert join(whole_run.run, folders) == 8
    whole_run.write(report := Report())
    assert report.waiting == 0 and tables(tmp_path / "joined") == before
    assert run(where, tmp_path / "joined").computed == 0


def test_only_parts_of_one_cohort_share_a_folder(whole, tmp_path):
    folder, where, _ = whole
    with pytest.raises(OutputError, match="other settings .evaluate: none there, fast now."):
        run(where, folder / "run", Settings())
    row = {"images": next(folder.glob("*.nii.gz")).name, "model": "net0.model.json", "target": "organ"}
    other = plan(folder, [row], "other.csv")
    run(other, tmp_path / "other")
    mine = cohort(where, tmp_path / "mine")
    mine.run.begin(QUICK.to_json(), mine.plan.sha256, mine.plan.rows)
    with pytest.raises(OutputError, match="no part of this cohort: it has another plan"):
        join(mine.run, [tmp_path / "other"])
    with pytest.raises(OutputError, match="holds no cohort"):
        join(mine.run, [tmp_path])
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds something else"):
        run(where, tmp_path / "notes")


def test_two_runs_at_once_share_the_work_and_none_is_done_twice(whole, tmp_path, monkeypatch):
    _, where, before = whole
    reports, lock = [], threading.Lock()
    real = work._answered

    def slower(*words):
        time.sleep(0.05)
        with lock:  # torch's settings are the process's
            return real(*words)

    monkeypatch.setattr(work, "_answered", slower)
    threads = [threading.Thread(target=lambda: reports.append(run(where, tmp_path / "run"))) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sum(report.computed for report in reports) == 8 and len(reports) == 2
    assert all(report.finished == 8 for report in reports) and tables(tmp_path / "run") == before


def test_a_failure_is_a_row_stays_one_and_is_tried_again_on_request(tmp_path):
    network(tmp_path, "net")
    name = patient(tmp_path, 0)
    good = {"images": f"{name}.nii.gz", "model": "net.model.json", "target": "lesion"}
    (tmp_path / "bad.nii.gz").write_bytes(b"no image")
    where = plan(tmp_path, [
        good, good | {"images": "gone.nii.gz"}, good | {"images": "bad.nii.gz"}, good | {"target": "tumour"},
        good | {"model": "none.model.json"}, good | {"segment": f"{name}.seg.nrrd", "label": "Liver"},
    ])  # fmt: skip
    report = run(where, tmp_path / "run")
    assert (report.computed, report.failed, report.finished) == (1, 5, 1)
    failed = [line for line in table(tmp_path / "run") if line["status"] == "failed"]
    assert [(line["plan row"], line["error"]) for line in failed] == [
        ("2", "image"), ("3", "image"), ("4", "class"), ("5", "model"), ("6", "pixel_set"),
    ]  # fmt: skip
    assert name not in (tmp_path / "run" / "table.csv").read_text() and "gone" not in str(failed)
    assert failed[0]["sentence"] == "The image '<image>' is not there. Check the path."
    assert (run(where, tmp_path / "run").failed, run(where, tmp_path / "run").computed) == (5, 0)
    shutil.copy(tmp_path / f"{name}.nii.gz", tmp_path / "gone.nii.gz")
    again = run(where, tmp_path / "run", retry_failed=True)
    assert again.failed == 4 and again.finished == 2


def test_a_network_that_raises_fails_its_rows_and_no_others(tmp_path):
    network(tmp_path, "bad", forward="raise KeyError('/data/Jane Doe/secret')"), network(tmp_path, "good")
    name = patient(tmp_path, 0)
    row = {"images": f"{name}.nii.gz", "target": "lesion"}
    where = plan(tmp_path, [row | {"model": "bad.model.json"}, row | {"model": "good.model.json"}])
    report = run(where, tmp_path / "run")
    assert (report.failed, report.computed) == (1, 1)
    told = (tmp_path / "run" / "table.csv").read_text()
    assert "failed" in told and "Jane" not in told


def test_two_rows_of_the_same_content_are_one_question_with_both_groups(tmp_path):
    network(tmp_path, "net")
    name = patient(tmp_path, 0)
    shutil.copy(tmp_path / f"{name}.nii.gz", tmp_path / "copy.nii.gz")
    rows = [{"images": f"{name}.nii.gz", "group": "b"}, {"images": "copy.nii.gz", "group": "a"}]
    where = plan(tmp_path, [row | {"model": "net.model.json", "target": "lesion"} for row in rows])
    report = run(where, tmp_path / "run")
    (line,) = table(tmp_path / "run")
    assert line["group"] == "a|b" and (report.computed, report.finished) == (1, 2)
    assert [one["question"] for one in table(tmp_path / "run", "cases")] == [line["question"]] * 2


def test_a_full_disk_ends_the_run_in_one_sentence_and_the_next_goes_on(whole, tmp_path, monkeypatch):
    _, where, before = whole
    real, count = os.replace, [0]

    def full(source, target, **more):
        count[0] += str(target).endswith(".json") and "questions" in str(target)
        if count[0] == 3:
            raise OSError(28, "No space left on device")
        return real(source, target, **more)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DiskError, match="No space left on device. Free some space there; what is finished stays"):
        run(where, tmp_path / "run")
    monkeypatch.setattr(os, "replace", real)
    assert left(tmp_path / "run") == []
    assert run(where, tmp_path / "run").computed == 6 and tables(tmp_path / "run") == before


@pytest.mark.parametrize("name", ["table.csv", "by_label.csv", "cases.csv"])
def test_a_disk_that_is_full_when_the_tables_are_written_leaves_none_half(whole, tmp_path, monkeypatch, name):
    _, where, before = whole
    real = os.replace

    def full(source, target, **more):
        if str(target).endswith(name):
            raise OSError(28, "No space left on device")
        return real(source, target, **more)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DiskError, match="No space left on device. Free some space there; what is finished stays"):
        run(where, tmp_path / "run")
    monkeypatch.setattr(os, "replace", real)
    assert left(tmp_path / "run") == [] and not (tmp_path / "run" / name).exists()
    again = run(where, tmp_path / "run")
    assert (again.computed, again.before) == (0, 8) and tables(tmp_path / "run") == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_under_the_journal_or_the_times_is_told_too(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.begin({}, "plan", 1)
    journal, times = Journal(folder), Times(folder)
    done = work.Done(1, Row("a", ("t",), "m", "1"), "k", computed=True, hashes=("i", "m", "", ""))
    for one, note in (
        (journal, lambda: journal.note("r", Entry("k"))), (times, lambda: times.note(work.Outcome((done,)))),
    ):  # fmt: skip
        one._file = open("/dev/full", "a", encoding="utf-8")
        with pytest.raises(DiskError, match="No space left on device"):
            note()


def test_a_question_killed_at_any_step_is_whole_or_not_there(tmp_path):
    """Every change to the file system that writing one answer makes; then it is written again."""
    key, facts = "ab" + "0" * 62, {"lines": [{"score": 1.5}], "by_label": []}

    def write(place):
        run_folder = RunFolder(place)
        scratch = run_folder.scratch()
        run_folder.write_question(key, facts, scratch.path)
        scratch.remove()

    def check(place, killed):
        found = RunFolder(place).question(key)
        assert found is None or found["lines"] == facts["lines"]
        assert killed or found is not None
        write(place)
        assert RunFolder(place).question(key)["lines"] == facts["lines"] and left(place) == []

    assert every_step(tmp_path, write, check, lambda place: None) >= 4


def test_the_reference_engine_leaves_torch_as_it_was(whole, tmp_path):
    import torch

    _, where, _ = whole
    threads = torch.get_num_threads()
    run(where, tmp_path / "run", Settings(evaluate="none", threads=threads + 1))
    assert torch.get_num_threads() == threads and not work.STORE._kept and Here().workers == 1
