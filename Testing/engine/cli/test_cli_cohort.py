"""``seghirescam cohort`` as it is typed: parts, dry run, joined parts, mistakes, and Ctrl-C."""

import json
import signal
import time

import pytest

from engine.cli_cases import process, run
from engine.cohort_cases import left, network, patient, small, table, tables
from seghirescam.cohort.part import others, part_of
from seghirescam.cohort.plans.row import PlanError
from seghirescam.cohort.run_folder import RunFolder
from seghirescam.cohort.running.times import took

SLURM = {"SLURM_ARRAY_TASK_ID": "12", "SLURM_ARRAY_TASK_MIN": "10", "SLURM_ARRAY_TASK_COUNT": "4"}


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    return small(tmp_path_factory.mktemp("small"), 2, 1)


def test_the_answer_says_what_was_done_and_the_second_time_nothing_is(where, tmp_path, capsys):
    words = ["cohort", where, "--out", tmp_path / "run", "--evaluate", "none", "--consent", "--json", "--quiet"]
    code, out, err = run(capsys, *words)
    told = json.loads(out)
    assert (code, told["answered"], told["computed"], told["failed"], err) == (0, 4, 4, 0, "")
    assert told["files"]["table.csv"] == 4 == len(table(tmp_path / "run"))
    assert told["model_openings"] == 1 and left(tmp_path / "run") == []
    told = json.loads(run(capsys, *words)[1])
    assert (told["answered"], told["computed"], told["before"]) == (4, 0, 4)


def test_parts_are_joined_by_the_command(where, tmp_path, capsys):
    words = ["cohort", where, "--evaluate", "none", "--consent"]
    code, out, err = run(capsys, *words, "--out", tmp_path / "p1", "--part", "1/2")
    assert code == 0 and "Start the other 1, too: --part 2/2" in err and "2 questions of the plan have no answer" in out
    run(capsys, *words, "--out", tmp_path / "p2", "--part", "2/2")
    code, out, err = run(capsys, *words, "--out", tmp_path / "all", "--join", tmp_path / "p1", tmp_path / "p2")
    assert code == 0 and "4 finished questions were joined" in err and len(table(tmp_path / "all")) == 4
    run(capsys, *words, "--out", tmp_path / "one")
    assert tables(tmp_path / "one") == tables(tmp_path / "all")


def test_slurm_s_arrays_tell_the_part_from_wherever_they_begin():
    assert part_of(None, SLURM) == (3, 4) and part_of("3/8", SLURM) == (3, 8) and part_of(None, {}) == (1, 1)
    assert part_of(None, SLURM | {"SLURM_ARRAY_TASK_STEP": "2"}) == (2, 4)
    assert others((3, 8)).startswith("This is part 3 of 8. Start the other 7, too: --part 1/8, 2/8, 4/8")
    assert others((1, 1)) == ""
    for text in ("0/3", "4/3", "3", "a/b"):
        with pytest.raises(PlanError, match="is no part"):
            part_of(text, {})
    with pytest.raises(PlanError, match="gaps"):
        part_of(None, SLURM | {"SLURM_ARRAY_TASK_ID": "15"})


def test_a_dry_run_counts_and_times_and_writes_nothing(where, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "cohort", where, "--dry-run", "--evaluate", "none", "--consent", "--json")
    told = json.loads(out)
    assert code == 0 and (told["cases"], told["models"], told["questions"]) == (2, 1, 4)
    # a forward pass a case, and a backward pass a question, which takes as long as two
    assert told["passes"] == 2 + 2 * 4 and told["absent_files"] == 0 and told["hours"] > 0
    assert told["gb"] == pytest.approx(sum(p.stat().st_size for p in where.parent.glob("*.nii.gz")) / 1e9, rel=0.6)
    assert list(tmp_path.iterdir()) == []
    out = run(capsys, "cohort", where, "--dry-run", "--consent")[1]
    assert "was timed here" in out and "2 cases, 1 models, 4 questions" in out


def test_settings_of_a_yaml_plan_give_way_to_the_command_s(tmp_path, capsys):
    network(tmp_path, "net")
    name = patient(tmp_path, 0)
    (tmp_path / "plan.yaml").write_text(
        "settings: {method: [seg_hires_grad_cam, seg_grad_cam], evaluate: none}\n"
        f"rows:\n  - {{images: {name}.nii.gz, model: net.model.json, target: [organ, lesion]}}\n"
    )
    words = ["cohort", tmp_path / "plan.yaml", "--consent", "--quiet", "--out"]
    assert run(capsys, *words, tmp_path / "a")[0] == 0 and len(table(tmp_path / "a")) == 4
    assert run(capsys, *words, tmp_path / "b", "--method", "seg_grad_cam")[0] == 0
    assert {line["method"] for line in table(tmp_path / "b")} == {"seg_grad_cam"}


