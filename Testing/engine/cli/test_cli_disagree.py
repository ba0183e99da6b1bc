"""``seghirescam disagree``: two models, one sheet, a table, maps that can be asked for again; whole or not at all."""

import csv
import json
import re
import signal
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.cli_cases import factory, left, process, run, toy, volume
from engine.colour_cases import colour_model, picture
from engine.volume_files import PATIENT
from seghirescam import open_model
from seghirescam.cli.two_models.model_pair import class_pair
from seghirescam.io.volumes import read_volume
from seghirescam.protocol.explanation import ClassInfo
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.session.explain import explain


def other_weights(source):
    """The same network, trained otherwise."""
    path = source.parent / "weights.safetensors"
    generator = torch.Generator().manual_seed(9)
    state = {k: torch.randn(v.shape, generator=generator) * v.std().clamp_min(0.1) for k, v in load_file(path).items()}
    save_file(state, path)
    return source


def two(folder, classes=("background", "tumour", "organ")):
    """(A, B, the image's path): B names its classes otherwise."""
    a, path, _ = toy(folder)
    return a, other_weights(factory(folder / "b", classes=classes)), path


def asking(a, b, path, name="organ,tumour"):
    return ("disagree", "--model", a, "--model", b, "--image", path, "--class", name, "--consent", "--dpi", 50)


