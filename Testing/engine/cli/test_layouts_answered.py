"""Datasets in their published layouts asked from the files to the table; every number against torch by itself."""

import json

import numpy as np
import pytest

from engine import layout_cases as tiny
from engine.cli_cases import run
from engine.cohort_cases import table
from seghirescam.cohort.layouts.cityscapes import IDS

METHODS = ("seg_hires_grad_cam", "seg_grad_cam")


def asked(capsys, out, folder, model, *words, layers=("down", "up"), code=0):
    """{(case, class name): its lines}, by one command: two methods at an encoder's and a decoder's level."""
    command = ["cohort", folder, "--model", model.path, "--evaluate", "none", "--consent", "--json", "--out", out]
    command += [word for method in METHODS for word in ("--method", method)]
    command += [word for layer in layers for word in ("--layer", layer)]
    found, told, err = run(capsys, *command, *words)
    assert found == code, err
    assert json.loads(told)["failed"] == 0, told
    names = {line["question"]: line["case"] for line in table(out, "cases")}
    lines: dict = {}
    for line in table(out):
        lines.setdefault((names[line["question"]], line["class name"]), []).append(line)
    return lines


def check(lines, model, channels, name, mask, *, drawn=True, voxel=1.0):
    """A question's lines. mask: bool [*spatial] of its label; not drawn: of the prediction, without reference."""
    index = model.classes.index(name)
    logits = model.logits(channels)
    decided = logits.argmax(0) == index
    mask = mask if drawn else decided
    if not mask.any():
        assert {line["status"] for line in lines} == {"empty_target"} and len(lines) == len(METHODS)
        assert {line["score"] for line in lines} == {""}
        return
    assert sorted((line["layer"], line["method"]) for line in lines) == sorted(
        (layer, method) for layer in ("down", "up") for method in METHODS
    )
    totals = model.totals(channels, index, mask)
    for line in lines:
        assert line["status"] == "ok" or (line["status"] == "no_positive_evidence" and float(line["total"]) <= 0)
        assert float(line["score"]) == pytest.approx(logits[index][mask].sum(dtype=np.float64), rel=1e-5, abs=1e-5)
        assert float(line["total"]) == pytest.approx(totals[line["layer"], line["method"]], rel=1e-4, abs=1e-5)
        assert float(line["size"]) == pytest.approx(np.count_nonzero(mask) * voxel, rel=1e-6)
        assert line["pixel set"] == ("segment" if drawn else "predicted")
        if drawn:
            dice = 2 * np.count_nonzero(mask & decided) / (np.count_nonzero(mask) + np.count_nonzero(decided))
            assert float(line["dice"]) == dice and float(line["reference size"]) == pytest.approx(float(line["size"]))
        else:
            assert line["dice"] == line["reference size"] == ""


def test_kidneys_their_labels_and_the_challenge_s_merged_classes(tmp_path, capsys):
    root, ml = tiny.kits(tmp_path / "kits23"), np.prod(tiny.SPACING) / 1000
    plain = tiny.net(tmp_path, ("background", "kidney", "tumor", "cyst"), ["ct"], 3)
    lines = asked(capsys, tmp_path / "run", root, plain, "--layout", "kits23")
    assert set(lines) == {(c, n) for c in ("case_00000", "case_00007") for n in ("kidney", "tumor", "cyst")}
    for (case, name), several in lines.items():
        image, drawn = (tiny.read(root / case / f"{kind}.nii.gz") for kind in ("imaging", "segmentation"))
        check(several, plain, image, name, drawn[0] == plain.classes.index(name), voxel=ml)
    assert {line["status"] for line in lines["case_00007", "cyst"]} == {"empty_target"}
    merged = tiny.net(tmp_path, ("background", "kidney_and_mass", "mass"), ["ct"], 3)
    words = ["--layout", "kits23", "--class", "kidney_and_mass", "--class", "mass"]
    lines = asked(capsys, tmp_path / "merged", root, merged, *words)
    for (case, name), several in lines.items():
        image, drawn = (tiny.read(root / case / f"{kind}.nii.gz") for kind in ("imaging", "segmentation"))
        check(
            several,
            merged,
            image,
            name,
            np.isin(drawn[0], (1, 2, 3) if name == "kidney_and_mass" else (2, 3)),
            voxel=ml,
        )
    assert len(lines) == 4


