"""``seghirescam evaluate``: the engine's numbers as JSON and CSV, a figure, a cost told first; whole or nothing."""

import io
import json
import re
import signal
import time

import numpy as np
import pytest

from engine.cli_cases import factory, left, process, run
from engine.evaluate_cases import GRID, SHAPE, asking, rows_of, toy
from engine.volume_files import PATIENT
from seghirescam import open_model
from seghirescam.evaluation.evaluate import COLUMNS, evaluate_in
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import read_volume
from seghirescam.protocol.grid import Grid
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.opening import open_session

#: it lights up everywhere, so that there is an order of the context
METHOD = "seg_grad_cam"


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """The full tier with curves, labels and references: (folder of the case, folder of the result, --json, stderr)."""
    import contextlib

    from seghirescam.cli import main

    folder = tmp_path_factory.mktemp("cli")
    source, path, segment = toy(folder)
    more = ("--reference", f"{segment}:dot", "--reference", f"{segment}:nothing", "--labels", segment)
    words = (
        *asking(source, path, segment),
        *more,
        "--method",
        METHOD,
        "--full",
        "--curves",
        "--json",
        "--out",
        folder / "out",
    )
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    assert code == 0, err.getvalue()
    return folder, folder / "out", json.loads(out.getvalue()), err.getvalue()


def test_the_folder_holds_json_tables_and_the_figure_and_the_cost_was_told_first(evaluated):
    _, out, told, err = evaluated
    files = ["by_label.csv", "curves.csv", "curves.pdf", "curves.png", "evaluation.json", "metrics.csv", "run.json"]
    assert left(out) == files == told["files"]
    assert (out / "curves.png").read_bytes()[:4] == b"\x89PNG" and (out / "curves.pdf").read_bytes()[:4] == b"%PDF"
    assert re.search(
        r"this takes about 81 predictions and 14 explanations \(95 forward passes\), .* on this machine", err
    )
    kept = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert {key: told[key] for key in kept} == kept and kept["format"] == "seghirescam-evaluation-1"
    (one,) = kept["evaluations"]
    assert one["cost"]["took"]["forwards"] <= 95 and one["trust"]["tier"] == "full"
    assert kept["thresholds"] == {
        "orders": 5, "gain_sds": 2.0, "same": 0.5, "context_used": 0.1, "at_m": 0.5, "least_cells": 30,
        "same_map": 0.999, "related": 0.9, "evidence_removed": 0.5, "draws": 19, "least_sets": 20,
    }  # fmt: skip
    assert set(kept["versions"]) == {"seghirescam", "python", "torch", "numpy", "scipy"}


def test_the_request_holds_what_is_needed_to_ask_again_and_no_path(evaluated):
    folder, out, told, _ = evaluated
    request = told["request"]
    assert request["question"]["class_name"] == "lesion" and request["question"]["layers"] == ["down"]
    assert (request["tier"], request["curves"], request["seed"]) == ("full", True, 0)
    assert [r["name"] for r in request["references"]] == ["dot", "nothing"]
    hashes = [request["segment_sha256"], request["channels"][0]["sha256"], *request["labels_sha256"]]
    hashes += [r["sha256"] for r in request["references"]]
    assert all(re.fullmatch("[0-9a-f]{64}", h) for h in hashes)
    assert request["channels"][0]["sha256"] == read_volume(folder / f"{PATIENT}.nii.gz").content_hash
    for file in out.iterdir():
        content = file.read_bytes()
        assert b"Zebra" not in content and str(folder).encode() not in content, file.name


def test_the_table_s_numbers_are_the_engine_s(evaluated):
    folder, out, _, _ = evaluated
    rows = rows_of(out / "metrics.csv")
    assert tuple(rows[0]) == COLUMNS
    model = open_model(str(folder / "m" / "net.model.json"), consent=True)
    image = read_volume(folder / f"{PATIENT}.nii.gz")
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:4, 1:4, 1:4], labels[10, 10, 10] = 1, 2
    pixels = PixelSet(labels == 1, image.grid, "segment 'organ'")
    words = {"class_index": 2, "methods": [METHOD], "layers": ["down"]}
    names = {"pixel set": pixels, "dot": labels == 2, "nothing": labels == 3}
    with_labels = {"references": names, "labels": [(labels, {1: "organ", 2: "dot", 3: "nothing"})]}
    found = evaluate_in(open_session(model, image), pixels, words, **with_labels)
    by_key = {(row["metric"], row["reference"]): row for row in rows}
    compared = 0
    for row in found.rows:
        written = by_key[row.metric, row.reference]
        assert written["status"] == row.value.status
        if row.value.ok:
            assert float(written["value"]) == pytest.approx(row.value.value, rel=1e-5, abs=1e-9), row.metric
            compared += 1
    assert compared > 20
    for line, label in zip(rows_of(out / "by_label.csv"), found.labels, strict=True):
        assert line["label"] == label.name and line["status"] == label.share.status
        assert (line["share"] == "") == (label.share.value is None)
        if label.share.ok:
            assert float(line["share"]) == pytest.approx(label.share.value, rel=1e-5)


