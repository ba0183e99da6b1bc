"""DICOM segmentations: every frame where it says, whatever is left out, in whatever order; soft ones stay soft."""

import json
import sys

import highdicom as hd
import numpy as np
import pytest

from engine.cli_cases import left, run
from engine.dicom_cases import PATIENT, Series, identity_model, save, segmentation, turned
from seghirescam import Grid
from seghirescam.io.label_maps import read_labels
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.protocol.errors import DependencyError, EmptyPixelSetError, ImageError, PixelSetError

SHAPE = (20, 16, 18)


def lesion(shape=SHAPE):
    mask = np.zeros(shape, np.uint8)
    mask[3:6, 2:8, 3:9] = 1
    mask[14:17, 8:14, 10:16] = 1
    return mask


def on(series, path, wanted=None):
    """Weights on the series' own voxels."""
    return read_labels(path, series.grid).pixel_set(wanted).on(series.grid).weights


@pytest.mark.parametrize("turn", [np.eye(3), turned(), np.array([[0, 0, 1.0], [1, 0, 0], [0, -1, 0]])])
def test_frames_lie_where_they_say_although_the_empty_ones_are_left_out(tmp_path, turn):
    series = Series(turn=turn, start=(-40.5, 12.25, 300.125))
    path = segmentation(tmp_path / "seg.dcm", series.slices(), lesion())
    assert np.array_equal(on(series, path), lesion())
    pixels = read_labels(path, series.grid).pixel_set()
    assert pixels.label == "segment 'lesion'" and pixels.voxels == lesion().sum() and pixels.notes == ()
    assert pixels.ml == pytest.approx(lesion().sum() * 2 / 1000)


def test_slices_in_reverse_order_and_rows_from_the_other_side_are_the_same_voxels(tmp_path):
    series = Series(start=(-40.5, 12.25, 300.125))
    other = series.grid.strided((-1, -1, 1), (19, 15, 0), SHAPE)
    path = segmentation(tmp_path / "seg.dcm", series.slices()[::-1], lesion()[::-1])
    found = read_labels(path, other).pixel_set().on(other).weights
    assert np.array_equal(found, lesion()[::-1, ::-1]) and np.array_equal(on(series, path), lesion())


def without_spacing(data):
    del data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices


def without_thickness(data):
    measures = data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    for name in ("SpacingBetweenSlices", "SliceThickness"):
        if name in measures:
            del measures[name]


@pytest.mark.parametrize("slices", [(3, 7), (3, 5, 8), (9,), (0, 19)])
@pytest.mark.parametrize("change", [None, without_thickness])
def test_two_slices_far_apart_are_not_one_thick_one(tmp_path, slices, change):
    """The nearest two frames are 8 mm apart on slices of 2 mm; or there is only one frame."""
    series, mask = Series(), np.zeros(SHAPE, np.uint8)
    mask[list(slices), 4:9, 4:9] = 1
    path = segmentation(tmp_path / "seg.dcm", series.slices(), mask, change=change)
    assert np.array_equal(on(series, path), mask)


def test_frames_that_do_not_tell_their_thickness_are_told(tmp_path):
    series, mask = Series(), np.zeros(SHAPE, np.uint8)
    mask[[3, 7], 4:9, 4:9] = 1
    path = segmentation(tmp_path / "seg.dcm", series.slices(), mask, change=without_thickness)
    (note,) = read_labels(path).notes
    assert "do not tell how thick they are; 8 mm" in note


def test_thick_slices_on_a_finer_image_of_the_same_place_are_whole(tmp_path):
    """5 mm slices explained on 1 mm slices: the finer image must not make thin sheets of them."""
    thick = Series(shape=(8, 16, 18), spacing=(5.0, 1.0, 1.0))
    mask = np.zeros(thick.shape, np.uint8)
    mask[2:5, 4:9, 4:9] = 1
    path = segmentation(tmp_path / "seg.dcm", thick.slices(), mask)
    fine = Series(shape=(40, 16, 18), spacing=(1.0, 1.0, 1.0), start=(0, 0, -2.0), frame=thick.frame)
    pixels = read_labels(path, fine.grid).pixel_set().on(fine.grid)
    # slices 2, 3, 4 are centred at 10, 15, 20 mm: a ramp of one slice on either side, whole between
    z = np.arange(40) - 2.0
    expected = np.clip(np.minimum((z - 5) / 5, (25 - z) / 5), 0, 1)
    assert pixels.weights[:, 6, 6] == pytest.approx(expected, abs=1e-6)
    assert pixels.ml == pytest.approx(mask.sum() * 5 / 1000, rel=1e-6)


