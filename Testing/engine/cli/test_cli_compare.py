"""``seghirescam compare``: explain()'s maps, a table with their numbers, a figure, the papers; whole or not at all."""

import contextlib
import csv
import io
import json
import re

import numpy as np
import pytest

from engine.cli_cases import SEGMENTS, VOLUME, left, run, toy
from engine.volume_files import PATIENT
from seghirescam import open_model
from seghirescam.cam.methods import method
from seghirescam.cli import main
from seghirescam.cli.manifest import read_manifest
from seghirescam.cli.sidecars import read_results
from seghirescam.comparison.compare import shown
from seghirescam.demo.case import load_case
from seghirescam.evaluation.metrics.body import body_of
from seghirescam.evaluation.metrics.shares import share
from seghirescam.io.volumes import read_volume
from seghirescam.session.explain import explain

QUESTION = ("--class", "lesion", "--score", "contrast", "--rival", "look-alike")
METHODS = ("seg_hires_grad_cam", "seg_grad_cam", "cam")
LAYERS = ("encoder.2", "encoder.4", "decoder.3")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The shortcut network on the demo case, 3 methods x 3 layers: (folder, what --json printed)."""
    folder = tmp_path_factory.mktemp("cli") / "compared"
    words = ("compare", "demo:shortcut", "--image", VOLUME, "--segment", f"{SEGMENTS}:Lesion", *QUESTION)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main(
            [*words, "--method", ",".join(METHODS), "--layer", ",".join(LAYERS), "--json", "--out", str(folder)]
        )
    assert code == 0
    return folder, json.loads(out.getvalue())


@pytest.fixture(scope="module")
def truth():
    """{(method, layer): explanation} of explain(), the image and the segment."""
    image, segments = load_case()
    model, words = open_model("demo:shortcut"), {"class_index": "lesion", "score": "contrast", "rival": "look-alike"}
    lesion = segments["Lesion"]
    found = explain(model, image, lesion, methods=list(METHODS[:2]), layers=list(LAYERS), **words)
    found += explain(model, image, lesion, methods="cam", layers="decoder.3", **words)
    return {(e.method, e.layer.name): e for e in found}, image, lesion


def rows_of(folder):
    with open(folder / "table.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_folder_holds_the_sheet_the_table_the_papers_and_every_map(compared):
    folder, told = compared
    maps = sorted(row["map"] for row in told["cells"] if row["map"])
    assert len(maps) == 7
    others = [
        "bibliography.bib",
        "caption.txt",
        "contact_sheet.pdf",
        "contact_sheet.png",
        "maps/pixel_set_1.nii.gz",
        "table.csv",
    ]
    assert all(name.startswith("maps/0") for name in maps)
    files = sorted(["run.json", *others, *maps, *(name.replace(".nii.gz", ".json") for name in maps)])
    assert left(folder) == sorted(["maps", *files]) and told["files"] == files
    run = read_manifest(folder)
    assert sorted(["run.json", *run.files]) == files and all(run.holds(folder, name) for name in run.files)
    assert len(read_results(folder / "maps")) == 7  # by itself, too
    assert (folder / "contact_sheet.png").read_bytes()[:4] == b"\x89PNG"
    assert (folder / "contact_sheet.pdf").read_bytes()[:4] == b"%PDF"


def test_the_maps_are_explain_s_bit_for_bit_unscaled_and_can_be_asked_for_again(compared, truth, capsys, tmp_path):
    folder, told = compared
    found, image, _ = truth
    for row in told["cells"]:
        if row["map"]:
            written = read_volume(folder / row["map"])
            expected = found[row["method"], row["layer"]].resampled_to(image.grid)
            assert np.array_equal(written.array[0], expected.array)
    stored = read_results(folder)
    assert len(stored) == 7
    for one in stored:
        asked = one.facts["request"]["question"]
        assert (asked["methods"], asked["layers"]) == ([one.facts["method"]], [one.facts["layer"]["name"]])
    name = next(row["map"] for row in told["cells"] if row["method"] == "seg_grad_cam" and row["map"])
    words = ("explain", "demo:shortcut", "--image", VOLUME, "--segment", f"{SEGMENTS}:Lesion")
    sidecar = folder / name.replace(".nii.gz", ".json")
    code, _, err = run(capsys, *words, "--repeat", sidecar, "--out", tmp_path / "again")
    assert code == 0, err
    (again,) = (tmp_path / "again").glob("01_*.nii.gz")
    assert np.array_equal(read_volume(again).array, read_volume(folder / name).array)


def test_the_table_s_numbers_are_the_maps_own(compared, truth):
    folder, told = compared
    found, image, lesion = truth
    mask, rows = lesion.weights > 0, rows_of(folder)
    assert [(r["method"], r["layer"]) for r in rows] == [(m, x) for m in METHODS for x in LAYERS]
    body = body_of(image)
    for row, cell in zip(rows, told["cells"], strict=True):
        explanation = found.get((row["method"], row["layer"]))
        if explanation is None:
            assert row["status"] == "refused" and row["total"] == row["inside"] == row["map"] == ""
            assert row["reason"].startswith(
                f"CAM needs a layer that feeds a linear 1x1 head, and '{row['layer']}' does"
            )
            continue
        density = explanation.resampled_to(image.grid).array
        assert float(row["total"]) == explanation.total and float(row["score"]) == explanation.score
        assert float(row["completeness"]) == explanation.completeness
        inside, even = share(density, mask), (mask & body).sum() / body.sum()
        assert float(row["inside"]) == cell["inside"] == pytest.approx(inside, rel=1e-12)
        assert float(row["chance"]) == pytest.approx(even, rel=1e-12) and row["chance_over"] == "body"
        assert float(row["lift"]) == pytest.approx(inside / even, rel=1e-12)
        assert float(row["mm_per_cell_k"]) == explanation.layer.mm_per_cell[0] and float(row["seconds"]) > 0
        assert int(row["cells_in_pass"]) == (6 if row["method"] != "cam" else 1)
        whole = shown(density, image.grid).sum(dtype=np.float64) * image.grid.voxel_ml
        assert whole == pytest.approx(1, abs=1e-5)


def test_the_papers_of_all_methods_shown_are_there(compared):
    text = (compared[0] / "bibliography.bib").read_text(encoding="utf-8")
    for name in METHODS:
        assert method(name).bibtex.strip() in text
    assert len(re.findall("^@", text, re.MULTILINE)) == 3
    caption = (compared[0] / "caption.txt").read_text(encoding="utf-8")
    assert "one logarithmic scale for all cells" in caption and "mm" in caption


def test_figure_draws_what_compare_wrote(compared, capsys, tmp_path):
    folder, _ = compared
    code, _, err = run(capsys, "figure", folder, "--image", VOLUME, "--out", tmp_path / "f.png")
    assert code == 0, err


def asking(source, path, segment):
    return ("compare", source, "--image", path, "--segment", segment, "--class", "organ", "--consent", "--dpi", 60)


def test_nothing_written_or_said_holds_a_patient_s_name_or_a_path(capsys, tmp_path):
    folder = tmp_path / PATIENT
    folder.mkdir()
    source, path, segment = toy(folder)
    words = asking(source, path, f"{segment}:organ")
    methods = ("--method", "seg_hires_grad_cam,cam", "--layer", "down")
    code, out, err = run(capsys, *words, *methods, "--out", folder / "out")
    assert code == 0, err
    import zlib

    for path in (folder / "out").rglob("*.*"):
        content = path.read_bytes()
        streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL) if path.suffix == ".pdf" else []
        for stream in streams:
            with contextlib.suppress(zlib.error):
                content += zlib.decompress(stream)
        for word in ("Zebra", "Quagga", str(tmp_path)):
            assert word.encode() not in content, path.name
    assert "Zebra" not in out + err and str(tmp_path) not in out + err


def test_all_methods_is_the_default_and_a_refusal_is_no_failure(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    words = (*asking(source, path, f"{segment}:1"), "--json")
    code, out, err = run(capsys, *words, "--layer", "down", "--out", tmp_path / "out")
    assert code == 0, err
    cells = {row["method"]: row for row in json.loads(out)["cells"]}
    from seghirescam.comparison.compare import all_methods

    assert set(cells) == set(all_methods())
    assert cells["cam"]["status"] == "refused" and cells["seg_hires_grad_cam"]["status"] == "ok"
    assert cells["saliency"]["layer"] == "input"
    assert all(row["reason"] for row in cells.values() if row["status"] == "refused")


def test_notes_name_their_cell_and_one_refused_method_takes_one_line(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    words = asking(source, path, f"{segment}:1")
    code, out, err = run(
        capsys, *words, "--method", "seg_eigen_cam", "--method", "cam", "--layer", "main", "--out", tmp_path / "out"
    )
    assert code == 0, err
    assert re.search(r"Note: Eigen-CAM at \S+( and \d+ more)?: Eigen-CAM looks at neither the class", err)
    assert len([line for line in out.splitlines() if line.startswith("Refused, CAM: CAM needs a layer")]) == 1


def test_what_cannot_be_is_refused_with_code_2_before_the_model_is_opened_and_nothing_is_written(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    words = ("compare", source, "--image", path, "--segment", f"{segment}:1", "--consent", "--out", tmp_path / "out")
    before = left(tmp_path)
    for more, sentence in (
        (("--class", "organ", "--method", "magic"), "There is no method 'magic'"),
        (("--class", "organ", "--method", "all", "--method", "cam"), "The word 'all' stands alone"),
        (("--class", "organ", "--method", "cam,cam"), "The method 'cam' is named twice"),
        (("--class", "organ", "--layer", "down", "--layer", "down"), "The layer 'down' is named twice"),
        (("--class", "organ", "--layer", "main", "--layer", "down"), "stand alone"),
        (("--class", "tumour"), "The model has no class 'tumour'"),
        ((), "No class was named"),
        (("--class", "organ", "--share", "0"), "between 0 and 1"),
        (("--class", "organ", "--score", "contrast"), "needs a rival class"),
    ):
        code, _, err = run(capsys, *words, *more)
        assert code == 2 and sentence in err, (more, err)
        assert left(tmp_path) == before, more  # the canary, too
    code, _, err = run(capsys, *words, "--class", "organ", "--layer", "nowhere")
    assert code == 2 and "'nowhere' cannot be explained" in err
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone_unless_told(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    words = asking(source, path, f"{segment}:1")
    more = ("--method", "seg_grad_cam", "--layer", "down", "--out", tmp_path / "out")
    code, _, err = run(capsys, *words, *more)
    assert code == 2 and "is not empty" in err and left(tmp_path / "out") == ["mine.txt"]
    code, _, err = run(capsys, *words, *more, "--overwrite", "--dark", "--plane", "coronal")
    assert code == 0, err
    assert (tmp_path / "out" / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert "coronal slice" in (tmp_path / "out" / "caption.txt").read_text(encoding="utf-8")


def test_the_maps_of_a_former_run_go_with_it_and_other_files_among_them_stay(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    words, out = asking(source, path, f"{segment}:1"), tmp_path / "out"
    more = ("--method", "seg_grad_cam", "--layer", "down", "--out", out, "--overwrite")
    explained = ("explain", *words[1:-2], "--layer", "down", "--out", out, "--overwrite")
    maps = ["maps/01_down_seg_grad_cam.json", "maps/01_down_seg_grad_cam.nii.gz", "maps/pixel_set_1.nii.gz"]
    inside = lambda: [name for name in left(out) if name.startswith("maps")]  # noqa: E731
    assert run(capsys, *words, *more)[0] == run(capsys, *words, *more)[0] == 0 and inside() == ["maps", *maps]
    assert run(capsys, *explained)[0] == 0 and inside() == []
    assert run(capsys, *words, *more)[0] == 0
    (out / "maps" / "mine.txt").write_text("mine", encoding="utf-8")
    assert run(capsys, *explained)[0] == 0 and inside() == ["maps", "maps/mine.txt"]
    assert run(capsys, *words, *more)[0] == 0 and inside() == ["maps", *maps[:2], "maps/mine.txt", maps[2]]
    # a map that no run lists would mix with the new ones
    (out / "maps" / "02_down_seg_grad_cam.nii.gz").write_bytes(b"another run's")
    before = left(out)
    code, _, err = run(capsys, *words, *more)
    assert code == 2 and "holds 'maps/02_down_seg_grad_cam.nii.gz', which no run.json lists" in err
    assert left(out) == before


def test_a_manifest_that_names_a_file_outside_its_folder_is_none(tmp_path):
    for name in ("../x", "maps/../../x", "maps/../x", "/x", "a/b/c", "maps/", "run.json"):
        text = json.dumps({"format": "seghirescam-run-1", "command": "compare", "files": {name: "0"}})
        (tmp_path / "run.json").write_text(text, encoding="utf-8")
        assert read_manifest(tmp_path) is None, name
    (tmp_path / "run.json").write_text(text.replace("run.json", "maps/x"), encoding="utf-8")
    assert read_manifest(tmp_path).files == {"maps/x": "0"}