def test_an_empty_reference_is_no_hit_and_one_voxel_has_numbers(evaluated):
    rows = {(r["metric"], r["reference"]): r for r in rows_of(evaluated[1] / "metrics.csv")}
    for metric in ("share", "mean_distance", "pointing", "rank_share", "boundary_share", "share_within_5_mm"):
        empty = rows[metric, "nothing"]
        assert (empty["value"], empty["status"]) == ("", "empty_reference"), metric
        assert rows[metric, "dot"]["status"] == "ok", metric
    assert float(rows["share", "dot"]["chance"]) > 0 and rows["share", "dot"]["lift"] != ""
    labels = {r["label"]: r for r in rows_of(evaluated[1] / "by_label.csv")}
    assert list(labels) == ["organ", "dot", "nothing", "elsewhere"]
    assert labels["nothing"]["status"] == "empty_reference" and labels["nothing"]["share"] == ""


def test_the_curves_start_and_end_where_nothing_and_all_is_removed_and_hold_every_order(evaluated):
    rows = rows_of(evaluated[1] / "curves.csv")
    kinds = {(r["curve"], r["order"]) for r in rows}
    orders = ["by the map", *(f"random {n}" for n in range(1, 6))]
    assert kinds == {(curve, order) for curve in ("deletion", "insertion") for order in orders}
    ends = {
        curve: {(r["fraction"], r["logit"]) for r in rows if r["curve"] == curve and float(r["fraction"]) in (0, 1)}
        for curve in ("deletion", "insertion")
    }
    assert all(len(found) == 2 for found in ends.values())  # shared by all orders
    full = {curve: dict(found) for curve, found in ends.items()}
    assert full["deletion"]["0.0"] == full["insertion"]["1.0"]


