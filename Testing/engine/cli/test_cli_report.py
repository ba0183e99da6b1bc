"""``seghirescam report`` of a cohort's run: its numbers are the table's, its order the rule's, its names nobody's."""

import csv
import json
import re
import shutil
import statistics
from urllib.parse import unquote

import pytest

from engine.cli_cases import left, run
from engine.cohort_cases import table
from engine.report_cases import GROUP, MARKUP, reported
from engine.report_pages import Page
from engine.volume_files import PATIENT
from seghirescam.cli.reports.run_answers import is_own

NUMBERS = {
    "Share inside": "share inside", "Completeness": "completeness", "Score": "score", "Size": "size", "Dice": "dice",
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return reported(tmp_path_factory.mktemp("reported") / "plan")


@pytest.fixture(scope="module")
def page(made):
    """The page within the run's folder."""
    from seghirescam.cli import main

    assert main(["report", str(made[1]), "--overwrite", "--quiet"]) == 0
    return Page(made[1] / "report.html")


def shown(name, value, unit):
    """As a reader must see it: shares in percent, three digits; all others with four and their unit."""
    if name in ("share inside", "completeness"):
        return f"{100 * value:.3g} %"
    return f"{value:.4g} {unit}".strip()


def key(row):
    """What tells a line of the table, in words that the page shows."""
    label = row["label"]
    return (
        row["image"] or f"row {row['plan row']}", row["model"],
        f"{row['pixel set']} '{label}'" if label else row["pixel set"] or "\u2013", row["layer"] or "\u2013",
    )  # fmt: skip


def model_of(line):
    """Its hash, beside its name or instead of it; "" of a question that failed before."""
    return "".join(re.findall("[0-9a-f]{12}", line["Model"].text))


def test_every_number_of_every_line_is_the_table_s(made, page):
    rows = {key(row): row for row in table(made[1])}
    lines = page.table("Every line").lines()
    assert len(lines) == len(rows) == len(table(made[1])) == 13
    compared = 0
    for line in lines:
        row = rows.pop((line["Case"].text, model_of(line), line["Pixel set"].text, line["Layer"].text))
        assert line["Status"].text == row["status"].replace("_", " ")
        for head, name in NUMBERS.items():
            cell = line[head]
            if not row[name]:
                assert cell.value is None and cell.text in ("\u2013", row[f"{name} status"].replace("_", " "))
                continue
            assert cell.value == float(row[name]) and cell.number == name
            assert cell.text.startswith(shown(name, float(row[name]), row[f"{name} unit"]))
            compared += 1
        if row["share inside lift"]:
            assert f"lift {float(row['share inside lift']):.3g}x" in line["Share inside"].text
    assert not rows and compared == sum(bool(row[name]) for row in table(made[1]) for name in NUMBERS.values()) > 50


def test_every_number_of_a_case_s_own_table_is_the_table_s(made, page):
    rows, compared = table(made[1]), 0
    for name in page.sections:
        if name == "case-unread":
            continue
        inner = page.table("Every number", name)
        of_case = [row for row in rows if row["image"] == name.removeprefix("case-")]
        assert len(inner.heads) == 1 + len(of_case) == 5
        for head, place in zip(inner.heads[1:], range(1, 5), strict=True):
            row = next(one for one in of_case if one["model"] in head and key(one)[2] in head)
            for cells in inner.rows:
                number = cells[0].text.replace(" ", "_")
                column = next(one for one in row if one.replace(" ", "_") == number)
                value = row[column]
                assert cells[place].value == (float(value) if value else None), (head, number)
                if value and row[f"{column} unit"]:
                    assert f" {row[f'{column} unit']}" in cells[place].text
                compared += bool(value)
    assert compared == sum(bool(row[one]) for row in rows for one in row if f"{one} unit" in row)


def test_evidence_by_label_is_that_of_the_other_table(made, page):
    with open(made[1] / "by_label.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for name in page.sections.keys() - {"case-unread"}:
        inner = page.table("Evidence by label", name)
        shares = sorted(
            float(row["share"]) for row in rows if row["image"] == name.removeprefix("case-") and row["share"]
        )
        found = sorted(cell.value for cells in inner.rows for cell in cells[1:] if cell.value is not None)
        assert found == shares and len(found) >= 4
        assert MARKUP in [cells[0].text for cells in inner.rows]


def test_the_summary_counts_and_takes_medians(made, page):
    groups = {}
    for row in table(made[1]):
        groups.setdefault((row["model"], key(row)[2]), []).append(row)
    lines = page.table("Summary").lines()
    assert len(lines) == len(groups) == 5
    for line in lines:
        rows = groups[model_of(line), line["Pixel set"].text]
        assert line["Lines"].value == len(rows)
        assert line["No answer"].value == sum(row["status"] != "ok" for row in rows)
        for head, name in (("Share inside, median", "share inside"), ("Lift, median", "share inside lift"),
                           ("Completeness, median", "completeness"), ("Dice, median", "dice")):  # fmt: skip
            values = [float(row[name]) for row in rows if row[name]]
            assert line[head].value == (statistics.median(values) if values else None)
            assert not values or f"n {len(values)}" in line[head].text


def slow_order(folder):
    """The printed rule, written the slow way: (gravest, lowest lift, lowest Dice, hash) of every case."""
    with open(folder / "by_label.csv", newline="", encoding="utf-8") as file:
        structures = list(csv.DictReader(file))
    cases = {}
    for row in table(folder):
        kinds, lift = {7}, float(row["share inside lift"] or "inf")
        if row["status"] == "failed":
            kinds.add(1)
        elif row["status"] != "ok":
            kinds.add(2)
        if row["verdict"] == "not supported by the model":
            kinds.add(3)
        same = ("image", "model", "question", "pixel set", "class", "layer", "method")
        for one in structures:
            if any(one[word] != row[word] for word in same) or one["map"] != row["label"] or not one["share lift"]:
                continue
            other = one["label"] not in (row["label"], row["class name"], "elsewhere")
            if other and float(one["share"]) >= 0.05 and float("inf") > lift < float(one["share lift"]):
                kinds.add(4)
        kinds |= {5} if lift < 1 else set()
        dice = float(row["dice"] or "inf")
        kinds |= {6} if dice < 0.5 else set()
        known = cases.setdefault(row["image"], [[], [], []])
        known[0] += kinds
        known[1].append(lift)
        known[2].append(dice)
    words = [(min(kinds), min(lifts), min(dices), name) for name, (kinds, lifts, dices) in cases.items()]
    return [f"case-{name or 'unread'}" for *_, name in sorted(words)]


def test_cases_stand_in_the_order_of_the_rule_that_is_printed(made, page):
    assert list(page.sections) == slow_order(made[1]) and next(iter(page.sections)) == "case-unread"
    assert "(1) a question failed" in page.text and "at least 5 %" in page.text
    assert len(page.odd["case-unread"]) == 1 and page.odd["case-unread"][0].startswith("Failed: The image '<image>'")


@pytest.mark.parametrize(
    ("structure", "label", "class_name", "own"),
    [
        ("Lesion", "Lesion", "lesion", True), ("LESION", "Lesion", "lesion", True), ("lesion", "", "Lesion", True),
        ("left_lesion", "Lesion", "lesion", False), ("label 2", "", "lesion", False), ("ruler", "Lesion", "", False),
    ],
)  # fmt: skip
def test_a_structure_that_is_the_pixel_set_is_not_elsewhere(structure, label, class_name, own):
    assert is_own(structure, label, class_name) == own


def test_so_many_cases_get_a_section_and_all_stand_in_the_table(made, tmp_path, capsys):
    code, _, err = run(capsys, "report", made[1], "--most", "2", "--out", tmp_path / "r.html")
    few = Page(tmp_path / "r.html")
    assert code == 0 and list(few.sections) == slow_order(made[1])[:2]
    assert "The first 2 of 4 by this rule" in few.text and len(few.table("Every line").rows) == 13
    assert "has no links to the files" in err


def test_a_page_asks_nobody_and_runs_nothing(page):
    assert not {"script", "iframe", "object", "embed", "base", "form"} & page.tags
    assert page.sources and all(one.startswith("data:image/png;base64,") for one in page.sources)
    assert "http:" not in page.text.replace("http-equiv", "") and "https:" not in page.text
    assert "default-src 'none'" in page.text and "url(" not in page.text and "@import" not in page.text
    assert "prefers-color-scheme: dark" in page.text and "@media print" in page.text


def test_what_others_named_is_text(made, page):
    assert MARKUP not in page.text and GROUP not in page.text and "<script" not in page.text
    assert any(line["Group"].text == GROUP for line in page.table("Summary").lines())


def test_links_lead_to_the_files_and_within_the_page(made, page):
    files = [one for one in page.links if not one.startswith("#")]
    assert len(files) == 24 and all((made[1] / unquote(one)).is_file() for one in files)
    inner = [one[1:] for one in page.links if one.startswith("#")]
    assert inner and set(inner) <= set(page.ids) and len(page.ids) == len(set(page.ids))


def test_no_name_is_in_a_page_unless_names_are_asked_for(made, page, tmp_path, capsys):
    planted = re.compile("zebra|quagga", re.IGNORECASE)
    assert not planted.search(page.text) and str(made[1].parent) not in page.text
    place = tmp_path / f"of {PATIENT}"
    shutil.copytree(made[1], place)
    code, out, _ = run(capsys, "report", place, "--out", tmp_path / "far.html", "--json")
    assert code == 0 and not planted.search((tmp_path / "far.html").read_text(encoding="utf-8") + out)
    assert not [one for one in Page(tmp_path / "far.html").links if not one.startswith("#")]
    assert run(capsys, "report", place, "--out", tmp_path / "named.html", "--names", "--images", made[0])[0] == 0
    named = Page(tmp_path / "named.html")
    assert "This report holds names" in named.text and f"{PATIENT}1" in named.text and f"{PATIENT} gone" in named.text
    files = [one for one in named.links if not one.startswith("#")]
    assert len(files) == 24 and all((tmp_path / unquote(one)).is_file() for one in files)


def test_the_same_run_gives_the_same_page_and_an_old_one_stays(made, tmp_path, capsys):
    words = ["report", made[1], "--most", "1", "--out", tmp_path / "a.html", "--quiet"]
    assert run(capsys, *words)[0] == 0
    first = (tmp_path / "a.html").read_bytes()
    code, _, err = run(capsys, *words)
    assert code == 2 and "exists already" in err
    assert run(capsys, *words, "--overwrite")[0] == 0 and (tmp_path / "a.html").read_bytes() == first
    assert left(tmp_path) == ["a.html"]


def test_an_image_is_drawn_only_where_it_is_the_one_that_was_asked_about(made, tmp_path, capsys):
    assert run(capsys, "report", made[1], "--images", made[0], "--out", tmp_path / "a.html")[0] == 0
    over = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Outline: the pixel set" in over and "No image was given" not in over
    other = tmp_path / "plan"
    shutil.copytree(made[0], other)
    images = sorted(other.glob("*.nii.gz"))
    shutil.copy(images[0], images[1])
    images[2].unlink()
    assert run(capsys, "report", made[1], "--images", other, "--out", tmp_path / "b.html")[0] == 0
    page = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert over.count("Outline: the pixel set") == 6 and page.count("Outline: the pixel set") == 2
    assert page.count("No image was given") == 8
    assert "not the one that was asked about" in page


def edited(folder, place, name, change):
    shutil.copytree(folder, place)
    (place / name).write_text(change((place / name).read_text(encoding="utf-8")), encoding="utf-8")
    return place


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (
            "table.csv",
            lambda text: text.replace("share inside", "elsewhere", 0).replace("image,", "picture,", 1),
            "is not as",
        ),
        ("table.csv", lambda text: text + "1,2\n", "is not as"),
        ("table.csv", lambda text: re.sub(r"logit,ok,0\.\d+", "logit,ok,many", text), "a text where a number belongs"),
        ("plan.json", lambda text: "{", "holds neither"),
    ],
)
def test_tables_of_somebody_else_are_refused_in_a_sentence(made, tmp_path, capsys, name, change, said):
    place = edited(made[1], tmp_path / "run", name, change)
    code, out, err = run(capsys, "report", place, "--out", tmp_path / "r.html")
    assert code == 2 and said in err and out == "" and left(tmp_path).count("r.html") == 0


