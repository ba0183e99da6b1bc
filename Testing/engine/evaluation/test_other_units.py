"""A network whose score is no logit: its unit in every number, sentence, table and figure that an evaluation makes."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch

import seghirescam
from engine import hugging_faces
from engine.cli_cases import run
from seghirescam.evaluation.deletion.deletion_curves import unit_key

pytest.importorskip("transformers", reason="transformers is not installed: python -m pip install transformers")
UNIT, LAYER = "log score", "model.model.pixel_level_module.decoder.mask_projection"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """(folder, what evaluate wrote into evaluation.json): a tiny Mask2Former on a colour picture."""
    folder = tmp_path_factory.mktemp("queries")
    hugging_faces.folder("mask2former", folder / "model", 64)
    image = hugging_faces.photo((64, 64))
    pixels = np.moveaxis(image.array[:, 0], 0, -1).copy()
    sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=True), str(folder / "photo.png"))
    mask = np.zeros((64, 64), np.uint8)
    mask[24:36, 24:40] = 1
    sitk.WriteImage(sitk.GetImageFromArray(mask), str(folder / "drawn.png"))
    return folder, image, mask > 0


def log_scores(folder, pixels):
    """``[C, 64, 64]`` by the library's network and the definition, by hand."""
    import transformers

    network = transformers.Mask2FormerForUniversalSegmentation.from_pretrained(folder / "model").eval()
    tensor = (pixels.astype(np.float64) / 255 - np.array([0.4, 0.5, 0.6])) / np.array([0.3, 0.2, 0.25])
    x = torch.from_numpy(tensor.astype(np.float32).transpose(2, 0, 1).copy())[None]
    with torch.no_grad():
        out = network(pixel_values=x)
        masks = torch.nn.functional.interpolate(
            out.masks_queries_logits, size=(384, 384), mode="bilinear", align_corners=False
        )
        p = out.class_queries_logits.softmax(-1)[0, :, :-1]
        whole = (p[:, :, None, None] * masks[0].sigmoid()[:, None]).sum(0)
        whole = torch.nn.functional.interpolate(whole[None], size=(64, 64), mode="bilinear", align_corners=False)[0]
    return whole.log().numpy()


def test_an_evaluation_of_query_scores_says_its_unit_everywhere_and_its_numbers_are_of_it(told, capsys):
    folder, image, mask = told
    words = ("evaluate", folder / "model", "--image", folder / "photo.png", "--segment", folder / "drawn.png")
    more = ("--class", "bone", "--layer", LAYER, "--full", "--curves", "--out", folder / "checked")
    code, out, err = run(capsys, *words, *more)
    assert code == 0, err
    result = json.loads((folder / "checked" / "evaluation.json").read_text(encoding="utf-8"))
    assert len(result["evaluations"]) == 1
    # the mean of the log score over M, by hand: where the deletion curve begins
    mean = log_scores(folder, np.moveaxis(image.array[:, 0], 0, -1))[3][mask].mean()
    with open(folder / "checked" / "curves.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    starts = [float(r["log_score"]) for r in rows if r["curve"] == "deletion" and float(r["fraction"]) == 0]
    assert len(starts) == 6 and np.allclose(starts, mean, rtol=1e-4)
    with open(folder / "checked" / "metrics.csv", encoding="utf-8", newline="") as file:
        metrics = {row["metric"]: row for row in csv.DictReader(file)}
    for name in ("deletion_gain_log_score", "insertion_gain_log_score", "context_paint_over", "context_deletion_gain"):
        assert metrics[name]["unit"] == UNIT, metrics[name]
    # nothing of what was made calls it a logit; "has no logit of a class" is the sentence that says why
    for text in (out, err, json.dumps(result), json.dumps(rows), json.dumps(metrics)):
        assert "logit" not in text.replace("has no logit of a class", "").lower().replace('"score": "logit"', "")
    assert f" {UNIT} more than 5 random orders do" in json.dumps(result)


def test_the_figure_and_the_python_result_say_it_and_completeness_is_counted(told, tmp_path):
    folder, image, mask = told
    (found,) = seghirescam.explain(str(folder / "model"), image, mask, target="bone", layers=[LAYER])
    assert f"{UNIT}; ok" in repr(found) and "logit" not in repr(found)
    assert found.values["score"].unit == UNIT and found.values["total"].unit == UNIT
    assert found.completeness == pytest.approx(found.total / found.score)
    back = seghirescam.Explanation.load(found.save(tmp_path / "map.nii.gz", grid="layer"))
    assert back.score_unit == UNIT and back.completeness == pytest.approx(found.completeness)
    told_by = seghirescam.evaluate(
        str(folder / "model"), image, mask, target="bone", layer=LAYER, tier="fast", curves=True
    )
    from seghirescam.figures.curve_figure import draw_curves

    figure = draw_curves(told_by.gains, "curves")
    words = " ".join(text.get_text() for text in figure.texts) + figure.axes[0].get_ylabel()
    assert f"mean score over the pixel set ({UNIT})" in words and f"{UNIT} in area" in words and "logit" not in words


def test_units_as_names_of_columns():
    assert (unit_key("logit"), unit_key(UNIT)) == ("logit", "log_score")