def test_the_fast_tier_writes_two_files_judges_nothing_and_prints_a_table(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    code, out, err = run(capsys, *asking(source, path, segment), "--out", tmp_path / "out")
    assert code == 0, err
    assert left(tmp_path / "out") == ["evaluation.json", "metrics.csv", "run.json"]
    assert "this takes" not in err and "Numbers only: the full check judges by thresholds." in out
    assert re.search(r"share +pixel set +[\d.e-]+ +[\d.e-]+ +[\d.e+-]+x +ok", out)
    assert "Zebra" not in out + err and str(tmp_path) not in out + err


def test_several_methods_and_layers_stand_in_one_table(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    words = (*asking(source, path, segment)[:-4], "--layer", "main", "--device", "cpu")
    methods = ("--method", "seg_hires_grad_cam", "--method", "seg_grad_cam")
    code, _, err = run(capsys, *words, *methods, "--quiet", "--out", tmp_path / "out")
    assert code == 0, err
    rows = rows_of(tmp_path / "out" / "metrics.csv")
    pairs = list(dict.fromkeys((r["method"], r["layer"]) for r in rows))
    layers = list(dict.fromkeys(layer for _, layer in pairs))
    assert pairs == [(method, layer) for method in ("seg_hires_grad_cam", "seg_grad_cam") for layer in layers]
    assert {r["metric"] for r in rows if r["method"] == "seg_grad_cam"} >= {"phantom_mass"}
    assert "phantom_mass" not in {r["metric"] for r in rows if r["method"] == "seg_hires_grad_cam"}


def test_references_of_one_name_are_numbered_and_none_is_lost(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    labels = np.zeros(SHAPE, np.uint8)
    labels[8:12, 8:12, 8:12], labels[4:6, 4:6, 4:6] = 1, 2
    write_labels(tmp_path / "b.seg.nrrd", labels, GRID, {1: "organ", 2: "pixel set"})
    texts = [f"{segment}:organ", f"{tmp_path / 'b.seg.nrrd'}:organ", f"{tmp_path / 'b.seg.nrrd'}:pixel set"]
    words = [word for text in texts for word in ("--reference", text)]
    code, out, err = run(capsys, *asking(source, path, segment), *words, "--json", "--out", tmp_path / "out")
    assert code == 0, err
    assert [r["name"] for r in json.loads(out)["request"]["references"]] == ["organ", "organ 2", "pixel set 2"]
    rows = {r["reference"]: r["chance"] for r in rows_of(tmp_path / "out" / "metrics.csv") if r["metric"] == "share"}
    assert list(rows) == ["pixel set", "organ", "organ 2", "pixel set 2"]
    assert rows["pixel set"] == rows["organ"] and len(set(rows.values())) == 3


def test_the_cost_of_a_method_with_passes_of_its_own_counts_them(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    words = (*asking(source, path, segment), "--method", "seg_score_cam", "--full", "--json", "--out", tmp_path / "out")
    code, out, err = run(capsys, *words)
    assert code == 0, err
    stated = int(re.search(r"this takes about .* \((\d+) forward passes\)", err)[1])
    took = json.loads(out)["evaluations"][0]["cost"]["took"]["forwards"]
    # 13 explanations more, of a pass, the baseline and a mask for each channel that is not constant (of 4)
    assert 13 * 5 <= took <= stated


def test_a_map_of_zeros_and_one_that_is_not_finite_are_statuses_not_crashes(capsys, tmp_path):
    for name, forward, status in (
        ("zero", "x = x * 0 - 100; self.down.bias.data.zero_(); self.down.weight.data.abs_()", "zero_map"),
        ("inf", "self.up.weight.data.fill_(float('inf'))", "nonfinite"),
    ):
        source, path, segment = toy(tmp_path / name)
        source = factory(tmp_path / name / "other", forward=forward)
        code, _, err = run(capsys, *asking(source, path, segment), "--out", tmp_path / name / "out")
        assert code == 0, err
        rows = {(r["metric"], r["reference"]): r for r in rows_of(tmp_path / name / "out" / "metrics.csv")}
        for metric in (("share", "pixel set"), ("v50", ""), ("context_paint_over", "")):
            assert rows[metric]["status"] == status and rows[metric]["value"] == "", (name, metric)


def test_masks_on_another_grid_are_brought_to_the_image_s_and_refused_where_they_miss_it(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    fine = Grid.from_spacing((32, 32, 40), (1.0, 1.0, 1.0), (4.5, -3.5, 1.5))
    labels = np.zeros(fine.shape, np.uint8)
    labels[2:8, 2:8, 2:8] = 1
    write_labels(tmp_path / "fine.seg.nrrd", labels, fine, {1: "organ"})
    away = Grid.from_spacing((4, 4, 4), origin_ras=(900, 0, 0))
    write_labels(tmp_path / "away.seg.nrrd", np.ones(away.shape, np.uint8), away, {1: "far"})
    words = asking(source, path, segment)
    both = ("--reference", tmp_path / "fine.seg.nrrd", "--labels", tmp_path / "fine.seg.nrrd")
    code, _, err = run(capsys, *words, *both, "--out", tmp_path / "out")
    assert code == 0, err
    rows = {(r["metric"], r["reference"]): r for r in rows_of(tmp_path / "out" / "metrics.csv")}
    assert rows["share", "reference"]["value"] == rows["share", "pixel set"]["value"]
    # summed in another order, so the last digit depends on the processor
    by_label = float(rows_of(tmp_path / "out" / "by_label.csv")[0]["share"])
    assert by_label == pytest.approx(float(rows["share", "pixel set"]["value"]), rel=1e-12)
    code, _, err = run(capsys, *words, "--reference", tmp_path / "away.seg.nrrd", "--out", tmp_path / "no")
    assert code == 2 and "outside the image" in err and not (tmp_path / "no").exists()


def test_names_of_labels_may_come_from_a_file_after_a_colon(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    (tmp_path / "n.json").write_text('{"1": "liver"}', encoding="utf-8")
    (tmp_path / "bad.json").write_text("[1]", encoding="utf-8")
    words = asking(source, path, segment)
    code, _, err = run(capsys, *words, "--labels", f"{segment}:{tmp_path / 'n.json'}", "--out", tmp_path / "out")
    assert code == 0, err
    assert rows_of(tmp_path / "out" / "by_label.csv")[0]["label"] == "liver"
    code, _, err = run(capsys, *words, "--labels", f"{segment}:{tmp_path / 'bad.json'}", "--out", tmp_path / "no")
    assert code == 2 and "'bad.json' does not name labels" in err


def test_what_cannot_be_is_refused_with_code_2_before_the_model_is_opened_and_nothing_is_written(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    words = ("evaluate", source, "--image", path, "--segment", f"{segment}:organ", "--consent", "--out", tmp_path / "o")
    before = left(tmp_path)
    for more, sentence in (
        ((), "No class was named"),
        (("--class", "tumour"), "The model has no class 'tumour'"),
        (("--class", "lesion", "--method", "magic"), "There is no method 'magic'"),
        (("--class", "lesion", "--score", "contrast"), "needs a rival class"),
        (("--class", "lesion", "--reference", f"{segment}:liver"), "no label 'liver'"),
        (("--class", "lesion", "--labels", tmp_path / "none.nii.gz"), "none.nii.gz"),
        (("--class", "lesion", "--dpi", "1"), "not possible"),
        (("--class", "lesion", "--seed", "-1"), "0 or more"),
    ):
        code, _, err = run(capsys, *words, *more)
        assert code == 2 and sentence in err, (more, err)
        assert left(tmp_path) == before, more  # the author's code has not run either
    code, _, err = run(capsys, *words, "--class", "lesion", "--layer", "nowhere")
    assert code == 2 and "'nowhere' cannot be explained" in err and not (tmp_path / "o").exists()


def test_a_folder_with_something_in_it_is_left_alone_unless_told(capsys, tmp_path):
    source, path, segment = toy(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    words = (*asking(source, path, segment), "--out", tmp_path / "out")
    code, _, err = run(capsys, *words)
    assert code == 2 and "is not empty" in err and left(tmp_path / "out") == ["mine.txt"]
    assert run(capsys, *words, "--overwrite")[0] == 0
    assert left(tmp_path / "out") == ["evaluation.json", "metrics.csv", "mine.txt", "run.json"]


def test_ctrl_c_ends_it_with_code_130_and_leaves_nothing(tmp_path):
    source, path, segment = toy(tmp_path)
    slow = f"Path({str(tmp_path / 'inside')!r}).write_text('x'); import time; time.sleep(0.3)"
    source = factory(tmp_path / "slow", before="", forward=slow)
    running = process(*asking(source, path, segment), "--full", "--out", tmp_path / "out")
    until = time.monotonic() + 120
    while not (tmp_path / "inside").exists() and time.monotonic() < until:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 130 and "Nothing was written" in err
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".seghirescam-*"))


def test_the_figure_says_why_where_there_is_no_curve(tmp_path):
    from seghirescam.evaluation.deletion.deletion_curves import Curve
    from seghirescam.evaluation.deletion.gains import Gain
    from seghirescam.figures.curve_figure import draw_curves
    from seghirescam.protocol.value import Value

    nothing = Value.without("zero_map", "No evidence.")
    gain = Gain(Curve(False, "most", status="zero_map", note="No evidence."), (), *[nothing] * 3, *[None] * 3)
    figure = draw_curves({"deletion": gain}, "title")
    assert any(text.get_text() == "No evidence." for text in figure.texts)


def test_the_engine_refuses_a_region_on_another_grid_and_counts_an_empty_one():
    import torch

    from seghirescam.models.plain import PlainModel
    from seghirescam.protocol.errors import PixelSetError

    image = Image(np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float32), Grid.from_spacing((8, 8, 8)))
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 2, 3, padding=1), torch.nn.Conv3d(2, 2, 1)).eval()
    session = open_session(PlainModel(network, ["rest", "object"]), image)
    mask = np.zeros((8, 8, 8))
    mask[2:5, 2:5, 2:5] = 1
    words = {"class_index": 1, "methods": ["seg_hires_grad_cam"], "layers": ["0"]}
    with pytest.raises(PixelSetError, match="shape"):
        evaluate_in(session, PixelSet(mask, image.grid), words, references={"bad": np.ones((2, 2, 2))})
    found = evaluate_in(session, PixelSet(mask, image.grid), words, references={"empty": np.zeros((8, 8, 8))})
    assert found.value("share", "empty").status == "empty_reference"
    assert found.value("v90").ok