def test_mistakes_are_told_before_anything_is_drawn(made, tmp_path, capsys, monkeypatch):
    place = shutil.copytree(made[1], tmp_path / "run")
    (place / "table.csv").unlink()
    (tmp_path / "empty").mkdir()
    out = ("--out", tmp_path / "r.html")
    for words, said in (
        ((tmp_path / "nothing", *out), "is not there"),
        ((tmp_path / "empty", *out), "holds neither"),
        ((place, *out), "has no table.csv yet"),
        ((made[1], "--out", tmp_path / "r.pdf"), "ends in none of .html"),
        ((made[1], *out, "--image", "demo:case"), "--image goes with one result"),
        ((made[1], *out, "--images", tmp_path / "nothing"), "is not there"),
        ((made[1], *out, "--most", "-1"), "below zero"),
    ):
        code, told, err = run(capsys, "report", *words)
        assert code == 2 and said in err and told == "", err
    (place / "cases.csv").unlink()
    shutil.copy(made[1] / "table.csv", place)
    assert "has no cases.csv" in run(capsys, "report", place, *out, "--names")[2]
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    code, _, err = run(capsys, "report", made[1], *out)
    assert code == 2 and 'pip install "seghirescam[report]"' in err
    assert not (tmp_path / "r.html").exists() and not (tmp_path / "r.pdf").exists()