def rows_of(folder):
    with open(folder / "table.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def labels_by(source, path):
    """What the bare network chooses, [K, J, I]."""
    model, image = open_model(str(source), consent=True), read_volume(path)
    prepared = model.prepare(image)
    with torch.no_grad():
        logits = model.networks[0](prepared.tensor)[0].numpy()
    return logits[:, : image.grid.shape[0], : image.grid.shape[1], : image.grid.shape[2]]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("disagree") / PATIENT
    folder.mkdir()
    a, b, path = two(folder)
    from seghirescam.cli import main

    assert main([str(w) for w in (*asking(a, b, path), "--out", folder / "out", "--quiet")]) == 0
    return folder, a, b, path


def test_the_folder_holds_sheet_table_sets_predictions_and_maps_with_sidecars(written):
    folder = written[0] / "out"
    rows = rows_of(folder)
    maps = [row["map"] for row in rows]
    assert len(maps) == 6 and all(maps)
    others = [
        "caption.txt",
        "predicted_A.nii.gz",
        "predicted_B.nii.gz",
        "run.json",
        "sheet.pdf",
        "sheet.png",
        "table.csv",
    ]
    sets = [f"pixel_set_{n}.nii.gz" for n in (1, 2, 3)]
    assert left(folder) == sorted([*others, *sets, *maps, *(name.replace(".nii.gz", ".json") for name in maps)])
    assert (folder / "sheet.png").read_bytes()[:4] == b"\x89PNG" and (folder / "sheet.pdf").read_bytes()[:4] == b"%PDF"


def test_sets_and_numbers_are_those_of_the_bare_networks(written):
    folder, a, b, path = written
    logits = labels_by(a, path), labels_by(b, path)
    one, other = logits[0].argmax(axis=0) == 1, logits[1].argmax(axis=0) == 1
    truth = {"a_without_b": one & ~other, "b_without_a": other & ~one, "both": one & other}
    for n, (key, mask) in enumerate(truth.items(), start=1):
        assert mask.any() and np.array_equal(read_volume(folder / "out" / f"pixel_set_{n}.nii.gz").array[0] > 0, mask)
        for side in (0, 1):
            (row,) = [r for r in rows_of(folder / "out") if r["set"] == key and r["side"] == "AB"[side]]
            assert int(row["voxels"]) == mask.sum() and float(row["model_voxels"]) == mask.sum()
            assert float(row["score"]) == pytest.approx(float(logits[side][1][mask].sum()), rel=1e-4)
            assert float(row["score_per_voxel"]) == pytest.approx(float(logits[side][1][mask].mean()), rel=1e-4)
            assert row["class"] == ("organ", "tumour")[side] and row["status"] != "refused"
            assert float(row["dice"]) == pytest.approx(2 * (one & other).sum() / (one.sum() + other.sum()), rel=1e-9)


def test_every_map_is_explain_s_and_its_sidecar_asks_it_again_of_the_written_set(written, capsys, tmp_path):
    folder, a, b, path = written
    image = read_volume(path)
    for row in rows_of(folder / "out"):
        source = (a, b)["AB".index(row["side"])]
        mask = read_volume(folder / "out" / row["pixel_set_file"])
        pixels = PixelSet(mask.array[0] > 0, image.grid)
        (alone,) = explain(open_model(str(source), consent=True), image, pixels, class_index=row["class"])
        map_path = folder / "out" / row["map"]
        assert np.array_equal(read_volume(map_path).array[0], alone.resampled_to(image.grid).array)
    row = rows_of(folder / "out")[1]
    words = ("explain", b, "--image", path, "--segment", folder / "out" / row["pixel_set_file"], "--consent")
    sidecar = folder / "out" / row["map"].replace(".nii.gz", ".json")
    code, _, err = run(capsys, *words, "--repeat", sidecar, "--out", tmp_path / "again")
    assert code == 0, err
    (again,) = (tmp_path / "again").glob("01_*.nii.gz")
    assert np.array_equal(read_volume(again).array, read_volume(folder / "out" / row["map"]).array)
    told = json.loads(sidecar.read_text(encoding="utf-8"))["disagreement"]
    assert told["side"] == "B" and told["set"] == "a_without_b" and told["classes"] == {"A": "organ", "B": "tumour"}


def test_asked_again_every_file_is_the_same_and_no_name_or_path_stands_in_any(written, capsys):
    folder, a, b, path = written
    code, out, err = run(capsys, *asking(a, b, path), "--json", "--out", folder / "second")
    assert code == 0, err
    assert json.loads(out)["forward_passes"] == [1, 1]
    for file in (folder / "out").iterdir():
        content = file.read_bytes()
        assert content == (folder / "second" / file.name).read_bytes(), file.name
        for word in ("Zebra", "Quagga", str(folder.parent)):
            assert word.encode() not in content, file.name
    assert "Zebra" not in out + err and str(folder) not in out + err


def test_one_model_twice_has_no_difference_and_no_map_of_it(written, capsys, tmp_path):
    _, a, _, path = written
    code, out, err = run(capsys, *asking(a, a, path, "organ"), "--out", tmp_path / "out")
    assert code == 0, err
    assert "all that A predicts, B predicts as well" in out and "Dice of the two predictions: 1.000" in out
    rows = rows_of(tmp_path / "out")
    assert [row["status"] for row in rows] == ["empty", "empty", "ok", "ok"]
    assert not (tmp_path / "out" / "pixel_set_1.nii.gz").exists() and (tmp_path / "out" / "pixel_set_3.nii.gz").exists()
    assert rows[2]["score"] == rows[3]["score"]


def test_a_photo_is_told_in_pixels_and_a_second_image_may_be_given_to_b(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    a = colour_model(tmp_path / "a")
    b = other_weights(colour_model(tmp_path / "b"))
    photo, second = picture(tmp_path), picture(tmp_path, "second.png")
    words = ("--class", "polyp", "--consent", "--dpi", 50)
    both = ("disagree", "--model", a, "--model", b, "--image", photo)
    code, out, err = run(capsys, *both, *words, "--out", tmp_path / "out")
    if code == 2:
        assert "Neither model predicts" in err
        pytest.fail("The toy networks see nothing: choose another seed.")
    assert code == 0, err
    assert " pixels " in out.splitlines()[0] and " ml " not in out.splitlines()[0]
    rows = rows_of(tmp_path / "out")
    assert rows[0]["pixels"] and not rows[0]["voxels"] and not rows[0]["ml"] and not rows[0]["mm2"]
    code, again, err = run(capsys, *both, "--image-b", second, *words, "--out", tmp_path / "again")
    assert code == 0, err
    assert again == out  # the same picture under another name


def test_a_single_slice_is_told_in_square_millimetres(capsys, tmp_path):
    from seghirescam import Grid

    words = {"spatial_dims": 2}
    a = factory(tmp_path / "a", **words)
    text = (a.parent / "net.py").read_text(encoding="utf-8")
    for folder in ("a", "b"):
        made = factory(tmp_path / folder, **words)
        (made.parent / "net.py").write_text(text.replace("3d", "2d"), encoding="utf-8")
        path = made.parent / "weights.safetensors"
        state = {k: (v[..., 1, :, :] if v.ndim == 5 else v).contiguous() for k, v in load_file(path).items()}
        save_file(state, path)
        if folder == "b":
            other_weights(made)
    slice_ = volume(tmp_path, shape=(1, 12, 16), grid=Grid.from_spacing((1, 12, 16), (7.0, 0.5, 2.0)))
    made = [tmp_path / folder / "net.model.json" for folder in ("a", "b")]
    code, out, err = run(capsys, *asking(*made, slice_, "organ"), "--out", tmp_path / "out")
    assert code == 0, err
    assert "mm\u00b2" in out.splitlines()[0]
    for row in rows_of(tmp_path / "out"):
        assert float(row["mm2"]) == pytest.approx(int(row["voxels"]) * 1.0, rel=1e-6)


def test_what_cannot_be_is_refused_before_anything_of_a_model_runs(capsys, tmp_path):
    a, b, path = two(tmp_path)
    before = left(tmp_path)
    both = ("disagree", "--model", a, "--model", b, "--image", path)
    start = (*both, "--consent", "--out", tmp_path / "out")
    for words, sentence in (
        (("disagree", "--model", a, "--image", path, "--class", "organ", "--out", tmp_path / "out"), "one was named"),
        ((*start, "--model", b, "--class", "organ"), "3 were named"),
        (start, "No class was named"),
        ((*start, "--class", "liver,tumour"), "no class 'liver"),
        ((*start, "--class", "organ,liver"), "no class"),
        ((*start, "--class", "organ,tumour", "--layer", "main"), "one layer of each"),
        ((*start, "--class", "organ,tumour", "--layer", "a,b,c"), "one layer of each"),
        ((*start, "--class", "organ,tumour", "--method", "magic"), "no method 'magic'"),
        ((*start, "--class", "organ,tumour", "--score", "contrast"), "needs a rival"),
        ((*start, "--class", "organ,tumour", "--share", "0"), "between 0 and 1"),
        ((*both, "--class", "organ,tumour", "--out", tmp_path / "out"), "add --consent"),
        ((*both, "--class", "organ,tumour", "--out", a.parent), "not empty"),
    ):
        code, _, err = run(capsys, *words)
        assert code == 2 and sentence in err, (words, err)
        assert left(tmp_path) == before, words  # no canary either


def test_layers_and_rivals_may_be_named_for_each_model(written, capsys, tmp_path):
    _, a, b, path = written
    words = asking(a, b, path)
    more = ("--layer", "down,down", "--score", "contrast", "--rival", "lesion,organ")
    code, _, err = run(capsys, *words, *more, "--out", tmp_path / "out")
    assert code == 0, err
    logits = labels_by(b, path)
    for row in rows_of(tmp_path / "out"):
        assert row["layer"] == "down"
        mask = read_volume(tmp_path / "out" / row["pixel_set_file"]).array[0] > 0
        if row["side"] == "B":
            assert float(row["score"]) == pytest.approx(float((logits[1] - logits[2])[mask].sum()), rel=1e-4)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("organ", ("organ", "organ")),
        ("organ,tumour", ("organ", "tumour")),
        ("kidney, left", ("kidney, left", "kidney, left")),
        ("organ,kidney, left", ("organ", "kidney, left")),
        ("1,2", ("1", "2")),
    ],
)
def test_a_comma_in_a_class_s_own_name_is_no_separator(text, found):
    classes = tuple(ClassInfo(n, name) for n, name in enumerate(("background", "organ", "tumour", "kidney, left")))
    assert class_pair(text, classes, classes) == found
    assert class_pair("a,b", (), ()) == ("a", "b")


@pytest.mark.slow
def test_ctrl_c_leaves_nothing(tmp_path):
    a, b, path = two(tmp_path)
    slow = (b.parent / "net.py").read_text(encoding="utf-8").replace("pass\n", "import time; time.sleep(60)\n")
    (b.parent / "net.py").write_text(slow, encoding="utf-8")
    running = process(*asking(a, b, path), "--out", tmp_path / "out")
    end = time.monotonic() + 60
    while not (b.parent / "canary").exists() and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1.0)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130 and "Cancelled. Nothing was written." in err
    assert not (tmp_path / "out").exists() and not [n for n in left(tmp_path) if re.search(r"seghirescam|\.lock", n)]
