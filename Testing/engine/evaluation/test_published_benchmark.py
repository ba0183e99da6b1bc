"""The benchmark on published networks: bent heads, planted causes, numbers from the rows, one cell made again."""

import importlib.util
import json
import math
import os
import sys
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from benchmarks.known.store import read
from benchmarks.published import heads, networks, planted, summary, tables
from engine.published_networks import THERE
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "Testing" / "benchmarks" / "results" / "published"
DATA = Path(os.environ.get("SEGHIRESCAM_TEST_DATA", ""))
HIRES = "seg_hires_grad_cam"


def example():
    """examples/published_network.py as a module."""
    spec = importlib.util.spec_from_file_location("published_network", ROOT / "examples" / "published_network.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("absent", [("deepbet",), ("nilearn",), ("deepbet", "nilearn")])
def test_the_example_says_the_one_pip_line_and_writes_nothing(absent, monkeypatch, tmp_path):
    for name in example().NEEDED:
        if name in absent:
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("sys.path", list(sys.path))
    here = [name for name in example().NEEDED if importlib.util.find_spec(name) is None and name not in absent]
    if here:
        pytest.skip(f"{', '.join(here)} not installed either")
    with pytest.raises(SystemExit) as said:
        example().main(["--out", str(tmp_path / "out")])
    version = json.loads((RESULTS / "about.json").read_text(encoding="utf-8"))["versions"]["deepbet"]
    pips = [f"deepbet=={version}" if name == "deepbet" else name for name in absent]
    assert said.value.code == f"This example needs {', '.join(absent)}. Type: python -m pip install {' '.join(pips)}"
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def noise_head():
    array = np.random.default_rng(0).random((heads.SIZE,) * 3, dtype=np.float32)
    return heads.Head("noise", array, np.diag([-1.0, -1, 1, 1]), (128, 128, 128), 128)


def test_a_head_is_bent_as_its_field_says(noise_head):
    start, shape = (100, 40, 200), (6, 5, 4)
    found = heads.copy_of(noise_head, 1, start, shape)
    field, array = heads._field("noise", 1), noise_head.array.astype(np.float64)

    def linear(values, place):
        low = np.floor(place).astype(int)
        total = 0.0
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod([w if c else 1 - w for c, w in zip(corner, place - low, strict=True)])
            total += weight * values[tuple(low + corner)]
        return total

    for index in np.ndindex(shape):
        voxel = np.add(start, index).astype(float)
        # the field's first and last knots lie in the middles of the head's first and last voxels
        on_field = voxel * (field.shape[1] - 1) / (heads.SIZE - 1)
        move = [linear(field[axis], on_field) for axis in range(3)]
        assert np.linalg.norm(move) < 6 * heads.MOVE_MM
        assert found[index] == pytest.approx(linear(array, voxel + move), abs=1e-3)
    assert np.array_equal(heads.copy_of(noise_head, 0, start, shape), noise_head.array[100:106, 40:45, 200:204])
    assert np.abs(found - heads.copy_of(noise_head, 2, start, shape)).max() > 0.1


def test_the_field_moves_by_what_is_stated():
    assert heads._field("noise", 1).std() == pytest.approx(heads.MOVE_MM, rel=1e-4)


def toy(shape=(40, 42, 44), spacing=(1.0, 1.0, 1.0)):
    grid = Grid.from_spacing(shape, spacing, (-20.0, -20, -20))
    array = np.full((1, *shape), 0.5, dtype=np.float32)
    mask = networks.ball(grid, (0, 0, 0), 4.0)
    places = grid.ras(np.argwhere(np.ones(shape, dtype=bool)))
    right = (places[:, 0] > 2).reshape(shape)
    return networks.Case("toy", "t1", 3, None, Image(array, grid), PixelSet(mask, grid, "m"), 1, right, 0.0, 1.0, {})


def test_a_ball_holds_the_voxels_within_its_radius():
    tilt = np.array([[0.9, -0.3, 0, 1], [0.3, 0.8, 0.1, 2], [0, -0.2, 1.5, 3], [0, 0, 0, 1]])
    grid = Grid((7, 8, 9), tilt)
    middle = grid.ras((3, 4, 5)) + 0.2
    far = np.linalg.norm(grid.ras(np.argwhere(np.ones(grid.shape))) - middle, axis=1).reshape(grid.shape)
    assert np.array_equal(networks.ball(grid, middle, 2.5), far <= 2.5)


@pytest.mark.parametrize("cause, radius, value", [("bead", planted.BEAD_MM, 1.0), ("shift", planted.SHIFT_MM, 0.3)])
def test_a_ball_stands_beside_m_and_nothing_else_is_changed(cause, radius, value):
    case = toy()
    one = planted.planted(case, cause)
    new, old = one.having.image.array[0], case.image.array[0]
    assert one.lacking is case and np.array_equal(new != old, one.region)
    assert new[one.region] == pytest.approx(value)
    inside, m = np.argwhere(one.region), np.argwhere(case.pixels.weights > 0)
    gap = np.linalg.norm(inside[:, None] - m[None], axis=2).min()
    assert planted.NEAR <= gap <= planted.FAR + 1
    assert len(inside) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.1)
    assert np.array_equal(planted.planted(case, cause).region, one.region)


def test_the_right_half_is_taken_away_whole():
    case = toy()
    one = planted.planted(case, "hemisphere")
    assert one.having is case and np.array_equal(one.region, case.right)
    assert (one.lacking.image.array[0][case.right] == 0).all()
    assert np.array_equal(one.lacking.image.array[0][~case.right], case.image.array[0][~case.right])


