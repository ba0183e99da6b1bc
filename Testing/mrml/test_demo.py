"""`python3 dev.py demo` as a whole: what it writes is read back in a fresh process, and says what it should."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import stage
from mrml.saved_files import readInAFreshProcess

ROOT = Path(stage.__file__).parents[2]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py"), "--out", str(folder), "--device", "cuda"],
        capture_output=True, text=True, timeout=540,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.mark.slow
def test_the_scene_of_the_demo_comes_back_with_both_overlays(demo, tmp_path):
    folder, _ = demo
    found, voxels = readInAFreshProcess(folder / "explanation.mrb", tmp_path)
    names = [name for name in found if name != "layers"]
    assert len(names) == 2 and all("Seg-HiRes-Grad CAM, lesion, encoder.1" in name for name in names)
    for name in names:
        kind = "honest" if "honest" in name else "shortcut"
        sidecar = json.loads((folder / f"overlay_{kind}.json").read_text())
        back = found[name]
        assert back["facts"]["provenance"] == sidecar["provenance"]
        assert back["facts"]["class_name"] == "lesion" and back["facts"]["side"] == "reading"
        assert (back["input"], back["segmentation"], back["share"]) == ("T1 brain", "Bodies", 0.8)
        assert np.abs(np.array(back["matrix"]) - sidecar["file"]["ijk_to_ras"]).max() < 1e-9
        values = voxels[name]
        assert values.sum(dtype=np.float64) == pytest.approx(sidecar["file"]["sum"], rel=1e-6)
        level = back["threshold"][1]
        positive = values[values > 0].astype(np.float64)
        assert values[values >= level].sum(dtype=np.float64) / positive.sum() == pytest.approx(0.8, abs=0.01)
        assert "lesion" in back["legend"][0] and "encoder.1" in back["legend"][0] and back["legend"][1]
        assert back["sibling"] and back["auto"] == [0, 0]
    assert all(layers[0] == "T1 brain" and "shortcut" in layers[1] for layers in found["layers"])


@pytest.mark.slow
def test_the_demo_prints_and_writes_where_the_evidence_is_and_what_painting_over_showed(demo):
    folder, said = demo
    rows = list(csv.DictReader((folder / "evidence.csv").open()))
    assert len(rows) == 2 * 9 * 2 * 2  # models, main layers, methods, scores
    for row in rows:
        if row["lesion"] != "nan":
            assert sum(float(row[k]) for k in ("lesion", "marker", "elsewhere")) == pytest.approx(1, abs=1e-6)
    painted = {
        (r["model"], r["painted"]): float(r["after"]) for r in csv.DictReader((folder / "interventions.csv").open())
    }
    assert painted["shortcut", "marker"] < 0 < painted["shortcut", "ring"]
    assert painted["honest", "ring"] < 0 < painted["honest", "marker"]
    for words in (
        "Where is the evidence?",
        "by chance the lesion would hold",
        "ring masked out",
        "honest_vs_shortcut.png",
    ):
        assert words in said
    assert (folder / "four_up.png").exists() or "No four_up.png" in said
