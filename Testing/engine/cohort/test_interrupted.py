"""A network that ends the only process there is; a run that is killed at random moments; a plan that is another one."""

import os
import random
import subprocess
import sys
import time

import pytest

from engine.cohort_cases import left, network, patient, plan, run, small, table, tables
from seghirescam.cohort.run_folder import RunFolder
from seghirescam.cohort.running import interrupted

SENTENCE = "The process ended each of the 2 times it was given this question."


def started(where, out, *more):
    """The command as a user types it."""
    words = [sys.executable, "-m", "seghirescam", "cohort", where, "--out", out, "--evaluate", "none", "--consent"]
    return subprocess.Popen(
        [*map(str, words), "--workers", "1", *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def ended(where, out):
    """What a forked process that runs it ends with: a code, or minus a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with open(os.devnull, "w", encoding="utf-8") as nothing:
                os.dup2(nothing.fileno(), 2)
            run(where, out)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def rows_of(folder, *asked):
    """asked: (network, class), of one case."""
    name = patient(folder, 0)
    return [{"images": f"{name}.nii.gz", "model": f"{net}.model.json", "target": target} for net, target in asked]


@pytest.mark.parametrize("death, code", [
    ("os.abort()", -6), ("__import__('ctypes').string_at(0)", -11), ("os._exit(7)", 7),
])  # fmt: skip
def test_the_second_death_is_a_row_and_the_others_have_their_answers(tmp_path, death, code):
    network(tmp_path, "lives"), network(tmp_path, "dies", forward=death)
    asked = [("lives", "organ"), ("dies", "organ"), ("lives", "lesion")]
    where = plan(tmp_path, rows_of(tmp_path, *asked))
    out = tmp_path / "run"
    assert ended(where, out) == code and len(list((out / "working").glob("begun-*"))) == 1
    assert ended(where, out) == code and not (out / "table.csv").exists()
    report = run(where, out)
    assert (report.finished, report.failed, report.computed, report.passes) == (2, 1, 0, 0)
    (line,) = [line for line in table(out) if line["status"] == "failed"]
    assert (line["plan row"], line["error"]) == ("2", "process_ended") and line["sentence"].startswith(SENTENCE)
    assert len(line["model"]) > 0 and left(out) == []
    again = run(where, out)
    assert (again.failed, again.computed) == (1, 0)


def test_of_several_questions_of_a_case_only_the_one_that_kills_is_given_up(tmp_path):
    network(tmp_path, "net")
    dies = network(tmp_path, "dies", forward="""
        if os.path.exists("{}"): os.abort()""".format(tmp_path / "deadly").strip())  # fmt: skip
    name = patient(tmp_path, 0)
    row = {"images": f"{name}.nii.gz", "model": dies}
    where = plan(tmp_path, [row | {"target": one} for one in ("organ", "lesion")])
    out = tmp_path / "run"
    (tmp_path / "deadly").touch()
    assert ended(where, out) == -6  # both
    assert ended(where, out) == -6  # the first one by itself
    (tmp_path / "deadly").unlink()
    report = run(where, out)
    assert (report.finished, report.failed) == (1, 1) and report.failures[0][0] == 1 and left(out) == []
    again = run(where, out, retry_failed=True)
    assert (again.finished, again.failed, again.computed) == (2, 0, 1)
    run(where, tmp_path / "whole")
    assert tables(out) == tables(tmp_path / "whole")


def test_what_was_answered_before_its_process_ended_is_an_answer(tmp_path, monkeypatch):
    """Killed twice, the second time after the answer had been written and before anybody was told."""
    network(tmp_path, "net")
    where = plan(tmp_path, rows_of(tmp_path, ("net", "organ")))
    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(interrupted, "worked_on", lambda *words: os.abort())
        assert ended(where, out) == -6
    with monkeypatch.context() as patched:
        real = interrupted.worked_on
        patched.setattr(interrupted, "worked_on", lambda *words: (real(*words), os.abort()))
        assert ended(where, out) == -6
    (begun,) = (out / "working").glob("begun-*.json")
    assert begun.read_text().count('"times": 2') == 1
    report = run(where, out)
    assert (report.finished, report.failed, report.computed) == (1, 0, 0) and left(out) == []
    run(where, tmp_path / "whole")
    assert tables(out) == tables(tmp_path / "whole")


def test_stopped_in_an_orderly_way_counts_for_nothing_and_changed_files_begin_anew(tmp_path, monkeypatch):
    network(tmp_path, "net", forward="os.abort()")
    where = plan(tmp_path, rows_of(tmp_path, ("net", "organ"), ("net", "lesion")))
    out = tmp_path / "run"

    def stop(*words):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(interrupted, "worked_on", stop)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                run(where, out)
    assert left(out) == []
    assert ended(where, out) == -6
    with monkeypatch.context() as patched:
        patched.setattr(interrupted, "worked_on", stop)
        with pytest.raises(KeyboardInterrupt):
            run(where, out)
    (begun,) = (out / "working").glob("begun-*.json")
    assert begun.read_text().count('"times": 1') == 2
    network(tmp_path, "net", seed=1)  # another content, and one that lives
    report = run(where, out)
    assert (report.finished, report.failed) == (2, 0) and left(out) == []


def test_a_count_that_is_not_whole_is_none_and_that_of_a_job_somebody_holds_stays(tmp_path):
    network(tmp_path, "net")
    where = plan(tmp_path, rows_of(tmp_path, ("net", "organ")))
    out = tmp_path / "run"
    for n, text in enumerate(["", "[]", '{"a": 3}', '{"a": {"times": 2, "hashes": []}}', '{"a": {"times": "x"}}']):
        folder = out / str(n)
        run(where, folder)
        (folder / "working" / "begun-ab.json").write_text(text)
        assert run(where, folder).finished == 1 and left(folder) == []
    folder = RunFolder(out / "0")
    (folder.working / "begun-cd.json").write_text("{}")
    with folder.held("job-cd"):
        interrupted.forget(folder)
        assert (folder.working / "begun-cd.json").exists()
    interrupted.forget(folder)
    assert left(out / "0") == []


def test_another_plan_in_the_same_folder_is_told_by_how_many_questions(tmp_path):
    network(tmp_path, "net")
    rows = rows_of(tmp_path, ("net", "organ"), ("net", "lesion"), ("net", "background"))
    where, out, told = plan(tmp_path, rows[:2]), tmp_path / "run", []
    assert run(where, out, note=told.append).changed is None
    plan(tmp_path, [row | {"group": "a", "case": "b"} for row in reversed(rows[:2])])
    assert run(where, out, note=told.append).changed is None and told == []  # the same questions
    plan(tmp_path, [rows[1], rows[2]])
    report = run(where, out, note=told.append)
    assert report.changed == (1, 1) and (report.before, report.computed) == (1, 1)
    assert told == [
        "The plan is not the one that this run was last begun with: 1 questions are new, 1 of the run are no longer "
        "asked (answers stay in its folder; the table is of this plan)."
    ]
    assert sorted(line["class name"] for line in table(out)) == ["background", "lesion"]
    assert run(where, out, note=told.append).changed is None and len(told) == 1
    plan(tmp_path, rows)
    child = started(where, out)
    _, said = child.communicate(timeout=100)
    assert child.returncode == 0 and "1 questions are new, 0 of the run are no longer asked" in said
    assert len(list((out / "questions").glob("*/*.json"))) == 3


@pytest.mark.slow  # ten runs that are killed, each with its start of some seconds
def test_one_process_killed_at_ten_random_moments_gives_the_bytes_of_an_undisturbed_run(tmp_path):
    where = small(tmp_path / "plan", 10, 2)
    for n in range(2):
        network(tmp_path / "plan", f"net{n}", seed=n, forward="import time; time.sleep(0.25)")
    run(where, tmp_path / "whole")
    rng, out, finished, within = random.Random(0), tmp_path / "run", {}, 0
    for _ in range(10):
        child = started(where, out)
        more = rng.randrange(-1, 3)  # answers that it lives to see; -1: ended at a moment of its start
        while (
            more >= 0
            and child.poll() is None
            and not (
                list(out.glob("working/job-*.lock"))
                and len(list(out.glob("questions/*/*.json"))) >= len(finished) + more
            )
        ):
            time.sleep(0.02)
        time.sleep(rng.random() * 0.8)
        within += bool(list(out.glob("working/job-*.lock")))
        child.kill()
        child.communicate()
        now = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.glob("questions/*/*.json")}
        assert all(now[path] == state for path, state in finished.items())
        finished = now
    assert within >= 5 and 0 < len(finished) < 40
    report = run(where, out, retry_failed=True)  # what died twice in one place was given up
    assert (report.finished, report.failed, report.computed) == (40, 0, 40 - len(finished))
    assert tables(out) == tables(tmp_path / "whole") and left(out) == []
    now = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.glob("questions/*/*.json")}
    assert all(now[path] == state for path, state in finished.items()) and len(now) == 40