def test_intervals():
    from scipy.stats import binomtest

    for hits, n in ((0, 4), (3, 7), (9, 9)):
        known = binomtest(hits, n).proportion_ci(method="wilson")
        assert summary.wilson(hits, n) == pytest.approx((known.low, known.high), abs=1e-6)
    assert summary.interval([2.0, 2.0, 2.0], "aab") == (2.0, 2.0)
    assert all(map(math.isnan, summary.interval([1.0, 3.0], "ab")))
    # two heads whose copies agree: half of all draws hold one head alone
    assert summary.interval([1.0, 1.0, 5.0, 5.0], "aabb") == (1.0, 5.0)
    low, high = summary.interval(list(range(100)), ["a"] * 100)
    # the median's order statistics: 50 -+ 1.96 * sqrt(100) / 2
    assert low == pytest.approx(39.5, abs=2) and high == pytest.approx(59.5, abs=2)


def test_the_committed_summary_and_tables_are_those_of_the_rows(tmp_path):
    for name in ("causes.csv", "checks.csv", "about.json"):
        (tmp_path / name).write_bytes((RESULTS / name).read_bytes())
    tables.write(tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_text(encoding="utf-8") == (RESULTS / path.name).read_text(encoding="utf-8"), path.name


def test_numbers_of_the_summary_by_hand():
    found = json.loads((RESULTS / "summary.json").read_text(encoding="utf-8"))
    rows = [row for row in read(RESULTS / "causes.csv") if row["share"] is not None]
    assert len(found["shown"]) > 300
    for line in found["shown"]:
        own = [
            r for r in rows if (r["cause"], r["layer"], r["method"]) == (line["cause"], line["layer"], line["method"])
        ]
        own = [r for r in own if line["network"] in (r["network"], "all")]
        assert line["n"] == len(own)
        assert line["lift"] == pytest.approx(median(r["share"] / r["chance"] for r in own))
        assert line["right"] == sum((r["signed"] > 0) == (r["effect"] > 0) and r["signed"] != 0 for r in own)
        if line["n"] < summary.FEWEST:
            assert line["lift_low"] is line["lift_high"] is None
        else:
            assert line["lift_low"] <= line["lift"] <= line["lift_high"]
        # only what moves the score is a cause
        assert min(abs(r["effect"]) for r in own) >= planted.LEAST_EFFECT


def test_what_the_pages_say_without_a_number():
    """README.md and docs/benchmarks/published.md, beside the numbers that tools/published_sentences.py writes."""
    found = json.loads((RESULTS / "summary.json").read_text(encoding="utf-8"))
    lift = {(r["cause"], r["layer"], r["method"]): r["lift"] for r in found["shown"] if r["network"] == "all"}
    assert max(lift["bead", "middle", HIRES], lift["bead", "-", "edges"]) < lift["bead", "early", HIRES]
    assert (
        max(lift["bead", "early", m] for m in tables.METHODS if ("bead", "early", m) in lift)
        == lift["bead", "early", HIRES]
    )
    assert lift["hemisphere", "early", HIRES] < 1
    checks = {(r["network"], r["check"], r["layer"], r["method"]): r for r in found["checks"]}
    for network in networks.ASKED:
        assert abs(checks[network, "randomised", "middle", HIRES]["median"]) < 0.1
        assert checks[network, "gap", "last", HIRES]["high"] < 1e-3
        if network != networks.DEEPBET:
            assert checks[network, "phantom", "middle", HIRES]["high"] < 1e-5
            assert checks[network, "full_grad", "-", "-"]["high"] < 1e-5
            assert checks[network, "block_dice", "-", "-"]["low"] > 0.9
    assert {(row["head"], row["network"]) for row in found["failed"]} == {
        ("tumour", network) for network in networks.ASKED if network != networks.DEEPBET
    }


@THERE
def test_one_cell_of_the_table_made_again(tmp_path):
    from scipy.ndimage import map_coordinates

    from benchmarks.published import maps
    from seghirescam.session.opening import open_session

    own = heads.head("t1", DATA)
    case = networks.case("meshnet_gwm", own, 0, DATA, tmp_path)
    one = planted.planted(case, "bead")
    effect = maps.mean_score(one.having) - maps.mean_score(case)
    (found,) = open_session(case.model, one.having.image, keep=False).ask(
        case.pixels, class_index=case.class_index, layers=[case.layers["middle"]]
    )
    # no stride: a cell is as large as a voxel, but stands where it reads, a fraction beside it, in the network's axes
    every = np.argwhere(np.ones(one.region.shape, dtype=bool))
    places = found.grid.kji(case.image.grid.ras(every)).T
    placed = map_coordinates(found.map.astype(np.float64), places, order=1, mode="nearest").reshape(one.region.shape)
    positive = np.maximum(np.sign(effect) * placed, 0)
    facts = {"network": "meshnet_gwm", "head": "t1", "copy": 0, "cause": "bead", "layer": "middle", "method": HIRES}
    (row,) = (r for r in read(RESULTS / "causes.csv") if facts.items() <= r.items())
    assert effect == pytest.approx(row["effect"], rel=2e-3)
    assert positive[one.region].sum() / positive.sum() == pytest.approx(row["share"], rel=2e-2)
    assert placed[one.region].sum() == pytest.approx(row["signed"], rel=2e-2)