@pytest.mark.parametrize(
    "words, says",
    [
        (["--out", "r", "--method", "grad"], "There is no method 'grad'"),
        (["--out", "r", "--score", "contrast"], "Question 1 of the plan: The contrast score needs a rival"),
        (["--out", "r", "--workers", "0"], "at least one worker"),
        (["--out", "r", "--part", "9/3"], "'9/3' is no part"),
        (["--out", "r", "--threads", "0"], "'threads' cannot be 0"),
        (["--out", "r", "--scheduler", "tcp://127.0.0.1:1"], "without TLS runs what anybody sends it"),
        (["--out", "r", "--scheduler", "tls://127.0.0.1:1"], "needs certificates"),
        (["--out", "r", "--device", "cuda:7"], "The device 'cuda:7' is not available"),
        ([], "No folder was named"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_made(where, tmp_path, capsys, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "cohort", where, "--evaluate", "none", *words)
    assert code in (2, 3) and says in err + (str(table(tmp_path / "r")) if code == 3 else "")
    assert code == 3 or list(tmp_path.iterdir()) == []


def test_without_consent_nothing_of_the_author_runs(where, tmp_path, capsys):
    code, out, _ = run(capsys, "cohort", where, "--evaluate", "none", "--out", tmp_path / "run")
    assert code == 3 and "Nothing was run" in out
    assert {line["error"] for line in table(tmp_path / "run")} == {"consent"}
    sha256 = table(tmp_path / "run")[0]["sentence"].split("--consent-sha256 ")[1].split()[0]
    words = ["cohort", where, "--evaluate", "none", "--out", tmp_path / "run", "--consent-sha256", sha256]
    assert run(capsys, *words, "--retry-failed")[0] == 0


@pytest.mark.slow  # two processes, each with torch
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_stop_in_seconds_and_the_same_command_goes_on(tmp_path, capsys, how):
    where = small(tmp_path / "plan", 6, 1)
    network(tmp_path / "plan", "net0", forward="import time; time.sleep(0.5)")
    words = ["cohort", where, "--out", tmp_path / "run", "--evaluate", "none", "--consent"]
    child = process(*words)
    while not list((tmp_path / "run" / "questions").glob("*/*.json")):
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(how)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130 and "the same command goes on" in err and "Nothing was written" not in err
    done = len(list((tmp_path / "run" / "questions").glob("*/*.json")))
    assert left(tmp_path / "run") == []
    told = json.loads(run(capsys, *words, "--json")[1])
    assert told["computed"] == 12 - done and told["answered"] == 12


def test_what_each_job_took_is_noted_beside_the_tables_and_tells_the_hours_of_the_rest(tmp_path, capsys):
    where = small(tmp_path / "plan", 3, 2)
    network(tmp_path / "plan", "net0", forward="import time; time.sleep(0.05)")
    out, words = tmp_path / "run", ["cohort", where, "--evaluate", "none", "--consent"]
    dry = [*words, "--dry-run", "--json", "--out", out]
    before = json.loads(run(capsys, *dry)[1])
    assert (before["questions"], before["answered"], before["seconds_per_question_so_far"]) == (12, 0, [None, None])
    run(capsys, *words, "--out", out, "--part", "1/3")
    noted = list(took(RunFolder(out)))
    # two of six jobs, the first of each model, of two questions and one pass each
    assert [(one.questions, one.passes) for one in noted] == [(2, 1), (2, 1)]
    assert {one.model for one in noted} == {line["model hash"] for line in table(out, "cases")} - {""}
    assert noted[0].seconds > 0.05 and all(one.seconds >= 0 < one.cpu_seconds for one in noted)
    # kept where no table is made of it, and not a second time for what is there
    run(capsys, *words, "--out", out, "--part", "1/3")
    assert list(took(RunFolder(out))) == noted
    told = json.loads(run(capsys, *dry)[1])
    by_hand = [one.seconds / 2 for one in noted]
    assert (told["questions"], told["answered"], told["cases"]) == (8, 4, 2)
    assert told["seconds_per_question_so_far"] == pytest.approx(by_hand)
    assert told["hours"] == pytest.approx(sum(4 * one for one in by_hand) / 3600)
    text = run(capsys, *[word for word in dry if word != "--json"])[1]
    assert text.startswith("4 questions of the run are answered, or failed; left are:\n2 cases, 2 models, 8 questions")
    assert "a question takes what the run's questions have taken so far" in text and "was timed here" not in text
    # another setting is another run: nothing is known of it
    other = json.loads(run(capsys, *dry, "--method", "seg_grad_cam")[1])
    assert (other["questions"], other["answered"], other["seconds_per_question_so_far"]) == (12, 0, [None, None])
    # parts that are joined bring theirs
    run(capsys, *words, "--out", tmp_path / "rest", "--part", "2/3")
    run(capsys, *words, "--out", tmp_path / "all", "--join", out, tmp_path / "rest")
    assert sum(one.questions for one in took(RunFolder(tmp_path / "all"))) == 8
    (line, *_) = (path := next((tmp_path / "all" / "journal").glob("*.times"))).read_text().splitlines()
    path.write_text(f"{line}\n{line[:20]}")  # cut short
    assert len(list(took(RunFolder(tmp_path / "all")))) in (3, 4)