def test_several_segments_have_numbers_and_names_and_may_overlap(tmp_path):
    series = Series()
    masks = np.zeros((*SHAPE, 3), np.uint8)
    masks[3:6, 2:8, 3:9, 0] = 1
    masks[4:9, 5:12, 6:14, 1] = 1
    masks[15, 1:3, 1:3, 2] = 1
    path = segmentation(tmp_path / "seg.dcm", series.slices(), masks, ("whole: left", "core", "dot"))
    found = read_labels(path)
    assert [(x.value, x.name) for x in found.labels] == [(1, "whole: left"), (2, "core"), (3, "dot")]
    assert len(found.layers) == 2  # as few as the overlap takes
    for n, name in enumerate(("whole: left", "core", "dot")):
        for wanted in (name, str(n + 1)):
            assert np.array_equal(on(series, path, wanted), masks[..., n])
    with pytest.raises(PixelSetError, match="holds 3 labels and none was chosen.*1 = whole: left, 2 = core, 3 = dot"):
        found.pixel_set()


def test_a_segment_without_a_frame_is_empty_and_not_a_fault(tmp_path):
    series, masks = Series(), np.zeros((*SHAPE, 2), np.uint8)
    masks[4:6, 3:5, 3:5, 0] = 1
    path = segmentation(tmp_path / "seg.dcm", series.slices(), masks, ("there", "nowhere"))
    assert np.array_equal(on(series, path, "there"), masks[..., 0])
    with pytest.raises(EmptyPixelSetError, match="2 = nowhere has no voxel"):
        read_labels(path).pixel_set("nowhere")


@pytest.mark.parametrize("kind", ["PROBABILITY", "OCCUPANCY"])
def test_fractions_stay_weights_and_are_told(tmp_path, kind):
    series, soft = Series(), np.zeros((*SHAPE, 2))
    soft[3:6, 2:8, 3:9, 0] = np.linspace(0.1, 1, 6)[None, None, :]
    soft[5:7, 4:9, 4:9, 1] = 0.5
    path = segmentation(
        tmp_path / "seg.dcm", series.slices(), soft, ("a", "b"), "FRACTIONAL", fractional_type=kind,
        max_fractional_value=200,
    )  # fmt: skip
    for n, name in enumerate("ab"):
        assert on(series, path, name) == pytest.approx(np.rint(soft[..., n] * 200) / 200, abs=1e-6)
    (note,) = read_labels(path).pixel_set("a").notes
    assert f"fractions ({kind.lower()}): its values divided by 200 are the weights" in note


def test_the_newer_form_that_holds_labels_is_read_too(tmp_path):
    series, labels = Series(), lesion()
    labels[10, 3:6, 3:6] = 2
    path = segmentation(tmp_path / "seg.dcm", series.slices(), labels, ("lesion", "cyst"), "LABELMAP")
    assert np.array_equal(on(series, path, "cyst"), labels == 2) and np.array_equal(on(series, path, "1"), labels == 1)


def test_content_tells_what_a_file_is_and_a_folder_may_hold_the_one_beside_the_series(tmp_path):
    series = Series()
    slices = series.slices()
    folder = save(tmp_path / "study", slices)
    segmentation(folder / "IM0001", slices, lesion())
    assert np.array_equal(on(series, folder), lesion()) and np.array_equal(on(series, folder / "IM0001"), lesion())
    image = read_volume(folder)  # the segmentation is no second series
    assert image.grid.same_as(series.grid) and np.array_equal(image.array[0, :, 0, 0], np.arange(20))
    segmentation(folder / "IM0002", slices, lesion())
    with pytest.raises(ImageError, match="holds 2 DICOM segmentations.*Name the one file"):
        read_labels(folder)


