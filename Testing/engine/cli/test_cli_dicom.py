"""``explain --format dicom`` and ``export``: as a user types them; refused in one sentence; nothing half-written."""

import json

import numpy as np
import pydicom
import pytest

from engine import dicom_out_cases as cases
from engine.cli_cases import left
from engine.dicom_cases import PATIENT, Series, identity_model, save, segmentation
from seghirescam.cli import main
from seghirescam.cli.sidecars import read_results
from seghirescam.io.dicom_maps import read_map
from seghirescam.io.label_maps import read_labels
from seghirescam.io.volumes import read_volume, write_volume

MAP, REGIONS, SIDECAR = (f"01_0_seg_hires_grad_cam{end}" for end in (".dcm", "_regions.dcm", ".json"))


def run(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A series, a segment on it, a model whose map is the image within the segment, and the explanation as NIfTI."""
    folder = tmp_path_factory.mktemp("case")
    series = Series(turn=cases.DOWN, start=cases.START, thickness=5.0)
    slices = series.slices(np.random.default_rng(0).normal(size=series.shape) * 100 + 20)
    save(folder / "series", slices)
    mask = np.zeros(series.shape, np.uint8)
    mask[3:9, 2:8, 3:9] = 1
    segmentation(folder / "seg.dcm", slices, mask)
    identity_model(folder / "model")
    assert run(*asked(folder, "--out", folder / "nifti"), "--device", "cpu") == 0
    return folder


def asked(folder, *more, segment="seg.dcm", image="series", about=("--class", "fg", "--layer", "0")):
    return ("explain", folder / "model" / "net.model.json", "--consent", "--image", folder / image, "--segment",
            folder / segment, *about, *more)  # fmt: skip


def test_explain_writes_the_map_its_regions_and_says_what_they_carry(case, tmp_path, capsys):
    assert run(*asked(case, "--format", "dicom", "--out", tmp_path / "why")) == 0
    assert "carries the patient's name, number, birth date and sex" in capsys.readouterr().err
    assert sorted(left(tmp_path / "why")) == sorted([MAP, REGIONS, SIDECAR, "run.json"])
    for name in (MAP, REGIONS):
        data = pydicom.dcmread(tmp_path / "why" / name)
        assert str(data.PatientName) == PATIENT and cases.errors_of_dciodvfy(tmp_path / "why" / name) == []
    facts = json.loads((tmp_path / "why" / SIDECAR).read_text())
    assert facts["file"]["kind"] == "layer" and PATIENT not in json.dumps(facts)
    # the layer's cells are the image's voxels here, and hold their contribution in logits
    image = read_volume(case / "series")
    mask = read_labels(case / "seg.dcm", image.grid).pixel_set().on(image.grid).weights > 0
    array, grid = read_map(tmp_path / "why" / MAP)
    assert grid.same_as(image.grid, 1e-4) and np.array_equal(array, np.where(mask, image.array[0], 0).astype("f4"))
    regions = read_labels(tmp_path / "why" / REGIONS, image.grid)
    assert np.array_equal(regions.pixel_set("1").on(image.grid).weights > 0, mask)
    assert len(regions.labels) == 4


def test_what_explain_wrote_is_read_by_figure_and_asked_again_to_the_last_bit(case, tmp_path):
    assert run(*asked(case, "--format", "dicom", "--out", tmp_path / "why")) == 0
    assert run("figure", tmp_path / "why", "--image", case / "series", "--out", tmp_path / "why.png") == 0
    again = asked(case, "--repeat", tmp_path / "why" / MAP, "--out", tmp_path / "again", about=())
    assert run(*again) == 0
    name = next(one for one in left(tmp_path / "again") if one.startswith("01") and one.endswith(".nii.gz"))
    repeated = read_volume(tmp_path / "again" / name)
    assert np.array_equal(repeated.array[0], read_map(tmp_path / "why" / MAP)[0])
    assert run(*again[:-1], tmp_path / "dicom", "--format", "dicom") == 0
    assert np.array_equal(read_map(tmp_path / "dicom" / MAP)[0], repeated.array[0])


def test_another_model_or_image_than_the_map_s_is_refused(case, tmp_path, capsys):
    assert run(*asked(case, "--format", "dicom", "--out", tmp_path / "why")) == 0
    other = Series(turn=cases.DOWN, start=cases.START)
    slices = other.slices()
    save(tmp_path / "series", slices)
    segmentation(tmp_path / "seg.dcm", slices, np.ones(other.shape, np.uint8))
    (tmp_path / "model").symlink_to(case / "model")
    capsys.readouterr()
    again = asked(tmp_path, "--repeat", tmp_path / "why" / MAP, "--out", tmp_path / "again", about=())
    assert run(*again) == 2 and "another segment and another image" in capsys.readouterr().err
    cases.saved(other, tmp_path / "x")
    assert run(*asked(tmp_path, "--repeat", next((tmp_path / "x").iterdir()), "--out", tmp_path / "y", about=())) == 2
    assert not (tmp_path / "again").exists() and not (tmp_path / "y").exists()


def test_the_image_s_grid_is_a_choice(case, tmp_path):
    assert run(*asked(case, "--format", "dicom", "--grid", "image", "--out", tmp_path / "why")) == 0
    array, grid = read_map(tmp_path / "why" / MAP)
    stored = read_volume(case / "nifti" / f"{MAP[:-4]}.nii.gz")
    assert np.array_equal(array, stored.array[0]) and grid.same_as(stored.grid, 1e-3)
    shared = pydicom.dcmread(tmp_path / "why" / MAP).SharedFunctionalGroupsSequence[0]
    assert shared.RealWorldValueMappingSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "/mL"


def test_all_segments_at_once(case, tmp_path):
    args = asked(case, "--format", "dicom", "--out", tmp_path / "all", segment="seg.dcm:all", about=("--class", "fg"))
    assert run(*args) == 0
    found = left(tmp_path / "all")
    assert sum(one.endswith("_regions.dcm") for one in found) == 1 and "table.csv" in found
    for name in found:
        if name.endswith(".dcm"):
            assert cases.errors_of_dciodvfy(tmp_path / "all" / name) == []


def test_export_gives_what_explain_gives(case, tmp_path, capsys):
    assert run("export", case / "nifti", "--image", case / "series", "--out", tmp_path / "out") == 0
    assert "carries the patient's name" in capsys.readouterr().err
    assert sorted(left(tmp_path / "out")) == sorted([MAP, REGIONS, "run.json"])
    assert run(*asked(case, "--format", "dicom", "--grid", "image", "--out", tmp_path / "why")) == 0
    for name in (MAP, REGIONS):
        one, other = (pydicom.dcmread(tmp_path / folder / name) for folder in ("out", "why"))
        word = "FloatPixelData" if name == MAP else "PixelData"
        assert one[word].value == other[word].value and one.SeriesDescription == other.SeriesDescription
    # and of what is DICOM already
    assert run("export", tmp_path / "why", "--image", case / "series", "--out", tmp_path / "twice") == 0
    assert np.array_equal(read_map(tmp_path / "twice" / MAP)[0], read_map(tmp_path / "why" / MAP)[0])
    assert PATIENT not in (tmp_path / "out" / "run.json").read_text()


def test_export_tells_what_was_painted_over(case, tmp_path):
    args = asked(case, "--out", tmp_path / "painted")
    assert run("paint", *args[1:]) == 0
    assert run("export", tmp_path / "painted", "--image", case / "series", "--out", tmp_path / "out") == 0
    image = read_volume(case / "series")
    labels = read_labels(tmp_path / "out" / REGIONS, image.grid)
    (label,) = [one for one in labels.labels if one.name.startswith("Masked out")]
    meant = read_volume(tmp_path / "painted" / "region.nii.gz").array[0] > 0
    assert meant.any() and np.array_equal(labels.of(label).on(image.grid).weights > 0, meant)


def test_export_tells_the_smallest_flip(case, tmp_path, capsys):
    """A bright block on dark ground: the network's segment is the block, and goes where the ground is painted in."""
    series = Series(turn=cases.DOWN, start=cases.START, thickness=5.0)
    mask = np.zeros(series.shape, np.uint8)
    mask[3:9, 2:8, 3:9] = 1
    slices = series.slices(np.where(mask, 90.0, -60.0) + np.random.default_rng(0).normal(size=series.shape))
    save(tmp_path / "series", slices)
    segmentation(tmp_path / "seg.dcm", slices, mask)
    (tmp_path / "model").symlink_to(case / "model")
    search = ("--anywhere", "--most", "0.5", "--finest-mm", "3", "--predictions", "12")
    assert run("flip", *asked(tmp_path)[1:], *search, "--dpi", "60", "--out", tmp_path / "flip") == 0
    assert run("export", tmp_path / "flip", "--image", tmp_path / "series", "--out", tmp_path / "out") == 0
    assert cases.errors_of_dciodvfy(tmp_path / "out" / REGIONS) == []
    found = [one for one in json.loads((tmp_path / "flip" / "result.json").read_text())["flips"] if one["found"]]
    image = read_volume(tmp_path / "series")
    labels = read_labels(tmp_path / "out" / REGIONS, image.grid)
    (label,) = [one for one in labels.labels if one.name == "Smallest flip found: masked out"]
    meant = read_volume(tmp_path / "flip" / "region.nii.gz").array[0] > 0
    assert found[0]["order"] == "map" and meant.sum() == found[0]["size"]["voxels"] > 0
    assert np.array_equal(labels.of(label).on(image.grid).weights > 0, meant)
    last = pydicom.dcmread(tmp_path / "out" / REGIONS).SegmentSequence[-1]
    assert (last.SegmentAlgorithmType, last.SegmentAlgorithmName) == ("AUTOMATIC", "smallest flip")
    assert last.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Selected region"
    # the region of another run is not this one's
    write_volume(tmp_path / "flip" / "region.nii.gz", (~meant).astype(np.uint8), image.grid)
    capsys.readouterr()
    assert run("export", tmp_path / "flip", "--image", tmp_path / "series", "--out", tmp_path / "no") == 2
    assert "is not the region" in capsys.readouterr().err
    # and with a map that lies elsewhere (--map) there is none in the folder
    (sidecar,) = [one for one in left(tmp_path / "flip") if one.startswith("01") and one.endswith(".json")]
    (tmp_path / "flip" / sidecar).unlink()
    assert run("export", tmp_path / "flip", "--image", tmp_path / "series", "--out", tmp_path / "no") == 2
    assert "but no map" in capsys.readouterr().err and not (tmp_path / "no").exists()


def test_other_voxels_in_the_same_place_are_not_the_image(case, tmp_path, capsys):
    slices = [pydicom.dcmread(file) for file in (case / "series").iterdir()]
    slices[0].PixelData = bytes(len(slices[0].PixelData))
    save(tmp_path / "series", slices)
    assert run("export", case / "nifti", "--image", tmp_path / "series", "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "is not the image" in said and "hash differs" in said and not (tmp_path / "out").exists()


def test_somebody_else_s_segment_and_images_without_a_patient_are_refused(case, tmp_path, capsys):
    slices = [pydicom.dcmread(file) for file in sorted((case / "series").iterdir())]
    segmentation(tmp_path / "other.dcm", sorted(slices, key=lambda one: one.InstanceNumber),
                 np.ones((20, 16, 18), np.uint8), change=lambda data: setattr(data, "PatientID", "Okapi"))  # fmt: skip
    args = asked(case, "--format", "dicom", "--out", tmp_path / "why", segment=tmp_path / "other.dcm")
    assert run(*args) == 2 and "belongs to another patient" in capsys.readouterr().err
    plain = case / "nifti" / f"{MAP[:-4]}.nii.gz"
    for words in (
        asked(case, "--format", "dicom", "--out", tmp_path / "why", image=plain),
        ("export", case / "nifti", "--image", plain, "--out", tmp_path / "why"),
    ):
        assert run(*words) == 2
        said = capsys.readouterr().err
        assert "is no DICOM" in said and str(case) not in said
    assert not (tmp_path / "why").exists()


def test_a_result_inside_the_series_folder_is_refused(case, capsys):
    before = left(case / "series")
    args = asked(case, "--format", "dicom", "--out", case / "series" / "why")
    assert run(*args) == 2 and "lie in each other" in capsys.readouterr().err and left(case / "series") == before


def test_frames_that_lie_in_the_file_from_the_last_to_the_first_are_read_back_on_the_image(case, tmp_path):
    series = Series(shape=(6, 16, 18), start=cases.START)
    values = np.random.default_rng(0).normal(size=series.shape) * 100
    (tmp_path / "series").mkdir()
    cases.enhanced(series, values, backwards=True).save_as(tmp_path / "series" / "x.dcm", enforce_file_format=True)
    args = asked(case, "--format", "dicom", "--grid", "image", "--pixel-set", "whole", "--out", tmp_path / "why",
                 image=tmp_path / "series")  # fmt: skip
    place = args.index("--segment")
    assert run(*args[:place], *args[place + 2 :]) == 0
    image = read_volume(tmp_path / "series")
    (stored,) = read_results(tmp_path / "why")
    density, unit = stored.density_on(image.grid)
    assert unit == "logit/ml"
    assert np.abs(density * image.grid.voxel_ml - image.array[0]).max() < 1e-3
    assert stored.mask(image.grid).all()
