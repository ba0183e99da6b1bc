"""``seghirescam report`` of what other commands wrote: the numbers are those of their files, the figures theirs."""

import base64
import json
import re
import shutil
from urllib.parse import unquote

import numpy as np
import pytest

from engine.cli_cases import factory, left, run, volume
from engine.report_pages import Page
from engine.volume_files import PATIENT
from seghirescam.io.file_content import hash_of
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import read_volume


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder called after a patient with a model, an image, and results of four commands."""
    from seghirescam.cli import main

    folder = tmp_path_factory.mktemp(PATIENT.replace(" ", "_"))
    model, image = factory(folder / "m"), volume(folder, f"{PATIENT}.nii.gz")
    labels = np.zeros((8, 10, 12), np.uint8)
    labels[3:6, 3:7, 4:8], labels[0:2, 0:4, 0:4] = 1, 2
    write_labels(folder / "labels.seg.nrrd", labels, read_volume(image).grid, {1: "organ", 2: "ruler"})
    common = [str(model), "--consent", "--image", str(image), "--quiet"]
    asked = ["--segment", f"{folder / 'labels.seg.nrrd'}:organ", "--class", "organ"]
    region = f"{folder / 'labels.seg.nrrd'}:ruler"
    for words in (
        ["explain", *common, *asked, "--layer", "down", "--layer", "up", "--out", str(folder / "why")],
        ["paint", *common, *asked, "--region", region, "--out", str(folder / "painted")],
        ["evaluate", *common, *asked, "--layer", "down", "--labels", str(folder / "labels.seg.nrrd"), "--out",
         str(folder / "evaluated")],
        ["disagree", "--model", str(model), "--model", str(factory(folder / "n", forward="x = x * x")), *common[1:],
         "--class", "organ", "--out", str(folder / "pair")],
    ):  # fmt: skip
        assert main(words) == 0
    return folder


def page_of(capsys, folder, *more):
    code, _, err = run(capsys, "report", folder, "--overwrite", "--quiet", *more)
    assert code == 0, err
    page = Page(folder / "report.html")
    assert not re.search("zebra|quagga", page.text, re.IGNORECASE) and "http:" not in page.text
    assert all((folder / unquote(one)).is_file() for one in page.links)
    return page


def sidecars(folder):
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("0*.json"))]
    return [one for one in found if "file" in one]


def test_maps_stand_with_their_numbers(place, capsys):
    page = page_of(capsys, place / "why")
    facts = sidecars(place / "why")
    assert set(page.sections) == {"map-1", "map-2"} and len(page.sources) == 2
    for n, one in enumerate(facts, start=1):
        cells = {row[0].text: row[1] for row in page.sections[f"map-{n}"][0].rows}
        assert cells["Status"].text == one["status"]
        evidence, told = one["evidence"], f"Share inside (lift over the {one['evidence']['chance_over']})"
        assert cells[told].value == evidence["inside"] and cells["Chance of it"].value == evidence["chance"]
        assert f"{100 * evidence['inside']:.3g} %" in cells[told].text
        assert cells["Completeness"].value == one["completeness"] and cells["Total of the map"].value == one["total"]
        assert cells[f"Score ({one['score_title']})"].value == one["score"]
        assert cells["Pixel set"].value == one["pixel_set_size"]["ml"] and " ml" in cells["Pixel set"].text
        below = evidence["lift"] is not None and evidence["lift"] < 1
        assert bool(page.odd[f"map-{n}"]) == (below or one["status"] != "ok")
    assert "No image was given (--image)" in page.text


def test_both_signs_are_drawn_on_demand_and_said(place, capsys):
    said = "Red speaks for the class, blue against it"
    plain = page_of(capsys, place / "why")
    signed = page_of(capsys, place / "why", "--signed")
    assert said not in plain.text and signed.text.count(said) == 2 and plain.sources != signed.sources
    behind = page_of(capsys, place / "why", "--signed", "--image", place / f"{PATIENT}.nii.gz")
    assert behind.text.count(said) == 2 and "of both signs; faint: the rest" not in behind.text


def test_two_models_are_compared_with_both_signs_on_demand(place, capsys, tmp_path):
    models = [word for name in "mn" for word in ("--model", next((place / name).glob("*.model.json")))]
    words = ("--image", place / f"{PATIENT}.nii.gz", "--class", "organ", "--consent", "--signed")
    code, _, err = run(capsys, "disagree", *models, *words, "--out", tmp_path / "pair")
    assert code == 0, err
    assert "Red speaks for the class" in (tmp_path / "pair" / "caption.txt").read_text(encoding="utf-8")


def test_the_image_is_drawn_behind_the_maps_and_another_one_is_refused(place, capsys):
    page = page_of(capsys, place / "why", "--image", place / f"{PATIENT}.nii.gz")
    assert "No image was given" not in page.text and len(page.sources) == 2
    before = left(place / "why")
    code, _, err = run(capsys, "report", place / "why", "--overwrite", "--image", volume(place, "other.nii.gz", seed=5))
    assert code == 2 and "is not the one that was explained" in err and left(place / "why") == before


def test_an_evaluation_stands_with_its_verdict_checks_and_labels(place, capsys):
    page = page_of(capsys, place / "evaluated")
    facts = json.loads((place / "evaluated" / "evaluation.json").read_text())["evaluations"][0]
    checks = page.sections["map-1"][0].rows
    assert [row[0].text for row in checks] == [row["title"] for row in facts["trust"]["rows"]]
    assert [row[1].value for row in checks] == [row["value"]["value"] for row in facts["trust"]["rows"]]
    numbers = page.table("Every number", "map-1").rows
    assert [row[2].value for row in numbers] == [row["value"] for row in facts["metrics"]]
    labels = page.table("Evidence by label", "map-1").rows
    assert [(row[0].text, row[2].value) for row in labels] == [
        (row["name"], row["share"]["value"]) for row in facts["by_label"]
    ]
    assert f"Verdict: {facts['trust']['verdict']}." in page.text


def test_a_painting_stands_with_its_sentence_numbers_and_figure(place, capsys):
    page = page_of(capsys, place / "painted")
    found = json.loads((place / "painted" / "result.json").read_text())["painting"]
    assert found["sentence"].replace("'", "&#39;") in page.text
    for row, when in zip(page.table("Before and after").rows, ("before", "after"), strict=True):
        assert row[1].value == found[when]["score"] and row[2].value == found[when]["ml"]
    png = base64.b64decode(page.sources[0].partition(",")[2])
    assert png == (place / "painted" / "figure.png").read_bytes()


def test_two_models_stand_side_by_side(place, capsys):
    page = page_of(capsys, place / "pair")
    facts = sidecars(place / "pair")
    assert len(page.sections) == len(facts) > 0 and len(page.sources) == len(facts) + 1
    shares = sorted(one["evidence"]["inside"] for one in facts if one["evidence"]["inside"] is not None)
    rows = page.table("The main columns").lines()
    assert sorted(row["inside"].value for row in rows if row["inside"].value is not None) == shares


def test_files_that_changed_are_refused_and_nothing_else_is_shown(place, tmp_path, capsys):
    changed = shutil.copytree(place / "painted", tmp_path / "painted", ignore=shutil.ignore_patterns("report.html"))
    (changed / "figure.png").write_bytes(b"x")
    (changed / "mine.png").write_bytes((place / "painted" / "figure.png").read_bytes())
    code, _, err = run(capsys, "report", changed)
    assert code == 2 and "'figure.png' is not what the run in this folder wrote" in err
    shutil.copy(place / "painted" / "figure.png", changed)
    assert run(capsys, "report", changed)[0] == 0 and len(Page(changed / "report.html").sources) == 1
    code, _, err = run(capsys, "report", changed, "--names", "--overwrite")
    assert code == 2 and "--names goes with a cohort's run" in err


def test_of_many_maps_the_odd_ones_are_drawn_and_the_rest_counted(place, tmp_path, capsys, monkeypatch):
    """The last map of a result is the oddest: it must not fall behind the limit."""
    from seghirescam.cli.reports import result_page

    monkeypatch.setattr(result_page, "MOST_SECTIONS", 1)
    folder = shutil.copytree(place / "why", tmp_path / "why", ignore=shutil.ignore_patterns("report.html"))
    last = sorted(folder.glob("0*.json"))[-1]
    facts = json.loads(last.read_text()) | {"status": "zero_map", "reason": "The map is zero."}
    last.write_text(json.dumps(facts))
    run_json = json.loads((folder / "run.json").read_text())
    run_json["files"][last.name] = hash_of(last)
    (folder / "run.json").write_text(json.dumps(run_json))
    page = page_of(capsys, folder)
    assert (
        list(page.sections) == ["map-2"] and page.odd["map-2"][0] == "No map that counts (zero map): The map is zero."
    )
    assert (
        "The first 1 of 2 by this rule" in page.text and f"2 maps, {1 + _below(folder)} with something odd" in page.text
    )


def _below(folder):
    evidence = sidecars(folder)[0]["evidence"]
    return int(evidence["lift"] is not None and evidence["lift"] < 1)


def test_a_report_is_no_obstacle_for_who_writes_the_folder_next(place, tmp_path, capsys):
    folder = shutil.copytree(place / "why", tmp_path / "why")
    assert (folder / "report.html").exists() or run(capsys, "report", folder)[0] == 0
    words = (place / "m" / "net.model.json", "--consent", "--image", place / f"{PATIENT}.nii.gz", "--class", "organ")
    code, _, err = run(capsys, "explain", *words, "--layer", "down", "--out", folder, "--overwrite")
    assert code == 0, err
    assert len(page_of(capsys, folder).sections) == 1
