"""The paper's comparison as its how-to has it: a folder of pictures and masks, two methods at every level, compared."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from engine.cli_cases import run
from engine.cohort_cases import table
from engine.colour_cases import colour_model
from engine.stats_cases import signed_rank

CASES = 7


def teeth(folder):
    """Pictures and masks of all teeth in one value, in the layout of the paper's code."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / "test" / name).mkdir(parents=True)
    for n in range(CASES):
        pixels = rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)
        sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=True), str(folder / f"test/images/image_{n}.jpg"))
        mask = np.zeros((12, 16), np.uint8)
        mask[3:8, 4 : 8 + n % 3] = 1
        sitk.WriteImage(sitk.GetImageFromArray(mask), str(folder / f"test/masks/mask_{n}.png"))
    return folder


def test_two_methods_at_every_level_over_a_folder_of_pictures(tmp_path, capsys, monkeypatch):
    pytest.importorskip("statsmodels")
    monkeypatch.chdir(tmp_path)
    teeth(tmp_path / "opg_multiclass"), colour_model(tmp_path / "m")
    words = ["cohort", "opg_multiclass", "--layout", "opg", "--split", "test", "--model", "m/net.model.json"]
    words += ["--class", "teeth", "--method", "seg_hires_grad_cam", "--method", "seg_grad_cam", "--layer", "main"]
    code, out, _ = run(capsys, *words, "--out", "teeth", "--evaluate", "none", "--consent", "--json")
    assert (code, json.loads(out)["answered"]) == (0, CASES)
    lines = table(tmp_path / "teeth")
    assert {line["size"] for line in lines} == {"20.0", "25.0", "30.0"} and lines[0]["size unit"] == "pixels"
    code, out, _ = run(capsys, "stats", "teeth", "--by", "method", "--of", "share inside", "--json")
    compared = json.loads(out)["comparisons"]
    assert code == 0 and {one["layer"] for one in compared} == {line["layer"] for line in lines}
    tested = 0
    for one in compared:
        values = {"seg_hires_grad_cam": {}, "seg_grad_cam": {}}
        for line in lines:
            if line["layer"] == one["layer"] and line["status"] == line["share inside status"] == "ok":
                values[line["method"]][line["image"]] = float(line["share inside"])
        both = sorted(set(values["seg_hires_grad_cam"]) & set(values["seg_grad_cam"]))
        d = [values["seg_hires_grad_cam"][image] - values["seg_grad_cam"][image] for image in both]
        assert (one["a"], one["b"], one["pairs"]) == ("seg_hires_grad_cam", "seg_grad_cam", len(both))
        assert one["left out"] == CASES - len(both)
        if one["status"] == "ok":
            tested += 1
            assert one["p"] == pytest.approx(signed_rank(d)[2])
            assert one["median difference"] == pytest.approx(np.median(d))
    assert tested
