"""The demo's cases as a cohort give the numbers of its report: the commands of docs/how-to/cohorts.md, for one case."""

import pytest

from demo_training.cohort import NAMES, write, write_plan
from demo_training.measure import DILATION_MM, evidence
from demo_training.synthesis import REPORT_SEEDS, make_case
from engine.cohort_cases import table
from seghirescam.cli import main
from seghirescam.evaluation.metrics.shares import dilated, region_shares
from seghirescam.models import open_model


@pytest.mark.slow  # four passes of the demo's networks with their maps, twice
def test_one_case_of_the_cohort_is_the_report_s_case(tmp_path, capsys):
    pytest.importorskip("nilearn"), pytest.importorskip("yaml")
    seed = REPORT_SEEDS[0]
    write(seed, tmp_path / "cases")
    assert main(["cohort", str(write_plan(tmp_path / "cases")), "--out", str(tmp_path / "run"), "--quiet"]) == 0
    assert main(["stats", str(tmp_path / "run"), "--label", "marker", "--quiet"]) == 0
    models = {line["question"]: line["model"] for line in table(tmp_path / "run", "cases")}
    lines = {
        (models[x["question"]], x["method"], x["label"]): float(x["share"]) for x in table(tmp_path / "run", "by_label")
    }
    case = make_case(seed, ring=True, marker=True)
    regions = {name: case.region(name) for name in ("lesion", "marker")}
    for name in ("demo:honest", "demo:shortcut"):
        model, masks = open_model(name), {}
        rows = evidence(model, case.image, regions, layers=["encoder.2"], scores=["contrast"])
        for label in NAMES.values():
            masks[label] = dilated(case.region(label).weights >= 0.5, case.image.grid, DILATION_MM)
        assert {row.method for row, _ in rows} == {"seg_hires_grad_cam", "seg_grad_cam"}
        for row, found in rows:
            shares = region_shares(found.resampled_to(case.image.grid).array, masks)
            for label in NAMES.values():
                assert lines[name, row.method, label] == pytest.approx(shares[label], rel=1e-5, abs=1e-9)
                assert lines[name, row.method, label] == pytest.approx(getattr(row, label), abs=0.03)
        assert (name, "seg_layer_cam", "lesion") in lines
