"""Datasets in their published layouts, made tiny: the exact rows, and one sentence for what is missing."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from engine.grids import oblique
from seghirescam.cohort.layouts import LAYOUTS, bids, cityscapes, kits23, layout, nnunet_raw, opg
from seghirescam.cohort.layouts.as_plan import write_plan
from seghirescam.cohort.plans.expanded import expanded
from seghirescam.cohort.plans.row import PlanError, Row
from seghirescam.io.label_maps import read_labels
from seghirescam.io.volumes import write_volume
from seghirescam.protocol.errors import EmptyPixelSetError, PixelSetError


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def refused(sentence, ask):
    with pytest.raises(PlanError, match=sentence) as told:
        list(ask())
    assert told.value.hint
    return told.value


def test_every_layout_has_a_word_and_an_empty_or_absent_folder_says_so(tmp_path):
    assert sorted(LAYOUTS) == ["bids", "cityscapes", "kits23", "nnunet", "opg"]
    for name in LAYOUTS:
        (tmp_path / name).mkdir()
        refused(f"The folder '{name}' is empty", lambda n=name: layout(n).rows(tmp_path / n, model="m"))
        refused("There is no folder 'nowhere'", lambda n=name: layout(n).rows(tmp_path / "nowhere", model="m"))
        touch(tmp_path / name / ".DS_Store")
        refused("is empty", lambda n=name: layout(n).rows(tmp_path / n, model="m"))
        touch(tmp_path / name / "something.txt")
        refused("holds no|has no", lambda n=name: layout(n).rows(tmp_path / n, model="m"))
    refused("no layout 'dicom'", lambda: layout("dicom"))


def nnunet(folder, **about):
    root = folder / "Dataset005_Prostate"
    for case in ("p_02", "p_01"):
        touch(root / "imagesTr" / f"{case}_0000.nii.gz", root / "imagesTr" / f"{case}_0001.nii.gz")
        touch(root / "labelsTr" / f"{case}.nii.gz")
    touch(root / "imagesTs" / "p_9_0000.nii.gz", root / "imagesTs" / "p_9_0001.nii.gz", root / "imagesTr" / ".DS_Store")
    told = {"channel_names": {"0": "T2", "1": "ADC"}, "labels": {"background": 0, "PZ": 1, "TZ": 2, "ignore": 3}}
    (root / "dataset.json").write_text(json.dumps(told | {"file_ending": ".nii.gz", "numTraining": 2} | about))
    return root


def test_nnunet_rows_are_cases_by_classes_and_test_cases_are_asked_about_their_prediction(tmp_path):
    root = nnunet(tmp_path)

    def images(split, case):
        return tuple(str(root / f"images{split}" / f"{case}_000{n}.nii.gz") for n in (0, 1))

    expected = []
    for case in ("p_01", "p_02"):
        segment = str(root / "labelsTr" / f"{case}.nii.gz")
        for name, value in (("PZ", "1"), ("TZ", "2")):
            expected.append(
                Row(case, images("Tr", case), "m", name, segment, value, "", "", segment, value, group="Tr")
            )
    expected += [Row("p_9", images("Ts", "p_9"), "m", name, pixels="predicted", group="Ts") for name in ("PZ", "TZ")]
    assert list(nnunet_raw.rows(root, model="m")) == expected
    assert list(nnunet_raw.rows(root, model="m", split="test", classes=["TZ"])) == expected[-1:]
    touch(root / "labelsTs" / "p_9.nii.gz")
    (found,) = nnunet_raw.rows(root, model="m", split="Ts", classes=["PZ"])
    assert found.segment == found.reference == str(root / "labelsTs" / "p_9.nii.gz") and found.pixels == ""


def test_nnunet_regions_version_one_and_colour_pictures(tmp_path):
    regions = nnunet(tmp_path / "a", labels={"background": 0, "whole": [1, 2], "core": 2})
    assert [r.label for r in nnunet_raw.rows(regions, model="m", split="Tr")][:2] == ["1+2", "2"]
    old = nnunet(tmp_path / "b")
    about = {"modality": {"0": "T2", "1": "ADC"}, "labels": {"0": "background", "1": "PZ", "2": "TZ"}}
    (old / "dataset.json").write_text(json.dumps(about))
    words = ("target", "label", "case", "images")
    assert [[getattr(r, w) for w in words] for r in nnunet_raw.rows(old, model="m")] == [
        [getattr(r, w) for w in words] for r in nnunet_raw.rows(nnunet(tmp_path / "b"), model="m")
    ]
    roads = tmp_path / "Dataset120_Roads"
    touch(roads / "imagesTr" / "r1_0000.png", roads / "labelsTr" / "r1.png")
    about = {"channel_names": {"0": "R", "1": "G", "2": "B"}, "labels": {"background": 0, "road": 1}}
    (roads / "dataset.json").write_text(json.dumps(about | {"file_ending": ".png"}))
    (row,) = nnunet_raw.rows(roads, model="m")
    assert row.images == (str(roads / "imagesTr" / "r1_0000.png"),)


def test_nnunet_says_what_is_missing(tmp_path):
    def fresh(name):
        return nnunet(tmp_path / name)

    root = fresh("a")
    (root / "imagesTr" / "p_02_0001.nii.gz").unlink()
    refused("'p_02' lacks its channel _0001", lambda: nnunet_raw.rows(root, model="m"))
    root = fresh("b")
    (root / "labelsTr" / "p_01.nii.gz").unlink()
    refused("'p_01' has no label map in 'labelsTr'", lambda: nnunet_raw.rows(root, model="m"))
    root = fresh("c")
    touch(root / "imagesTr" / "p_03_0000.nrrd")
    refused(r"end in \.nii\.gz and \.nrrd; the dataset states \.nii\.gz", lambda: nnunet_raw.rows(root, model="m"))
    root = fresh("d")
    touch(root / "imagesTr" / "p_03.nii.gz")
    refused("'p_03.nii.gz', whose name ends in no channel", lambda: nnunet_raw.rows(root, model="m"))
    root = fresh("e")
    touch(root / "imagesTr" / "p_01_0002.nii.gz")
    refused("'p_01' has more than the 2 channels", lambda: nnunet_raw.rows(root, model="m"))
    root = fresh("f")
    (root / "dataset.json").write_text("{")
    refused("is not as nnU-Net describes it", lambda: nnunet_raw.rows(root, model="m"))
    (root / "dataset.json").unlink()
    refused("has no dataset.json", lambda: nnunet_raw.rows(root, model="m"))
    root = fresh("g")
    refused("no class 'CZ'", lambda: nnunet_raw.rows(root, model="m", classes=["CZ"]))
    refused("no split 'val'", lambda: nnunet_raw.rows(root, model="m", split="val"))
    for path in [*(root / "labelsTr").iterdir()]:
        path.unlink()
    refused("has no 'labelsTr'", lambda: nnunet_raw.rows(root, model="m"))


def kits(folder):
    for number in (10, 0):
        touch(*(folder / "dataset" / f"case_{number:05d}" / name for name in (kits23.IMAGE, kits23.SEGMENTATION)))
        touch(folder / "dataset" / f"case_{number:05d}" / "instances" / "kidney_instance-1_annotation-1.nii.gz")
    touch(folder / "dataset" / "kits23.json")
    return folder


def test_kits_rows_with_labels_and_the_published_hierarchical_classes(tmp_path):
    root = kits(tmp_path / "kits23") / "dataset"

    def row(case, name, label):
        segment = str(root / case / "segmentation.nii.gz")
        return Row(case, (str(root / case / "imaging.nii.gz"),), "m", name, segment, label, "", "", segment, label)

    plain = [
        row(c, n, v) for c in ("case_00000", "case_00010") for n, v in (("kidney", "1"), ("tumor", "2"), ("cyst", "3"))
    ]
    assert list(kits23.rows(root.parent, model="m")) == list(kits23.rows(root, model="m")) == plain
    merged = [
        row(c, n, v) for c in ("case_00000", "case_00010") for n, v in (("kidney_and_mass", "1+2+3"), ("mass", "2+3"))
    ]
    assert list(kits23.rows(root, model="m", classes=["kidney_and_mass", "mass"])) == merged
    refused("KiTS23 has no class 'liver'", lambda: kits23.rows(root, model="m", classes=["liver"]))
    (root / "case_00010" / "imaging.nii.gz").unlink()
    error = refused("'case_00010' has no imaging.nii.gz", lambda: kits23.rows(root, model="m"))
    assert "kits23_download_data" in error.hint
    touch(root / "case_00010" / "imaging.nii.gz")
    for case in ("case_00000", "case_00010"):
        (root / case / "segmentation.nii.gz").unlink()
    refused("'case_00000' has no segmentation.nii.gz; 1 more cases", lambda: kits23.rows(root, model="m"))


def streets(folder):
    for split, city in (("val", "frankfurt"), ("val", "munster"), ("test", "berlin")):
        stem = f"{city}_000000_000019"
        touch(folder / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png")
        for kind in ("color.png", "instanceIds.png", "labelIds.png", "polygons.json"):
            touch(folder / "gtFine" / split / city / f"{stem}_gtFine_{kind}")
    return folder


def test_cityscapes_rows_are_nineteen_classes_by_their_published_ids(tmp_path):
    root = streets(tmp_path / "cityscapes")
    found = list(cityscapes.rows(root, model="m"))
    assert len(found) == 2 * 19 and [row.case for row in found[::19]] == [
        "frankfurt_000000_000019", "munster_000000_000019"
    ]  # fmt: skip
    stem = "frankfurt_000000_000019"
    image = str(root / "leftImg8bit" / "val" / "frankfurt" / f"{stem}_leftImg8bit.png")
    mask = str(root / "gtFine" / "val" / "frankfurt" / f"{stem}_gtFine_labelIds.png")
    car = Row(stem, (image,), "m", "car", mask, "26", "", "", mask, "26", group="frankfurt")
    assert car in found
    # ids and train ids as cityscapesscripts/helpers/labels.py lists them
    assert cityscapes.IDS["road"] == 7 and cityscapes.IDS["train"] == 31 and cityscapes.IDS["bicycle"] == 33
    assert cityscapes.TRAIN_IDS["road"] == 0 and cityscapes.TRAIN_IDS["car"] == 13 and len(cityscapes.TRAIN_IDS) == 19
    assert cityscapes.TRAIN_IDS["bicycle"] == 18 and cityscapes.TRAIN_IDS["train"] == 16
    (by_number, _) = cityscapes.rows(root, model="m", classes=["car"], by_train_id=True)
    assert (by_number.target, by_number.label) == ("13", "26")
    (hidden,) = cityscapes.rows(root, model="m", split="test", classes=["car"])
    assert hidden.pixels == "predicted" and hidden.segment == hidden.reference == ""
    (root / "gtFine" / "val" / "munster" / "munster_000000_000019_gtFine_labelIds.png").unlink()
    refused("'munster_000000_000019' has no gtFine mask", lambda: cityscapes.rows(root, model="m"))
    refused("holds no image in leftImg8bit/train", lambda: cityscapes.rows(root, model="m", split="train"))
    refused("no class 'tram'", lambda: cityscapes.rows(root, model="m", classes=["tram"]))


def test_opg_rows_pair_images_and_masks_by_name_or_number(tmp_path):
    root = tmp_path / "opg_multiclass"
    touch(root / "test" / "images" / "image_1.jpg", root / "test" / "masks" / "mask_1.png")
    touch(root / "test" / "images" / "b.jpg", root / "test" / "masks" / "b.png")
    found = list(opg.rows(root, model="m"))
    assert len(found) == 64 and {row.group for row in found} == {"test"}
    mask = str(root / "test" / "masks" / "mask_1.png")
    image = (str(root / "test" / "images" / "image_1.jpg"),)
    assert found[4] == Row("image_1", image, "m", "5", mask, "5", "", "", mask, "5", group="test")
    one, other = opg.rows(root, model="m", classes=["teeth"])
    assert one == Row("image_1", image, "m", "1", mask, "", "", "", mask, "", group="test") and other.case == "b"
    refused("stands alone", lambda: opg.rows(root, model="m", classes=["teeth", "3"]))
    refused("no class '33'", lambda: opg.rows(root, model="m", classes=["33"]))
    refused("holds no image in train/images", lambda: opg.rows(root, model="m", split="train"))
    touch(root / "test" / "images" / "c.jpg")
    refused("'c.jpg' has no mask in test/masks", lambda: opg.rows(root, model="m"))
    touch(root / "test" / "images" / "d.png")
    refused(r"end in \.jpg and \.png", lambda: opg.rows(root, model="m"))


def brains(folder):
    for subject, session in (("sub-01", "ses-a"), ("sub-01", "ses-b"), ("sub-02", "")):
        inside = folder / subject / session / "anat" if session else folder / subject / "anat"
        stem = "_".join(filter(None, [subject, session]))
        touch(*(inside / f"{stem}_{kind}.nii.gz" for kind in ("T1w", "FLAIR")), inside / f"{stem}_T1w.json")
    touch(folder / "dataset_description.json", folder / "participants.tsv")
    return folder


def segmented(folder, table="index\tname\n0\tbackground\n1\tgrey matter\n4\tlesion\n", pipeline="fast"):
    base = folder / "derivatives" / pipeline
    for subject, session in (("sub-01", "ses-a"), ("sub-01", "ses-b"), ("sub-02", "")):
        inside = base / subject / session / "anat" if session else base / subject / "anat"
        stem = "_".join(filter(None, [subject, session]))
        touch(inside / f"{stem}_dseg.nii.gz", inside / f"{stem}_space-MNI152NLin6Asym_dseg.nii.gz")
        touch(inside / f"{stem}_space-T1w_desc-brain_mask.nii.gz")
    if table:
        (base / "dseg.tsv").write_text(table)
    return base


def test_bids_images_in_the_channels_order_and_segmentations_in_their_own_space(tmp_path):
    root = brains(tmp_path / "ds")
    base = segmented(root)
    found = list(bids.rows(root, model="m", channels=("FLAIR", "T1w")))
    assert [row.case for row in found[::3]] == ["sub-01_ses-a", "sub-01_ses-b", "sub-02"]
    assert [row.group for row in found[::3]] == ["sub-01", "sub-01", "sub-02"]
    images = tuple(str(root / "sub-02" / "anat" / f"sub-02_{kind}.nii.gz") for kind in ("FLAIR", "T1w"))
    dseg = str(base / "sub-02" / "anat" / "sub-02_dseg.nii.gz")
    brain = str(base / "sub-02" / "anat" / "sub-02_space-T1w_desc-brain_mask.nii.gz")
    assert found[6:] == [
        Row("sub-02", images, "m", "grey matter", dseg, "1", "", "", dseg, "1", group="sub-02"),
        Row("sub-02", images, "m", "lesion", dseg, "4", "", "", dseg, "4", group="sub-02"),
        Row("sub-02", images, "m", "brain", brain, "", "", "", brain, "", group="sub-02"),
    ]
    assert [row.target for row in bids.rows(root, model="m", classes=["lesion"])] == ["lesion"] * 3


def test_bids_without_segmentations_asks_about_the_prediction(tmp_path):
    found = list(bids.rows(brains(tmp_path / "ds"), model="m"))
    assert [(row.target, row.pixels, row.segment) for row in found] == [("*", "predicted", "")] * 3
    assert [row.target for row in bids.rows(tmp_path / "ds", model="m", classes=["lesion"])] == ["lesion"] * 3


def test_bids_says_what_is_missing(tmp_path):
    root = brains(tmp_path / "ds")
    refused("lacks its T2w|holds no", lambda: bids.rows(root, model="m", channels=("T1w", "T2w")))
    (root / "sub-02" / "anat" / "sub-02_FLAIR.nii.gz").unlink()
    refused("'sub-02' lacks its FLAIR", lambda: bids.rows(root, model="m", channels=("T1w", "FLAIR")))
    base = segmented(root, table="")
    refused("'sub-01_ses-a_dseg.nii.gz' has no table", lambda: bids.rows(root, model="m"))
    (base / "dseg.tsv").write_text("number\tname\n1\tx\n")
    refused("'dseg.tsv' is not as BIDS describes it", lambda: bids.rows(root, model="m"))
    segmented(root)
    refused("no class 'tumour'", lambda: bids.rows(root, model="m", classes=["tumour"]))
    segmented(root, pipeline="other")
    refused("Several pipelines hold segmentations: fast, other", lambda: bids.rows(root, model="m"))
    assert len(list(bids.rows(root, model="m", pipeline="fast"))) == 9
    refused("no pipeline 'third'", lambda: bids.rows(root, model="m", pipeline="third"))
    for path in (base / "sub-02" / "anat").iterdir():
        path.unlink()
    refused("'sub-02' has no segmentation", lambda: bids.rows(root, model="m", pipeline="fast"))
    touch(base / "sub-02" / "anat" / "sub-02_mask.nii.gz")
    refused("'sub-02_mask.nii.gz' does not say of what", lambda: bids.rows(root, model="m", pipeline="fast"))
    touch(root / "sub-02" / "anat" / "sub-02_T1w.nii")
    refused("two files of T1w", lambda: bids.rows(root, model="m"))


def test_merged_labels_are_their_union_and_one_that_a_case_does_not_have_is_no_mistake(tmp_path):
    labels = np.zeros((4, 5, 6), np.uint8)
    labels[1, 1], labels[2, 2, 3] = 1, 2
    write_volume(tmp_path / "seg.nii.gz", labels, oblique(labels.shape))
    read = read_labels(tmp_path / "seg.nii.gz")
    found = read.pixel_set("1+2+3")
    assert np.array_equal(found.weights > 0, labels > 0) and found.label == "segment '1 + 2 + 3'"
    assert np.array_equal(read.pixel_set("2+3").weights > 0, labels == 2)
    with pytest.raises(EmptyPixelSetError, match=r"The label 3 \+ 4 has no voxel"):
        read.pixel_set("3+4")
    with pytest.raises(EmptyPixelSetError, match="no label '3'"):
        read.pixel_set("3")
    assert read.of(read.label("3")).is_empty and np.array_equal(read.of(read.label("1+2")).weights > 0, labels > 0)
    with pytest.raises(PixelSetError, match="no label 'kidney'"):
        read.pixel_set("kidney+2")


def test_ten_thousand_rows_are_streamed_from_names_alone(tmp_path):
    root = tmp_path / "cityscapes"
    for n in range(530):
        name = f"bonn_{n:06d}_000019"
        touch(root / "leftImg8bit" / "val" / "bonn" / f"{name}_leftImg8bit.png")
        touch(root / "gtFine" / "val" / "bonn" / f"{name}_gtFine_labelIds.png")
    found = cityscapes.rows(root, model="m")
    assert iter(found) is found and sum(1 for _ in found) == 10_070


def test_rows_written_as_a_plan_are_read_back_as_they_were(tmp_path):
    root = kits(tmp_path / "kits23")
    rows = list(kits23.rows(root, model="demo:honest", classes=["mass", "cyst"]))
    assert write_plan(tmp_path / "plan.csv", iter(rows)) == len(rows) == 4
    assert list(expanded(tmp_path / "plan.csv")) == rows
    refused("'plan.csv' exists already", lambda: [write_plan(tmp_path / "plan.csv", rows)])
    odd = nnunet_raw.rows(nnunet(tmp_path / "a|b"), model="m")
    refused(r"holds one of \| \* \? \[", lambda: [write_plan(tmp_path / "other.csv", odd)])
    assert not (tmp_path / "other.csv").exists()


def test_the_how_to_page_s_lines_run_as_they_stand(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "paper_data.md").read_text(encoding="utf-8")
    kits(tmp_path / "kits23")
    monkeypatch.chdir(tmp_path)
    exec(compile(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], "paper_data.md", "exec"), {})
    assert capsys.readouterr().out == "2 questions\n"
    (first, _) = expanded(tmp_path / "plan.csv")
    assert first.images == (str(tmp_path / "kits23" / "dataset" / "case_00000" / kits23.IMAGE),)
    assert all(f"| `{name}` |" in page for name in LAYOUTS)