def test_a_segmentation_is_no_image(tmp_path):
    slices = Series().slices()
    (tmp_path / "only").mkdir()
    path = segmentation(tmp_path / "only" / "seg", slices, lesion())
    for given in (path, path.parent):
        with pytest.raises(ImageError, match="DICOM segmentation, not an image.*--segment"):
            read_volume(given)


def test_contours_are_told_in_one_sentence(tmp_path):
    d = Series(shape=(1, 4, 4)).slices()[0]
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    del d.PixelData
    d.save_as(tmp_path / "rt.dcm", enforce_file_format=True)
    for read in (read_labels, read_volume):
        with pytest.raises(ImageError, match=r"structure set \(RTSTRUCT\): contours"):
            read(tmp_path / "rt.dcm")


def no_place(data):
    for frame in data.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence


def twice(data):
    frames = data.PerFrameFunctionalGroupsSequence
    frames[1].PlanePositionSequence = frames[0].PlanePositionSequence


def uneven(data):
    data.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient = [0, 0, 8.9]


def askew(data):
    for n, frame in enumerate(data.PerFrameFunctionalGroupsSequence):
        place = frame.PlanePositionSequence[0].ImagePositionPatient
        place[0] += 0.07 * n


@pytest.mark.parametrize(
    ("change", "sentence"),
    [(no_place, "says no place"), (twice, "two say the same"), (uneven, "no even stack"), (askew, "gantry tilt")],
)
def test_frames_that_make_no_volume_are_refused_in_one_sentence(tmp_path, change, sentence):
    path = segmentation(tmp_path / f"{PATIENT}.dcm", Series().slices(), lesion(), change=change)
    with pytest.raises(ImageError, match=sentence) as caught:
        read_labels(path)
    assert caught.value.hint and "Zebra" not in str(caught.value)


def test_without_the_library_the_sentence_names_it(tmp_path, monkeypatch):
    path = segmentation(tmp_path / "seg.dcm", Series().slices(), lesion())
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(DependencyError, match="highdicom.*pip install highdicom"):
        read_labels(path)


def asked(tmp_path, image, segment, *more, command="explain"):
    source = identity_model(tmp_path / "m")
    words = (
        command,
        source,
        "--consent",
        "--image",
        image,
        "--segment",
        segment,
        "--class",
        "fg",
        "--out",
        tmp_path / "o",
    )
    return (*words, "--overwrite", *more)


def of_the_segment(notes):
    """The notes without those on what the network is fed."""
    return [note for note in notes if not note.startswith(("Axes: ", "No preprocessing"))]


def told(tmp_path):
    return json.loads(next((tmp_path / "o").glob("01*.json")).read_text(encoding="utf-8"))


def test_explaining_a_dicom_segmentation_adds_up_the_image_over_its_voxels(capsys, tmp_path):
    series = Series()
    slices = series.slices()
    image = save(tmp_path / "ct", slices)
    path = segmentation(tmp_path / "seg.dcm", slices, lesion())
    code, _, err = run(capsys, *asked(tmp_path, image, f"{path}:lesion", "--layer", "0"))
    assert code == 0, err
    facts = told(tmp_path)
    assert facts["provenance"]["pixel_set_voxels"] == lesion().sum() == 216
    assert facts["score"] == pytest.approx(float((np.arange(20)[:, None, None] * lesion()).sum()))
    assert of_the_segment(facts["notes"]) == []
    for file in (tmp_path / "o").iterdir():
        text = file.read_bytes()
        assert b"Zebra" not in text and series.frame.encode() not in text


def test_two_slices_whose_thickness_only_the_image_tells_are_explained_as_two(capsys, tmp_path):
    slices, mask = Series().slices(), np.zeros(SHAPE, np.uint8)
    mask[[3, 7], 4:9, 4:9] = 1
    image = save(tmp_path / "ct", slices)
    path = segmentation(tmp_path / "seg.dcm", slices, mask, change=without_thickness)
    code, _, err = run(capsys, *asked(tmp_path, image, path, "--layer", "0"))
    assert code == 0, err
    facts = told(tmp_path)
    assert facts["score"] == pytest.approx(25 * (3 + 7)) and facts["provenance"]["pixel_set_voxels"] == 50
    assert of_the_segment(facts["notes"]) == []


