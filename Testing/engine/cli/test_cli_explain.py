"""``explain`` and ``figure`` on the command line: the engine's own numbers, repeatable, whole or not at all."""

import contextlib
import io
import json
import resource

import numpy as np
import pytest

from engine.cli_cases import SEGMENTS, VOLUME, factory, left, process, run, volume
from engine.grids import oblique
from engine.volume_files import PATIENT, write_series
from seghirescam import Image, open_model
from seghirescam.cli import main
from seghirescam.cli.outputs import claimed_folder
from seghirescam.cli.sidecars import read_sidecar
from seghirescam.demo.case import load_case
from seghirescam.evaluation.metrics.body import body_of
from seghirescam.evaluation.metrics.shares import share
from seghirescam.io.label_maps import write_labels
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.recipes import Component, FalseNegatives, FalsePositives, PredictedClass, SegmentAndPredicted
from seghirescam.session.explain import explain

QUESTION = ("--class", "lesion", "--score", "contrast", "--rival", "look-alike")
LAYERS = ("encoder.2", "decoder.3")


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """The shortcut network on the demo case, by the command line: (folder, what --json printed)."""
    folder = tmp_path_factory.mktemp("cli") / "why"
    words = ("explain", "demo:shortcut", "--image", VOLUME, "--segment", f"{SEGMENTS}:Lesion", *QUESTION)
    methods = ("--method", "seg_hires_grad_cam", "--method", "seg_grad_cam")
    layers = [word for name in LAYERS for word in ("--layer", name)]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main([*words, *methods, *layers, "--json", "--out", str(folder)]) == 0
    return folder, json.loads(out.getvalue())["results"]


@pytest.fixture(scope="module")
def by_python():
    """The same question asked of explain()."""
    image, segments = load_case()
    words = {"class_index": "lesion", "score": "contrast", "rival": "look-alike", "layers": list(LAYERS)}
    methods = ["seg_hires_grad_cam", "seg_grad_cam"]
    return image, segments, explain(open_model("demo:shortcut"), image, segments["Lesion"], methods=methods, **words)


def test_the_command_line_gives_explain_s_maps_bit_for_bit(answered, by_python):
    folder, results = answered
    image, _, found = by_python
    assert len(results) == len(found) == 4
    for result, explanation in zip(results, found, strict=True):
        written = read_volume(folder / result["map"])
        assert np.array_equal(written.array[0], explanation.resampled_to(image.grid).array)
        assert written.grid.same_as(image.grid, 1e-3)
        assert (result["layer"], result["method"]) == (explanation.layer.name, explanation.method)
        assert (result["total"], result["score"]) == (explanation.total, explanation.score)
        assert result["completeness"] == explanation.completeness and result["unit"] == "logit"


def test_the_table_s_shares_are_those_of_the_segment_as_it_was_drawn(answered, by_python):
    _, results = answered
    image, segments, found = by_python
    mask, body = segments["Lesion"].weights > 0, body_of(image)
    for result, explanation in zip(results, found, strict=True):
        inside, even = share(explanation.resampled_to(image.grid).array, mask), (mask & body).sum() / body.sum()
        evidence = dict(result["evidence"])
        assert evidence.pop("chance_over") == "body"
        assert evidence == pytest.approx({"inside": inside, "chance": even, "lift": inside / even}, rel=1e-12)
        voxels, ml = int(mask.sum()), mask.sum() * image.grid.voxel_ml
        assert result["pixel_set_size"] == pytest.approx(
            {"voxels": voxels, "ml": ml, "share_of_image": voxels / mask.size}
        )


def test_the_sidecar_holds_the_facts_the_place_and_the_question_and_no_path(answered, by_python):
    folder, results = answered
    image, segments, found = by_python
    for n, (result, explanation) in enumerate(zip(results, found, strict=True)):
        facts = read_sidecar(next(iter(sorted(folder.glob(f"{n + 1:02d}_*.json"))))).facts
        own = json.loads(json.dumps(explanation.to_json()))
        assert {key: facts[key] for key in own} == own
        assert facts["file"]["name"] == result["map"] and facts["file"]["unit"] == "logit/ml"
        assert np.array_equal(facts["file"]["ijk_to_ras"], image.grid.ijk_to_ras)
        assert facts["request"]["question"]["layers"] == list(LAYERS)
        assert facts["request"]["channels"] == [{"name": "T1", "sha256": image.content_hash}]
        assert facts["request"]["segment_sha256"] == segments["Lesion"].content_hash
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.json"))
    assert "case.nrrd" not in text and "/work" not in text and "/tmp" not in text


