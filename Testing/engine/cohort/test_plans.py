"""Plans: rows as their columns say them, patterns, YAML products, and every mistake with its line."""

import time
import tracemalloc

import pytest

from seghirescam.cohort.plans.expanded import expanded, head
from seghirescam.cohort.plans.places import placed
from seghirescam.cohort.plans.row import COLUMNS, PlanError, Row

HEAD = "case,images,segment,label,model,target,rival\n"


def written(folder, text, name="plan.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def files(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_a_line_is_a_row_with_the_columns_it_names(tmp_path):
    plan = written(tmp_path, HEAD + "a,t1.nii|flair=t2.nii,seg.nrrd,Lesion,demo:honest,lesion,look-alike\n")
    row = Row("a", ("t1.nii", "flair=t2.nii"), "demo:honest", "lesion", "seg.nrrd", "Lesion", rival="look-alike")
    assert list(expanded(plan)) == [row]


@pytest.mark.parametrize("between", [";", "\t"])
def test_a_spreadsheet_s_separators_and_byte_order_mark_are_understood(tmp_path, between):
    text = "﻿" + HEAD.replace(",", between) + between.join(["a", "t.nii", "", "", "m", "1", ""]) + "\r\n\r\n"
    assert list(expanded(written(tmp_path, text))) == [Row("a", ("t.nii",), "m", "1")]


def test_a_pattern_without_a_case_is_one_row_a_file_and_its_star_goes_on(tmp_path):
    files(tmp_path, "ct/b_x.nii.gz", "ct/a.b_x.nii.gz", "ct/other.nii.gz")
    plan = written(tmp_path, HEAD + ",ct/*_x.nii.gz,seg/*.seg.nrrd,*,m,,\n*-1,ct/*_x.nii.gz,,,m,2,\n")
    found = list(expanded(plan))
    assert [(row.case, row.images, row.segment) for row in found] == [
        ("a.b_x", ("ct/a.b_x.nii.gz",), "seg/a.b.seg.nrrd"),
        ("b_x", ("ct/b_x.nii.gz",), "seg/b.seg.nrrd"),
        ("a.b-1", ("ct/a.b_x.nii.gz",), ""),
        ("b-1", ("ct/b_x.nii.gz",), ""),
    ]


def test_a_pattern_of_a_named_case_is_its_channels(tmp_path):
    files(tmp_path, "p_0001.nii", "p_0000.nii")
    (row,) = expanded(written(tmp_path, HEAD + "p,p_*.nii,,,m,1,\n"))
    assert row.images == ("p_0000.nii", "p_0001.nii")


def test_links_in_a_circle_are_no_more_files(tmp_path):
    files(tmp_path, "a/b/1.nii", "a/2.nii")
    for name in ("a/round", "a/b/again"):
        (tmp_path / name).symlink_to(tmp_path, target_is_directory=True)
    rows = expanded(written(tmp_path, HEAD + ",**/*.nii,,,m,1,\n"))
    assert [(row.case, row.images[0]) for row in rows] == [("2", "a/2.nii"), ("1", "a/b/1.nii")]
    rows = expanded(written(tmp_path, HEAD + f",{tmp_path}/a/**/*.nii,,,m,1,\n"))
    assert [row.images[0] for row in rows] == [f"{tmp_path}/a/2.nii", f"{tmp_path}/a/b/1.nii"]


def test_yaml_lists_are_all_their_combinations_and_its_head_the_settings(tmp_path):
    files(tmp_path, "ct/1.nii", "ct/2.nii")
    plan = written(
        tmp_path,
        """
settings: {evaluate: none}
defaults: {model: [m1, m2], target: [1, 2]}
rows:
  - {images: "ct/*.nii", segment: "seg/*.nrrd"}
  - {case: both, images: [a.nii, b.nii], model: m1, target: 1}
""",
        "plan.yaml",
    )
    found = [(row.case, row.images, row.segment, row.model, row.target) for row in expanded(plan)]
    products = [(n, (f"ct/{n}.nii",), f"seg/{n}.nrrd", m, t) for m in ("m1", "m2") for t in "12" for n in "12"]
    assert found == [*products, ("both", ("a.nii", "b.nii"), "", "m1", "1")]
    assert head(plan) == {"evaluate": "none"} and head(written(tmp_path, HEAD + "a,t,,,m,1,\n")) == {}


@pytest.mark.parametrize(
    "text, says",
    [
        ("case,model\n", "no column 'images'"),
        ("images,modell\n", "'modell'"),
        ("images,images\n", "twice"),
        (HEAD, "no question"),
        (HEAD + "a,,,,m,1,\n", "Line 2 of the plan: No image"),
        (HEAD + "a,t.nii,,,,1,\n", "Line 2 of the plan: No model"),
        (HEAD + "a,t.nii,,,m,,\n", "Line 2 of the plan: No class"),
        (HEAD + "a,t.nii,,Lesion,m,1,\n", "no segment"),
        (HEAD + ",none/*.nii,,,m,1,\n", "Line 2 of the plan: A pattern matches no file"),
        (HEAD + "a,t.nii,,,m,1,,too,many\n", "Line 2 of the plan: It has 9 cells"),
        (HEAD + 'a,"t.nii,,,m,1,\n', "no CSV"),
        (HEAD + "a,t.nii,,,m,1,\nb,u.nii,,,m,1,\nc,t.nii,,,m,1,\n", "Lines 2 and 4 of the plan ask the same"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(tmp_path, text, says):
    with pytest.raises(PlanError, match=says):
        list(expanded(written(tmp_path, text)))


@pytest.mark.parametrize(
    "text, says",
    [
        ("rows: 3", "no list 'rows'"),
        ("rows:\n - {images: *x}", "no YAML|aliases"),
        ("rows:\n - {images: a, model: m, target: 1}\n - {images: a, model: m, target: 1}", "Lines 2 and 3"),
        ("rows:\n - {images: a, model: m, target: 1, colour: red}", "Line 2 of the plan: There is no field 'colour'"),
        ("rows:\n - {images: a, model: m, target: 1.5}", "no text or whole number"),
    ],
)
def test_a_mistake_in_yaml_too(tmp_path, text, says):
    with pytest.raises(PlanError, match=says):
        list(expanded(written(tmp_path, text, "plan.yml")))


def test_bytes_that_are_no_text_and_a_plan_that_is_not_there(tmp_path):
    (tmp_path / "plan.csv").write_bytes(b"images,model,target\n\xff\xfe,m,1\n")
    with pytest.raises(PlanError, match="no UTF-8"):
        list(expanded(tmp_path / "plan.csv"))
    with pytest.raises(PlanError, match="cannot be read"):
        list(expanded(tmp_path / "none.csv"))


def test_rows_that_differ_in_name_only_ask_the_same():
    one, other = Row("a", ("t",), "m", "1", group="x"), Row("b", ("t",), "m", "1", group="y")
    assert one.identity == other.identity != Row("a", ("t",), "m", "2").identity
    assert set(COLUMNS) >= {"case", "reference_label", "group"}


def test_paths_lie_in_the_plan_s_folder_and_words_stay(tmp_path):
    files(tmp_path, "a=b.nii")
    assert placed("demo:honest", tmp_path) == "demo:honest"
    assert placed("x/t.nii", tmp_path) == str(tmp_path / "x/t.nii")
    assert placed("T1=t.nii", tmp_path) == f"T1={tmp_path / 't.nii'}"
    assert placed("a=b.nii", tmp_path) == str(tmp_path / "a=b.nii")
    assert placed("/abs/t.nii", tmp_path) == "/abs/t.nii"


def test_ten_thousand_rows_are_read_in_seconds_and_little_memory(tmp_path):
    lines = (f"case{n},ct/{n}.nii.gz,seg/{n}.seg.nrrd,1,demo:honest,lesion,\n" for n in range(10_000))
    plan = written(tmp_path, HEAD + "".join(lines))
    started = time.perf_counter()
    assert sum(1 for _ in expanded(plan)) == 10_000
    assert time.perf_counter() - started < 5
    tracemalloc.start()
    for _ in expanded(plan):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
