"""A metric is one file: what is registered is measured, and stands in the table that ``evaluate`` writes."""

import sys

import numpy as np
import pytest

from engine.cli_cases import run
from engine.evaluate_cases import asking, rows_of, toy
from seghirescam.evaluation.metrics import registry
from seghirescam.evaluation.metrics.registry import MAP, REGION, MapOnImage, metrics
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.value import Value

TOY = """
import numpy as np
from seghirescam.evaluation.metrics.registry import REGION, Metric, register
from seghirescam.protocol.value import Value

def cells(at):
    return Value.of(float(np.count_nonzero(at.density[at.region] > 0)), "voxels")

register(Metric("toy_positive_voxels", "Positive voxels inside", "voxels", REGION, cells))
"""


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """One file from elsewhere, imported; forgotten afterwards."""
    metrics()  # the shipped ones stay
    before = dict(registry.registered)
    (tmp_path / "toy_metric.py").write_text(TOY, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("toy_metric")
    yield
    registry.registered.clear()
    registry.registered.update(before)
    del sys.modules["toy_metric"]


def test_a_metric_from_one_file_stands_in_the_rows_of_every_region(outside, capsys, tmp_path):
    source, path, segment = toy(tmp_path / "case")
    more = ("--reference", f"{segment}:dot", "--quiet", "--out", tmp_path / "out")
    code, _, err = run(capsys, *asking(source, path, segment), *more)
    assert code == 0, err
    rows = [row for row in rows_of(tmp_path / "out" / "metrics.csv") if row["metric"] == "toy_positive_voxels"]
    assert [(row["reference"], row["group"], row["unit"]) for row in rows] == [
        ("pixel set", "where", "voxels"), ("dot", "where", "voxels"),
    ]  # fmt: skip
    assert 0 <= float(rows[1]["value"]) <= 1 and 0 < float(rows[0]["value"]) <= 27


def test_every_shipped_metric_answers_in_the_unit_it_declares():
    grid = Grid.from_spacing((6, 8, 10), (2.0, 1.0, 1.5))
    density = np.random.default_rng(0).uniform(0.1, 1, grid.shape)
    region = np.zeros(grid.shape, bool)
    region[1:4, 2:5, 3:6] = True
    seen = MapOnImage(density, grid, 1.0, region, None)
    names = {}
    for metric in metrics():
        assert metric.title and metric.needs in (MAP, REGION)
        for name, value in metric.rows(seen).items():
            assert isinstance(value, Value) and value.ok and value.unit == metric.unit, name
            assert names.setdefault(name, metric.key) == metric.key
            assert name.startswith(metric.key)
    assert [metric.key for metric in metrics(MAP)] == ["v50", "v90", "gini", "entropy"]
    assert list(names)[:6] == [
        "share", "share_within_2_mm", "share_within_5_mm", "share_within_10_mm", "share_within_20_mm",
        "share_within_area",
    ]  # fmt: skip