def test_asking_again_by_the_sidecar_gives_the_same_files(capsys, answered, tmp_path):
    folder, _ = answered
    sidecar = sorted(folder.glob("03_*.json"))[0]
    words = ("explain", "demo:shortcut", "--image", VOLUME, "--segment", f"{SEGMENTS}:1", "--repeat", sidecar)
    code, _, err = run(capsys, *words, "--out", tmp_path / "again")
    assert code == 0, err
    assert left(tmp_path / "again") == left(folder)
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_sidecar_s_question_asked_of_explain_in_python_gives_the_same_map(answered):
    folder, _ = answered
    stored = read_sidecar(sorted(folder.glob("02_*.json"))[0])
    asked = stored.facts["request"]["question"]
    image, segments = load_case()
    found = explain(
        open_model("demo:shortcut"), image, segments["Lesion"], class_index=asked["class_name"], score=asked["score"],
        methods=asked["methods"], layers=asked["layers"], rival=asked["rival"], side=asked["side"],
        precision=asked["precision"],
    )  # fmt: skip
    (same,) = [f for f in found if (f.method, f.layer.name) == (stored.facts["method"], stored.facts["layer"]["name"])]
    assert np.array_equal(stored.density_on(image.grid)[0], same.resampled_to(image.grid).array)


def test_another_image_segment_or_model_than_the_sidecar_s_is_refused(capsys, answered, tmp_path):
    folder, _ = answered
    sidecar = sorted(folder.glob("01_*.json"))[0]
    image, _ = load_case()
    changed = image.array[0].copy()
    changed[0, 0, 0] += 1
    write_volume(tmp_path / "other.nrrd", changed, image.grid)
    again = ("--repeat", sidecar, "--out", tmp_path / "out")
    for model, picture, label, sentence in (
        ("demo:shortcut", tmp_path / "other.nrrd", "1", "another image than the sidecar tells"),
        ("demo:shortcut", VOLUME, "2", "another segment than the sidecar tells"),
        ("demo:honest", VOLUME, "1", "another model than the sidecar tells"),
    ):
        code, _, err = run(capsys, "explain", model, "--image", picture, "--segment", f"{SEGMENTS}:{label}", *again)
        assert code == 2 and sentence in err
    code, _, err = run(capsys, "explain", "demo:shortcut", "--image", VOLUME, "--class", "lesion", *again)
    assert code == 2 and "--class cannot be given" in err
    assert left(tmp_path) == ["other.nrrd"]


def test_the_layer_s_own_cells_are_written_as_they_are(capsys, by_python, tmp_path):
    _, _, found = by_python
    words = ("explain", "demo:shortcut", "--image", VOLUME, "--segment", f"{SEGMENTS}:Lesion", *QUESTION)
    layers = [word for name in LAYERS for word in ("--layer", name)]
    code, _, err = run(capsys, *words, *layers, "--grid", "layer", "--format", "nrrd", "--out", tmp_path / "cells")
    assert code == 0, err
    for n, explanation in enumerate(f for f in found if f.method == "seg_hires_grad_cam"):
        stored = read_sidecar(sorted((tmp_path / "cells").glob(f"{n + 1:02d}_*.json"))[0])
        written = read_volume(tmp_path / "cells" / stored.facts["file"]["name"])
        assert np.array_equal(written.array[0], explanation.map) and written.grid.same_as(explanation.grid, 1e-6)
        assert stored.facts["file"]["unit"] == "logit" and stored.facts["file"]["sum"] == explanation.total


def toy(tmp_path):
    """A factory model, an oblique image, a segment on it, and the same in Python."""
    source, path = factory(tmp_path / "m"), volume(tmp_path)
    mask = np.random.default_rng(4).random((8, 10, 12)) < 0.4
    write_labels(tmp_path / "l.seg.nrrd", mask.astype(np.uint8), oblique((8, 10, 12)), {1: "organ"})
    model, image = open_model(str(source), consent=True), read_volume(path)
    segment = PixelSet(mask, image.grid, "segment 'organ'")
    return (
        model,
        image,
        segment,
        ("explain", source, "--consent", "--image", path, "--class", "organ", "--layer", "down"),
    )