def test_streets_in_colour_by_the_ids_of_their_masks_and_by_train_id(tmp_path, capsys):
    root = tiny.streets(tmp_path / "cityscapes")
    named = tiny.net(tmp_path, tuple(IDS), ["red", "green", "blue"], 2)
    lines = asked(capsys, tmp_path / "run", root, named, "--layout", "cityscapes")
    assert len(lines) == 2 * 19
    held = {}
    for city in ("frankfurt", "munster"):
        stem = f"{city}_000000_000019"
        held[stem] = (
            tiny.read(root / "leftImg8bit" / "val" / city / f"{stem}_leftImg8bit.png"),
            tiny.read(root / "gtFine" / "val" / city / f"{stem}_gtFine_labelIds.png")[0],
        )
    for (case, name), several in lines.items():
        check(several, named, held[case][0], name, held[case][1] == IDS[name])
        assert {line["group"] for line in several} == {case.split("_")[0]}
    assert {line["status"] for line in lines["frankfurt_000000_000019", "bicycle"]} == {"empty_target"}
    (hidden, *more) = asked(
        capsys, tmp_path / "hidden", root, named, "--layout", "cityscapes", "--class", "car", "--split", "test"
    ).items()
    image = tiny.read(root / "leftImg8bit" / "test" / "berlin" / "berlin_000000_000019_leftImg8bit.png")
    check(hidden[1], named, image, "car", None, drawn=False)
    assert not more and hidden[0] == ("berlin_000000_000019", "car")
    # a network whose classes have other names, in the order of the train ids
    other = tiny.net(tmp_path, tuple(f"channel {n}" for n in range(19)), ["red", "green", "blue"], 2)
    words = ["--layout", "cityscapes", "--class", "car", "--by-train-id"]
    by_number = asked(capsys, tmp_path / "numbers", root, other, *words)
    assert {name for _, name in by_number} == {"channel 13"}
    for (case, name), several in by_number.items():
        check(several, other, held[case][0], name, held[case][1] == 26)


def test_teeth_by_their_grey_values(tmp_path, capsys):
    root = tiny.teeth(tmp_path / "opg_multiclass")
    model = tiny.net(tmp_path, ("background", *map(str, range(1, 33))), ["red", "green", "blue"], 2)
    lines = asked(capsys, tmp_path / "run", root, model, "--layout", "opg", "--split", "test")
    assert set(lines) == {("image_1", str(n)) for n in range(1, 33)}
    image = tiny.read(root / "test" / "images" / "image_1.jpg")
    mask = tiny.read(root / "test" / "masks" / "mask_1.png")[0]
    for (_, name), several in lines.items():
        check(several, model, image, name, mask == int(name))
    assert {line["size"] for line in lines["image_1", "5"]} == {"5.0"}
    assert {line["status"] for line in lines["image_1", "32"]} == {"empty_target"}


def test_brains_with_channels_in_the_model_s_order(tmp_path, capsys):
    root, ml = tiny.brains(tmp_path / "ds"), np.prod(tiny.SPACING) / 1000
    model = tiny.net(tmp_path, ("background", "grey matter", "lesion"), ["FLAIR", "T1w"], 3)
    lines = asked(capsys, tmp_path / "run", root, model, "--channel", "FLAIR", "--channel", "T1w")
    assert set(lines) == {(s, n) for s in ("sub-01", "sub-02") for n in ("grey matter", "lesion")}
    for (case, name), several in lines.items():
        images = [tiny.read(root / case / "anat" / f"{case}_{kind}.nii.gz")[0] for kind in ("FLAIR", "T1w")]
        drawn = tiny.read(root / "derivatives" / "fast" / case / "anat" / f"{case}_dseg.nii.gz")[0]
        check(several, model, np.stack(images), name, drawn == {"grey matter": 1, "lesion": 4}[name], voxel=ml)
        assert {line["group"] for line in several} == {case}
