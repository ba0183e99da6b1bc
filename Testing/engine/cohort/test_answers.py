"""The table's numbers against the verbs they come from, and closed forms; a question's answer in any company."""

import os
import subprocess
import sys

import numpy as np
import pytest

from engine.cohort_cases import GRID, QUICK, cohort, network, patient, plan, run, small, table, tables
from engine.volume_files import PATIENT
from seghirescam.cohort.settings import FAST, Settings
from seghirescam.evaluation.evaluate import evaluate
from seghirescam.evaluation.metrics.ground import Ground
from seghirescam.io.label_maps import read_labels
from seghirescam.io.volumes import read_volume
from seghirescam.models import open_model
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.recipes import PredictedClass
from seghirescam.session.explain import explain, predict


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    where = small(folder, 2, 2)
    report = run(where, folder / "run")
    return folder, where, report


def by_case(folder):
    """Lines by (case, model, pixel set), joined by cases.csv."""
    cases = {x["question"]: (x["case"], x["model"]) for x in table(folder / "run", "cases")}
    return {(*cases[x["question"]], x["pixel set"]): x for x in table(folder / "run")}


def test_every_line_is_what_explain_says_by_itself(ran):
    folder, _, report = ran
    assert (report.questions, report.computed, report.failed, report.passes) == (8, 8, 0, 4)
    found = by_case(folder)
    assert len(found) == 8
    for (case, source, kind), line in found.items():
        image = read_volume(folder / f"{case}.nii.gz")
        model = open_model(folder / source, consent=True)
        segment = read_labels(folder / f"{case}.seg.nrrd").pixel_set("lesion")
        sets = segment if kind == "segment" else PredictedClass()
        (one,) = explain(model, image, sets, class_index="lesion", layers="each")
        assert float(line["score"]) == one.score and float(line["total"]) == one.total
        assert (line["layer"], line["method"], line["status"]) == (one.layer.name, one.method, one.status)
        mask = segment.weights > 0 if kind == "segment" else predict(model, image, "lesion").weights > 0
        share = Ground.of(image).share(one.resampled_to(image.grid).array, mask)
        assert line["share inside"] == ("" if share.value is None else repr(share.value))
        assert line["share inside status"] == share.status
        assert share.chance is None or float(line["share inside chance"]) == share.chance
        assert float(line["size"]) == pytest.approx(np.count_nonzero(mask) * 3.0 / 1000, rel=1e-12)
        if kind == "segment":
            other = predict(model, image, "lesion").weights > 0
            dice = 2 * np.count_nonzero(mask & other) / (np.count_nonzero(mask) + np.count_nonzero(other))
            assert float(line["dice"]) == dice
            assert float(line["predicted size"]) == pytest.approx(np.count_nonzero(other) * 0.003, rel=1e-12)
        else:
            assert line["dice"] == "" and line["group"] == "predicted"


def test_evidence_by_label_is_a_table_of_its_own_and_its_shares_add_up(ran):
    folder, _, _ = ran
    lines = table(folder / "run", "by_label")
    assert {line["label"] for line in lines} == {"organ", "lesion", "elsewhere"}
    shares: dict[str, float] = {}
    for line in lines:
        if line["share status"] == "ok":
            shares[line["question"]] = shares.get(line["question"], 0) + float(line["share"])
    assert len(shares) >= 2 and all(share == pytest.approx(1) for share in shares.values())


def test_a_question_s_bytes_are_the_same_in_any_company(ran, tmp_path):
    folder, where, _ = ran
    lines = where.read_text().splitlines()
    for n in (1, 2):
        alone = folder / f"alone{n}.csv"
        alone.write_text("\n".join([lines[0], lines[n]]) + "\n")
        run(alone, tmp_path / f"r{n}")
        (key,) = (path for path in (tmp_path / f"r{n}" / "questions").glob("*/*.json"))
        assert key.read_bytes() == (folder / "run" / "questions" / key.parent.name / key.name).read_bytes()


def test_the_fast_tier_is_evaluate_s_in_any_company(ran, tmp_path):
    folder, where, _ = ran
    settings = Settings(evaluate=FAST, methods=("seg_hires_grad_cam", "seg_grad_cam"))
    lines = where.read_text().splitlines()
    both, alone = folder / "both.csv", folder / "one.csv"
    both.write_text("\n".join([lines[0], lines[1], lines[2]]) + "\n")
    alone.write_text("\n".join([lines[0], lines[2]]) + "\n")
    run(both, tmp_path / "both", settings), run(alone, tmp_path / "alone", settings)
    together = [line for line in table(tmp_path / "both") if line["pixel set"] == "predicted"]
    by_itself = table(tmp_path / "alone")
    assert len(by_itself) == 2
    for one, other in zip(together, by_itself, strict=True):
        assert all(one[name] == value for name, value in other.items())
    (case,) = {line["case"] for line in table(tmp_path / "alone", "cases")}
    image, model = read_volume(folder / f"{case}.nii.gz"), open_model(folder / "net0.model.json", consent=True)
    for line in by_itself:
        found = evaluate(model, image, class_index="lesion", method=line["method"], layer=line["layer"])
        for name in ("context_paint_over", "class_swap", "cancellation", "completeness_gap", "gini"):
            value = found.value(name)
            assert line[f"{name} status"] == value.status
            assert line[name] == ("" if value.value is None else repr(value.value)), name