@pytest.mark.parametrize(
    ("words", "recipe"),
    [
        (("--pixel-set", "predicted"), lambda s: PredictedClass()),
        (("--pixel-set", "segment-and-predicted"), SegmentAndPredicted),
        (("--pixel-set", "false-positives"), FalsePositives),
        (("--pixel-set", "false-negatives"), FalseNegatives),
        (("--pixel-set", "component"), Component),
    ],
)
def test_every_pixel_set_is_the_engine_s(capsys, tmp_path, words, recipe):
    model, image, segment, asked = toy(tmp_path)
    code, out, err = run(
        capsys, *asked, "--segment", f"{tmp_path / 'l.seg.nrrd'}:organ", *words, "--json", "--out", tmp_path / "o"
    )
    assert code == 0, err
    (expected,) = explain(model, image, recipe(segment), class_index="organ", layers=["down"])
    (result,) = json.loads(out)["results"]
    assert np.array_equal(read_volume(tmp_path / "o" / result["map"]).array[0], expected.resampled_to(image.grid).array)
    facts = read_sidecar(tmp_path / "o" / "01_down_seg_hires_grad_cam.json").facts
    assert facts["provenance"]["pixel_set_sha256"] == expected.provenance["pixel_set_sha256"]
    drawn = read_volume(tmp_path / "o" / result["pixel_set_file"]).array[0]
    assert int(drawn.sum()) == expected.provenance["pixel_set_voxels"]


def test_several_pixel_sets_and_places_in_one_run(capsys, tmp_path):
    _, image, _, asked = toy(tmp_path)
    at = image.grid.ras((3, 4, 5))
    place = ("--at", *at, "--box", *image.grid.ras((0, 0, 0)), *image.grid.ras((7, 9, 11)))
    sets = [word for name in ("whole", "voxel", "box") for word in ("--pixel-set", name)]
    code, out, err = run(capsys, *asked, *sets, *place, "--json", "--out", tmp_path / "o")
    assert code == 0, err
    results = json.loads(out)["results"]
    assert [r["pixel_set"] for r in results] == ["whole image", "one voxel", "box"]
    masks = [read_volume(tmp_path / "o" / r["pixel_set_file"]).array[0] for r in results]
    assert masks[0].all() and np.argwhere(masks[1]).tolist() == [[3, 4, 5]] and 1 < masks[2].sum() < masks[2].size
    # the whole image holds all of the evidence, which is what chance would say
    assert [results[0]["evidence"][key] for key in ("inside", "chance", "lift")] == pytest.approx([1, 1, 1])


def test_an_empty_pixel_set_is_refused_before_anything_is_written(capsys, tmp_path):
    _, image, _, asked = toy(tmp_path)
    write_labels(tmp_path / "all.seg.nrrd", np.ones((8, 10, 12), np.uint8), image.grid, {1: "all"})
    words = ("--segment", tmp_path / "all.seg.nrrd", "--pixel-set", "false-positives", "--out", tmp_path / "o")
    code, _, err = run(capsys, *asked, *words)
    assert code == 2 and err.startswith("Error: The pixel set is empty") and not (tmp_path / "o").exists()


def test_voxels_that_are_no_numbers_are_refused_before_the_network_runs(capsys, tmp_path):
    _, image, _, asked = toy(tmp_path)
    array = image.array[0].copy()
    array[1, 2, 3], array[0, 0, 0] = np.nan, np.inf
    write_volume(tmp_path / "v.nii.gz", array, image.grid)
    code, _, err = run(capsys, *asked, "--pixel-set", "whole", "--out", tmp_path / "o")
    assert code == 2 and "holds 2 voxel(s) that are NaN or infinite" in err and not (tmp_path / "o").exists()


def test_an_interrupted_write_leaves_nothing_and_what_was_there_stays(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "01.json").write_text("old", encoding="utf-8")
    for reason in (KeyboardInterrupt, RuntimeError):
        for out in (tmp_path / "out", tmp_path / "deep" / "er"):
            with pytest.raises(reason), claimed_folder(out, overwrite=True) as place:
                with place.filled("explain", {}, None) as folder:
                    (folder / "01.json").write_text("new", encoding="utf-8")
                    raise reason
    assert (
        left(tmp_path) == ["out", "out/01.json"] and (tmp_path / "out" / "01.json").read_text(encoding="utf-8") == "old"
    )


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, suffix):
    """No file may grow beyond 4 kB: the map does not fit, the NIfTI writer itself would not say so."""
    source, path = factory(tmp_path / "m"), volume(tmp_path, shape=(16, 16, 16))
    (tmp_path / "place").mkdir()
    words = (
        "explain",
        source,
        "--consent",
        "--image",
        path,
        "--class",
        "organ",
        "--pixel-set",
        "whole",
        "--layer",
        "down",
    )
    child = process(
        *words, "--format", suffix, "--out", tmp_path / "place" / "out",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )  # fmt: skip
    _, err = child.communicate()
    assert child.returncode == 2 and "Error: A volume could not be written whole." in err
    assert left(tmp_path / "place") == []