def test_another_frame_of_reference_is_refused_and_one_that_is_not_known_is_told(capsys, tmp_path):
    series, other = Series(), Series()
    slices = series.slices()
    path = segmentation(tmp_path / "seg.dcm", slices, lesion())
    image = save(tmp_path / "ct", other.slices())
    for command, more in (
        ("explain", ("--layer", "0")), ("compare", ()), ("evaluate", ()), ("paint", ("--region", path))
    ):  # fmt: skip
        code, _, err = run(capsys, *asked(tmp_path, image, path, *more, command=command))
        assert code == 2 and "another DICOM frame of reference than the image" in err and other.frame not in err
    for words in (("--reference", path), ("--labels", path)):
        more = asked(tmp_path, image, path, "--pixel-set", "whole", *words, command="evaluate")
        code, _, err = run(capsys, *(w for n, w in enumerate(more) if "--segment" not in (w, more[n - 1])))
        assert code == 2 and "another DICOM frame of reference" in err
    assert not (tmp_path / "o").exists() or not left(tmp_path / "o")
    write_volume(tmp_path / "ct.nii.gz", read_volume(image).array[0], other.grid)
    code, _, err = run(capsys, *asked(tmp_path, tmp_path / "ct.nii.gz", path, "--layer", "0"))
    assert code == 0, err
    assert any("whether both lie in one frame of reference is not known" in note for note in told(tmp_path)["notes"])


def test_references_labels_and_regions_may_be_dicom_too(capsys, tmp_path):
    series = Series()
    slices = series.slices(10 + np.random.default_rng(0).integers(0, 50, SHAPE))
    image = save(tmp_path / "ct", slices)
    masks = np.stack([lesion(), np.roll(lesion(), 4, axis=1)], axis=-1)
    path = segmentation(tmp_path / "seg.dcm", slices, masks, ("a: left", "b"))
    words = ("--layer", "0", "--reference", f"{path}:b", "--labels", path)
    code, _, err = run(capsys, *asked(tmp_path, image, f"{path}:a: left", *words, command="evaluate"))
    assert code == 0, err
    facts = json.loads((tmp_path / "o" / "evaluation.json").read_text(encoding="utf-8"))
    assert [r["name"] for r in facts["request"]["references"]] == ["b"]
    text = (tmp_path / "o" / "by_label.csv").read_text(encoding="utf-8")
    assert "a: left" in text and "b" in text
    code, _, err = run(capsys, *asked(tmp_path, image, f"{path}:1", "--region", f"{path}:2", command="paint"))
    assert code == 0, err
    painted = read_volume(tmp_path / "o" / "region.nii.gz").array[0]
    assert (painted[masks[..., 1] > 0] == 1).all()


def test_labels_by_fractions_are_refused(capsys, tmp_path):
    slices = Series().slices()
    image = save(tmp_path / "ct", slices)
    path = segmentation(tmp_path / "seg.dcm", slices, lesion() * 0.5, kind="FRACTIONAL")
    code, _, err = run(capsys, *asked(tmp_path, image, path, "--labels", path, command="evaluate"))
    assert code == 2 and "holds fractions" in err and "--reference FILE:NAME" in err


def test_soft_weights_reach_the_score(capsys, tmp_path):
    slices = Series().slices()
    image = save(tmp_path / "ct", slices)
    path = segmentation(tmp_path / "seg.dcm", slices, lesion() * 0.5, kind="FRACTIONAL", max_fractional_value=200)
    code, _, err = run(capsys, *asked(tmp_path, image, path, "--layer", "0"))
    assert code == 0, err
    facts = told(tmp_path)
    assert facts["score"] == pytest.approx(0.5 * float((np.arange(20)[:, None, None] * lesion()).sum()))
    assert any("fractions" in note and "200" in note for note in facts["notes"])


def test_a_grid_carries_its_frame_in_memory_only():
    grid = Grid((2, 2, 2), np.eye(4), "1.2.3")
    assert grid.strided((1, 1, 1), (0, 0, 0), (1, 1, 1)).frame == "1.2.3"
    assert "1.2.3" not in repr(grid) + json.dumps(grid.to_json())
    assert grid.elsewhere(Grid((2, 2, 2), np.eye(4), "1.2.4")) and not grid.elsewhere(Grid((2, 2, 2), np.eye(4)))
    assert hd.__version__