def test_a_star_is_every_label_with_its_own_class_and_every_class(tmp_path):
    network(tmp_path, "net"), patient(tmp_path, 0)
    (name,) = (path.name for path in tmp_path.glob("*.seg.nrrd"))
    image = name.replace(".seg.nrrd", ".nii.gz")
    where = plan(tmp_path, [
        {"images": image, "segment": name, "label": "*", "model": "net.model.json"},
        {"images": image, "model": "net.model.json", "target": "*"},
    ])  # fmt: skip
    run(where, tmp_path / "run")
    lines = [(x["pixel set"], x["label"], x["class name"]) for x in table(tmp_path / "run")]
    expected = [("segment", "organ", "organ"), ("segment", "lesion", "lesion")]
    assert sorted(lines) == sorted([*expected, ("predicted", "", "organ"), ("predicted", "", "lesion")])


def test_what_is_not_predicted_is_a_status_and_no_failure(tmp_path):
    other = "y = self.up(torch.relu(self.down(x))); return y + 99 * torch.tensor([1., 0, 0]).view(1, 3, 1, 1, 1)"
    network(tmp_path, "net", forward=other)
    name = patient(tmp_path, 0)
    where = plan(tmp_path, [{"images": f"{name}.nii.gz", "model": "net.model.json", "target": "lesion"}])
    report = run(where, tmp_path / "run")
    (line,) = table(tmp_path / "run")
    assert (line["status"], line["score"], report.failed) == ("empty_target", "", 0)
    assert "no voxel" in line["reason"]


def test_a_slice_is_measured_in_square_millimetres_and_an_empty_dice_says_so():
    from seghirescam.cohort.running.measured import overlap, size_of

    mask = np.zeros((1, 4, 5), bool)
    mask[0, 1:3, 1:4] = True
    assert size_of("size", mask, Grid.from_spacing(mask.shape, (5.0, 0.5, 2.0)))["size"] == 6.0
    assert size_of("size", mask, Grid.from_spacing(mask.shape, (5.0, 0.5, 2.0)))["size unit"] == "mm2"
    photo = Grid(mask.shape, np.eye(4), space="pixels")
    assert (size_of("s", mask, photo)["s"], size_of("s", mask, photo)["s unit"]) == (6.0, "pixels")
    nothing = np.zeros(GRID.shape, bool)
    assert overlap(nothing, nothing, GRID)["dice status"] == "empty_reference"
    one, two = nothing.copy(), nothing.copy()
    one[0, 0, :4], two[0, 0, 2:8] = True, True
    assert overlap(one, two, GRID)["dice"] == 2 * 2 / (4 + 6)


def test_maps_are_written_where_they_are_asked_for(ran, tmp_path):
    folder, where, _ = ran
    report = run(where, tmp_path / "run", Settings(evaluate="none", maps=True))
    maps = sorted((tmp_path / "run" / "maps").glob("*/*.nrrd"))
    assert len(maps) == report.computed == 8 and tables(tmp_path / "run") == tables(folder / "run")
    line = next(x for x in table(tmp_path / "run") if maps[0].parent.name[24:40] == x["question"])
    assert read_volume(maps[0]).array.sum(dtype=np.float64) == pytest.approx(float(line["total"]), rel=1e-5)


def test_models_are_loaded_once_and_a_case_is_one_pass(ran):
    folder, where, report = ran
    assert list(report.loads.values()) == [2]
    job = cohort(where, folder / "run", QUICK).plan.jobs
    assert [len(one.rows) for one in job] == [2, 2, 2, 2] and [one.model for one in job][:2] == ["net0.model.json"] * 2


def test_no_name_of_a_file_or_case_leaves_cases_csv(ran):
    folder, _, _ = ran
    files = [path for path in (folder / "run").rglob("*") if path.is_file()]
    telling = {path.name for path in files if PATIENT.encode() in path.read_bytes()}
    assert telling == {"cases.csv"} and len(files) > 12
    assert not [path.name for path in files if path.name != "cases.csv" and str(folder).encode() in path.read_bytes()]
    assert (folder / "run" / "cases.csv").stat().st_mode & 0o077 == 0


#: a cohort runs in a process of its own: in the tests' one each collection of garbage walks thousands of tests' objects
_COST = """
import sys, time
from pathlib import Path
from engine.cohort_cases import run, small
folder = Path(sys.argv[1])
where = small(folder / "plan", 8, 2)
run(where, folder / "warm", part=(1, 16))
before = time.process_time()
computed = run(where, folder / "run").computed
print(computed, (time.process_time() - before) / computed)
"""


def test_beyond_its_passes_a_question_costs_less_than_a_third_of_a_second(tmp_path):
    """Seconds of CPU of everything: planning, reading, hashing, the passes of a tiny network, measuring, the table."""
    said = subprocess.run(
        [sys.executable, "-c", _COST, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    computed, seconds = said.stdout.split()
    assert int(computed) == 32 and float(seconds) < 0.3
