"""``seghirescam stats`` as it is typed: its files, its words, its figure's points, and mistakes."""

import csv
import json
import re
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from engine.cli_cases import left, run
from engine.stats_cases import digest, holm_by_hand, line, run_of, signed_rank
from engine.volume_files import PATIENT

pytest.importorskip("statsmodels")
METHODS, MODELS = ("hires", "grad"), ("demo:honest", "/data/anna/net")


def lines_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def numbers():
    return np.random.default_rng(11).uniform(size=(2, 2, 8))  # model, method, case


@pytest.fixture(scope="module")
def where(tmp_path_factory, numbers):
    lines = [
        line(f"{PATIENT}{n}", model, float(numbers[m, k, n] + m), method=method, of="score", unit="logit")
        for n in range(8) for m, model in enumerate(MODELS) for k, method in enumerate(METHODS)
    ]  # fmt: skip
    return run_of(tmp_path_factory.mktemp("stats") / "run", lines, failed=1).path


def test_table_pairs_and_text_hold_the_numbers_and_no_name(where, tmp_path, capsys, numbers):
    words = ["stats", where, "--of", "score", "--out", tmp_path / "out", "--name", "/data/anna/net=ours"]
    code, out, _ = run(capsys, *words)
    assert code == 0 and "Larger is not better" in out and "1 questions of the run failed" in out
    lines = lines_of(tmp_path / "out" / "stats.csv")
    assert [(x["by"], x["a name"], x["b name"], x["method"]) for x in lines] == [
        ("model", "honest network", "ours", method) for method in METHODS
    ]
    expected = [signed_rank(numbers[0, k] - numbers[1, k] - 1) for k in (0, 1)]
    assert [float(x["p"]) for x in lines] == pytest.approx([p for _, _, p in expected])
    assert [float(x["p holm"]) for x in lines] == pytest.approx(holm_by_hand([p for _, _, p in expected]))
    assert [float(x["rank biserial"]) for x in lines] == pytest.approx([(u - d) / (u + d) for u, d, _ in expected])
    for k, one in enumerate(lines):
        d = numbers[0, k] - numbers[1, k] - 1
        assert float(one["median difference"]) == pytest.approx(np.median(d))
        assert (one["unit"], one["pairs"], one["tests"], one["status"], one["p by"]) == (
            "logit",
            "8",
            "2",
            "ok",
            "exact",
        )
        pairs = [x for x in lines_of(tmp_path / "out" / "pairs.csv") if x["comparison"] == str(k + 1)]
        assert sorted(float(x["difference"]) for x in pairs) == pytest.approx(sorted(d))
        assert {x["image"] for x in pairs} == {digest(f"{PATIENT}{n}")[:12] for n in range(8)}
    assert left(tmp_path / "out") == ["pairs.csv", "pairs_1.png", "pairs_2.png", "run.json", "stats.csv", "text.txt"]
    for path in (tmp_path / "out").iterdir():
        assert PATIENT.encode() not in path.read_bytes() and b"anna" not in path.read_bytes()
    assert (tmp_path / "out" / "text.txt").read_text() in out
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run(capsys, *words)[0] == 2  # never over what is there
    code, out, _ = run(capsys, *words, "--overwrite", "--json")
    told = json.loads(out)
    assert code == 0 and told["comparisons"][0]["p"] == float(lines[0]["p"]) and told["failed_questions"] == 1
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_the_figure_joins_every_case_s_two_values(where, capsys, numbers, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, path, **words: (drawn.append(figure), open(path, "wb").close())
    )
    assert run(capsys, "stats", where, "--of", "score", "--by", "method", "--overwrite")[0] == 0
    assert (where / "stats" / "stats.csv").is_file()
    lines, differences = drawn[0].axes
    cases = [tuple(one.get_ydata()) for one in lines.lines if tuple(one.get_xdata()) == (0, 1)]
    assert np.allclose(sorted(cases), sorted(numbers[0].T.tolist()))
    middles = [one.get_ydata()[0] for one in lines.lines if tuple(one.get_xdata()) != (0, 1)]
    assert middles == pytest.approx([np.median(numbers[0, 0]), np.median(numbers[0, 1])])
    points = differences.collections[0].get_offsets()[:, 1]
    assert sorted(points) == pytest.approx(sorted(numbers[0, 0] - numbers[0, 1]))
    told = lines_of(where / "stats" / "stats.csv")[0]
    ends = next(one.get_ydata() for one in differences.lines if tuple(one.get_xdata()) == (0.42, 0.42))
    assert list(ends) == [float(told["interval low"]), float(told["interval high"])]
    assert [one.get_text() for one in lines.get_xticklabels()] == list(METHODS)
    assert lines.get_ylabel() == "score (logit)" and not any(axis.patches for axis in drawn[0].axes)  # no bars


@pytest.mark.parametrize(
    "words, says",
    [
        (["--of", "dice3"], "The table has no number 'dice3'. Numbers: score"),
        (["--by", "layer"], "The run has only one layer"),
        (["--of", "score", "--label", "marker"], "no number 'score'|No evidence was counted"),
        (["--of", "score", "--unit", "group"], "Not every case has a group"),
        (["--of", "score", "--name", "ours"], "'ours' gives no model a name"),
        (["--of", "score", "--name", "nobody=ours"], "There is no model 'nobody'"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(where, tmp_path, capsys, words, says):
    code, out, err = run(capsys, "stats", where, *words, "--out", tmp_path / "out")
    assert code == 2 and re.search(says, err) and not out and left(tmp_path) == []


def test_a_folder_that_is_no_run_and_a_run_without_its_table(tmp_path, capsys):
    code, _, err = run(capsys, "stats", tmp_path, "--out", tmp_path / "out")
    assert code == 2 and "holds no cohort's run" in err
    folder = run_of(tmp_path / "run", [line("c", model, 1.0) for model in "ab"]).path
    (folder / "table.csv").unlink()
    code, _, err = run(capsys, "stats", folder, "--out", tmp_path / "out")
    assert code == 2 and "has no table.csv yet" in err and not (tmp_path / "out").exists()
    (folder / "table.csv").write_bytes(b"\xff\xfe\x00")
    assert run(capsys, "stats", folder, "--out", tmp_path / "out")[0] == 2


def test_without_statsmodels_nothing_is_written(where, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.stats.multitest", None)
    code, _, err = run(capsys, "stats", where, "--of", "score", "--out", tmp_path / "out")
    assert code == 2 and "python -m pip install statsmodels" in err and left(tmp_path) == []