def test_a_map_that_is_not_as_it_was_written_is_not_shown(made, page, tmp_path, capsys):
    place = shutil.copytree(made[1], tmp_path / "run")
    changed = sorted(place.glob("maps/*/*.nrrd"))[0]
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    assert run(capsys, "report", place, "--overwrite")[0] == 0
    assert len(Page(place / "report.html").sources) == len(page.sources) - 1


def test_words_of_the_table_cannot_lead_out_of_the_run(made, tmp_path, capsys):
    def change(text):
        lines = text.splitlines(keepends=True)
        question = lines[1].split(",")[4]
        return text.replace(question, "../../etc/*")

    place = edited(made[1], tmp_path / "run", "table.csv", change)
    assert run(capsys, "report", place, "--overwrite")[0] == 0
    page = Page(place / "report.html")
    assert all((place / unquote(one)).resolve().is_relative_to(place.resolve()) for one in page.links if one[0] != "#")


def many(folder, cases):
    """A run's folder with the tables of so many cases and two models, as :mod:`columns` names them."""
    from seghirescam.cohort.run_folder import RunFolder
    from seghirescam.cohort.settings import Settings
    from seghirescam.cohort.table.columns import BY_LABEL_FIRST, BY_LABEL_WORDS, FIRST, KEYS, WORDS, columns_of, plain
    from seghirescam.protocol.csv_text import write_rows

    RunFolder(folder).begin(Settings().to_json(), "0" * 64, 2 * cases)
    numbers = [column for name in FIRST for column in columns_of(name, name == "share inside")]
    words = {"label": "Lesion", "pixel set": "segment", "class": 1, "class name": "lesion", "layer": "encoder.2",
             "method": "seg_hires_grad_cam", "status": "ok"}  # fmt: skip

    def line(n, model):
        share = (n * 7919 + model) % 1000 / 1000
        keys = {"image": f"{n:012x}", "model": f"{model:012x}", "question": f"{n:08x}{model:08x}"}
        found = keys | words | plain("share inside", share, "", "") | plain("score", n / 7, "logit", "")
        return found | {"share inside chance": 0.1, "share inside lift": share / 0.1}

    write_rows(folder / "table.csv", [*KEYS, *WORDS, *numbers], (line(n, m) for n in range(cases) for m in range(2)))
    labels = [column for name in BY_LABEL_FIRST for column in columns_of(name, False)]
    write_rows(folder / "by_label.csv", [*KEYS, *BY_LABEL_WORDS, *labels], ())


@pytest.mark.slow
def test_the_page_of_two_thousand_cases_is_bounded(tmp_path, capsys):
    many(tmp_path / "run", 2000)
    code, out, err = run(capsys, "report", tmp_path / "run", "--json")
    assert code == 0, err
    page = Page(tmp_path / "run" / "report.html")
    assert len(page.sections) == 30 and list(page.sections) == slow_order(tmp_path / "run")[:30]
    assert len(page.table("Every line").rows) == 4000 and "The first 30 of 2000 by this rule" in page.text
    assert json.loads(out)["bytes"] == len(page.text.encode()) < 4_000_000
