"""``--grid``: on which voxels explain and compare write their maps, what the sidecar says of it, and asking again."""

import json

import numpy as np
import pytest

from engine.cli_cases import SEGMENTS, VOLUME, left, run
from seghirescam.cli.question_options import Asked
from seghirescam.cli.sidecars import read_results, read_sidecar
from seghirescam.demo.case import load_case
from seghirescam.io.volumes import read_volume

MODEL = ("demo:shortcut", "--image", VOLUME, "--segment", f"{SEGMENTS}:Lesion")
WHY = (*MODEL, "--class", "lesion", "--score", "contrast", "--rival", "look-alike")
LAYER = ("--layer", "encoder.4")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """{kind: folder} of one question."""
    from seghirescam.cli import main

    folders = {kind: tmp_path_factory.mktemp("grids") / kind for kind in ("input", "quarter", "layer")}
    for kind, folder in folders.items():
        assert main([str(word) for word in ("explain", *WHY, *LAYER, "--grid", kind, "--out", folder)]) == 0
    return folders


def the_only(folder):
    (stored,) = read_results(folder)
    return stored


def test_quarters_are_fewer_voxels_with_the_same_evidence(written):
    stored = {kind: the_only(folder) for kind, folder in written.items()}
    facts = {kind: one.facts for kind, one in stored.items()}
    image, _ = load_case()
    for kind, one in facts.items():
        assert one["file"]["kind"] == one["request"]["question"]["grid"] == kind
        file = read_volume(written[kind] / one["file"]["name"])
        assert list(file.grid.shape) == one["file"]["shape_kji"]
        assert np.abs(file.grid.ijk_to_ras - np.array(one["file"]["ijk_to_ras"])).max() < 1e-4  # NIfTI's float32
        volume = 1 if kind == "layer" else np.prod(file.grid.spacing_kji) / 1000
        held = file.array.sum(dtype=float) * volume
        assert held == pytest.approx(one["total"], abs=1e-5 * float(np.abs(file.array).sum() * volume))
        assert one["file"]["unit"] == ("logit" if kind == "layer" else "logit/ml")
    sizes = [np.prod(facts[kind]["file"]["shape_kji"]) for kind in ("layer", "quarter", "input")]
    assert sizes[0] < sizes[1] < sizes[2] and facts["input"]["file"]["shape_kji"] == list(image.grid.shape)
    # what is said of the map is counted on the image's voxels, whatever is written
    for key in ("evidence", "total", "score", "grid"):
        assert facts["input"][key] == facts["quarter"][key] == facts["layer"][key]


def test_asking_again_by_the_sidecar_gives_the_same_files(capsys, written, tmp_path):
    for kind, folder in written.items():
        sidecar = next(folder.glob("01_*.json"))
        code, _, err = run(capsys, "explain", *MODEL, "--repeat", sidecar, "--out", tmp_path / kind)
        assert code == 0, err
        assert left(tmp_path / kind) == left(folder)
        for path in folder.iterdir():
            assert (tmp_path / kind / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_figure_and_a_painting_read_them(capsys, written, tmp_path):
    image, _ = load_case()
    densities = {kind: the_only(folder).density_on(image.grid) for kind, folder in written.items()}
    fine, unit = densities["input"]
    for density, own in densities.values():
        assert own == unit == "logit/ml" and density.shape == image.grid.shape
        assert np.corrcoef(density.ravel(), fine.ravel())[0, 1] > 0.995
    code, _, err = run(capsys, "figure", written["quarter"], "--image", VOLUME, "--out", tmp_path / "f.png")
    assert code == 0, err


def test_compare_writes_them_too(capsys, tmp_path):
    words = (*WHY, "--method", "seg_hires_grad_cam", "--layer", "encoder.4", "--dpi", 40)
    tables = {}
    for kind in ("input", "quarter", "layer"):
        code, out, err = run(capsys, "compare", *words, "--grid", kind, "--json", "--out", tmp_path / kind)
        assert code == 0, err
        (cell,) = json.loads(out)["cells"]
        tables[kind] = {key: value for key, value in cell.items() if key != "seconds"}
        assert read_sidecar(next((tmp_path / kind / "maps").glob("01_*.json"))).facts["file"]["kind"] == kind
    assert tables["input"] == tables["quarter"] == tables["layer"]
    sidecar = next((tmp_path / "quarter" / "maps").glob("01_*.json"))
    code, _, err = run(capsys, "explain", *MODEL, "--repeat", sidecar, "--out", tmp_path / "again")
    assert code == 0, err
    (again,) = (tmp_path / "again").glob("01_*.nii.gz")
    assert again.read_bytes() == (tmp_path / "quarter" / "maps" / again.name).read_bytes()


def test_the_images_grid_has_the_same_name_as_in_python():
    assert Asked(class_name="lesion", pixel_sets=("segment",), grid="image").to_json()["grid"] == "input"


def test_a_grid_that_there_is_not_is_refused(capsys, tmp_path):
    code, _, err = run(capsys, "explain", *WHY, "--grid", "half", "--out", tmp_path / "o")
    assert code == 2 and "quarter" in err and not (tmp_path / "o").exists()