def test_no_patient_name_of_a_dicom_folder_reaches_any_output(capsys, tmp_path):
    """The name stands in every slice's header and file name, and in the folders'."""
    place = tmp_path / PATIENT
    source, _ = factory(tmp_path / "m"), write_series(place / "scan", shape=(8, 10, 12))
    assert PATIENT.replace(" ", "^").encode() in next((place / "scan").iterdir()).read_bytes()
    out, said = tmp_path / "out", ""
    model, question = ("--consent", "--image", place / "scan"), ("--class", "organ", "--pixel-set", "whole")
    for expected, words in (
        (0, ("layers", source, *model)),
        (0, ("predict", source, *model, "--out", out / "seg.seg.nrrd")),
        (0, ("predict", source, *model, "--out", out / "seg.nii.gz", "--json")),
        (0, ("explain", source, *model, *question, "--layer", "down", "--out", out / "why")),
        (0, ("figure", out / "why", "--image", place / "scan", "--out", out / "f.png")),
        (0, ("figure", out / "why", "--image", place / "scan", "--out", out / "f.pdf", "--dark")),
        # and what goes wrong, with its traceback
        (2, ("layers", source, "--consent", "--image", place / "gone.nii", "--debug")),
        (2, ("layers", source, "--consent", "--image", place, "--debug", "--json")),
        (2, ("models", place / "scan", "--debug", "--json")),
    ):
        code, *told = run(capsys, *words)
        assert code == expected, told
        said += "".join(told)
    written = [p for p in out.rglob("*") if p.is_file()]
    assert len(written) == 9
    for content in (said.encode(), *(p.read_bytes() for p in written), "\n".join(left(out)).encode()):
        assert b"zebra" not in content.lower() and b"quagga" not in content.lower()


def test_a_figure_of_the_folder_and_of_one_sidecar(capsys, answered, tmp_path):
    folder, results = answered
    code, out, err = run(capsys, "figure", folder, "--image", VOLUME, "--out", tmp_path / "all.png", "--json")
    assert code == 0 and json.loads(out)["maps"] == [r["map"] for r in results], err
    sidecar = sorted(folder.glob("01_*.json"))[0]
    code, _, err = run(capsys, "figure", sidecar, "--image", VOLUME, "--out", tmp_path / "one.pdf", "--signed")
    assert (code, err) == (0, "") and left(tmp_path) == ["all.png", "one.pdf"]
    code, _, err = run(capsys, "figure", sidecar, "--image", VOLUME, "--out", tmp_path / "one.pdf")
    assert code == 2 and "exists already" in err


def test_a_figure_over_another_image_is_told_or_refused(capsys, answered, tmp_path):
    folder, _ = answered
    image, _ = load_case()
    write_volume(tmp_path / "other.nrrd", image.array[0] * 2, image.grid)
    write_volume(tmp_path / "smaller.nrrd", image.array[0, 1:], image.grid.strided((1, 1, 1), (1, 0, 0), (95, 128, 96)))
    code, _, err = run(capsys, "figure", folder, "--image", tmp_path / "other.nrrd", "--out", tmp_path / "f.png")
    assert code == 0 and "not one of those that were explained" in err
    code, _, err = run(capsys, "figure", folder, "--image", tmp_path / "smaller.nrrd", "--out", tmp_path / "g.png")
    assert code == 2 and "lies on another grid than the map" in err and not (tmp_path / "g.png").exists()


def test_a_map_that_was_changed_after_it_was_written_makes_no_figure(capsys, answered, tmp_path):
    folder, _ = answered
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    stored = read_sidecar(sorted(tmp_path.glob("01_*.json"))[0])
    written = read_volume(tmp_path / stored.facts["file"]["name"])
    write_volume(tmp_path / stored.facts["file"]["name"], written.array[0] * 2, written.grid)
    code, _, err = run(capsys, "figure", tmp_path, "--image", VOLUME, "--out", tmp_path / "f.png")
    assert code == 2 and "is not the map its sidecar describes" in err
    assert isinstance(written, Image)
