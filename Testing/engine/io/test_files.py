"""Volumes and label maps: the right millimetres, every voxel, and one clear sentence for what is no volume."""

import gzip
import json
import struct

import numpy as np
import pytest
import SimpleITK as sitk

from engine.grids import oblique
from engine.volume_files import PATIENT, voxels, write_series
from seghirescam import Grid
from seghirescam.io.label_maps import read_labels, split_label, write_labels
from seghirescam.io.volumes import read_channels, read_volume, stem, write_volume
from seghirescam.protocol.errors import EmptyPixelSetError, GeometryError, ImageError, PixelSetError


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha", "nhdr", "mhd"])
@pytest.mark.parametrize("left_handed", [False, True])
def test_every_format_keeps_voxels_and_millimetres_of_oblique_and_left_handed_volumes(tmp_path, suffix, left_handed):
    grid, array = oblique(flips=(-1, 1, 1) if left_handed else (1, 1, 1)), voxels()
    write_volume(tmp_path / f"v.{suffix}", array, grid)
    found = read_volume(tmp_path / f"v.{suffix}")
    assert found.array.dtype == np.float32 and np.array_equal(found.array[0], array)
    corners = np.array([[0, 0, 0], [3, 4, 5], [3, 0, 5]])
    assert np.abs(found.grid.ras(corners) - grid.ras(corners)).max() < 1e-3
    assert np.sign(np.linalg.det(found.grid.ijk_to_ras[:3, :3])) == (-1 if left_handed else 1)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_voxels_that_are_no_numbers_stay_so_in_their_places(tmp_path, suffix, dtype):
    """ITK's NIfTI reader would make them 0 in silence, and nobody could refuse them."""
    array = voxels(dtype=dtype)
    array[1, 2, 3], array[0, 0, 0], array[3, 4, 5] = np.nan, np.inf, -np.inf
    write_volume(tmp_path / f"v.{suffix}", array, oblique())
    found = read_volume(tmp_path / f"v.{suffix}")
    assert np.array_equal(found.array[0], array, equal_nan=True) and found.grid.same_as(oblique(), 1e-3)


@pytest.mark.parametrize("name", ["v.nii.gz", "v.nii"])
def test_a_file_of_nearly_the_same_name_beside_it_changes_nothing(tmp_path, name):
    """Asked for v.nii.gz beside a v.nii, ITK's reader takes the voxels of v.nii."""
    write_volume(tmp_path / name, voxels(), oblique())
    write_volume(tmp_path / ("v.nii" if name == "v.nii.gz" else "v.nii.gz"), voxels(seed=9), oblique())
    assert np.array_equal(read_volume(tmp_path / name).array[0], voxels())


def test_a_big_endian_file_is_gone_through_too_and_nifti_2_is_refused(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    array = voxels()
    array[1, 2, 3] = np.nan
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(">f4")
    big = nibabel.Nifti1Image(array.transpose(2, 1, 0).astype(">f4"), oblique().ijk_to_ras, header)
    nibabel.save(big, tmp_path / "big.nii")
    whole = (tmp_path / "big.nii").read_bytes()
    assert whole[:4] == struct.pack(">i", 348)
    assert np.array_equal(read_volume(tmp_path / "big.nii").array[0], array, equal_nan=True)
    (tmp_path / "short.nii").write_bytes(whole[:-4])
    with pytest.raises(ImageError, match="cut short"):
        read_volume(tmp_path / "short.nii")
    nibabel.save(nibabel.Nifti2Image(array.transpose(2, 1, 0), np.eye(4)), tmp_path / "two.nii.gz")
    with pytest.raises(ImageError, match="NIfTI-2"):
        read_volume(tmp_path / "two.nii.gz")


def test_a_file_of_another_writer_is_read_where_that_writer_says(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    grid, array = oblique(), voxels(dtype=np.int16)
    nibabel.save(nibabel.Nifti1Image(array.transpose(2, 1, 0), grid.ijk_to_ras), tmp_path / "v.nii.gz")
    found = read_volume(tmp_path / "v.nii.gz")
    assert found.array.dtype == np.int16 and np.array_equal(found.array[0], array)
    assert found.grid.same_as(grid, 1e-3)


def test_a_single_slice_is_a_volume_of_one(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(voxels((5, 6))), str(tmp_path / "flat.mha"))
    assert read_volume(tmp_path / "flat.mha").grid.shape == (1, 5, 6)
    write_volume(tmp_path / "one.nii.gz", voxels((1, 5, 6)), oblique((1, 5, 6)))
    assert read_volume(tmp_path / "one.nii.gz").grid.same_as(oblique((1, 5, 6)), 1e-3)


def test_a_dicom_folder_lies_where_its_slices_say(tmp_path):
    values, grid = write_series(tmp_path / "scan")
    found = read_volume(tmp_path / "scan")
    assert np.array_equal(found.array[0], values)
    assert found.grid.same_as(grid, 1e-3)


def test_dicom_series_are_told_apart_and_chosen_by_number(tmp_path):
    write_series(tmp_path / "scan")
    small, _ = write_series(tmp_path / "other", shape=(3, 8, 10), series="1.2.3.4.2", seed=1)
    for path in (tmp_path / "other").iterdir():
        path.rename(tmp_path / "scan" / f"second {path.name}")
    with pytest.raises(ImageError, match=r"holds 2 series \(1: 6 file\(s\); 2: 3 file\(s\)\).*FOLDER#1") as caught:
        read_volume(tmp_path / "scan")
    assert "Zebra" not in str(caught.value)
    assert np.array_equal(read_volume(f"{tmp_path / 'scan'}#2").array[0], small)
    with pytest.raises(ImageError, match="no series 3, only 2"):
        read_volume(f"{tmp_path / 'scan'}#3")


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"places": (0, 1, 2, 4, 5, 6)}, r"lie 2\.50 to 5\.00 mm apart"),
        ({"places": (0, 1, 2, 2, 3, 4)}, r"lie 0\.00 to 2\.50 mm apart"),
        ({"tilt_mm": 0.5}, r"shifted against each other by up to .* mm \(gantry tilt\)"),
    ],
)
def test_dicom_slices_that_are_missing_repeated_or_tilted_are_refused(tmp_path, how, sentence):
    write_series(tmp_path / "scan", **how)
    with pytest.raises(ImageError, match=sentence):
        read_volume(tmp_path / "scan")


def sheared(path):
    nibabel = pytest.importorskip("nibabel")
    matrix = oblique().ijk_to_ras.copy()
    matrix[:3, 0] += 0.4 * matrix[:3, 1]
    nibabel.save(nibabel.Nifti1Image(voxels(), matrix), path / "sheared.nii.gz")
    return path / "sheared.nii.gz"


def four_dimensional(path):
    volume = sitk.GetImageFromArray(voxels())
    sitk.WriteImage(sitk.JoinSeries([volume, volume]), str(path / "time.nii.gz"))
    return path / "time.nii.gz"


def coloured(path):
    sitk.WriteImage(sitk.GetImageFromArray(voxels((4, 5, 6, 3)), isVector=True), str(path / "rgb.nrrd"))
    return path / "rgb.nrrd"


def cut_short(path, suffix="nii.gz"):
    write_volume(path / f"v.{suffix}", voxels((20, 20, 20)), oblique((20, 20, 20)))
    whole = (path / f"v.{suffix}").read_bytes()
    (path / f"short.{suffix}").write_bytes(whole[: len(whole) // 2])
    return path / f"short.{suffix}"


def with_bytes(path, name, content):
    (path / name).write_bytes(content)
    return path / name


def empty_folder(path):
    (path / "scan").mkdir()
    return path / "scan"


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        (four_dimensional, ImageError, r"'time.nii.gz' has 4 dimensions \(6 x 5 x 4 x 2\): a sequence"),
        (coloured, ImageError, "'rgb.nrrd' has 3 values per voxel"),
        (sheared, GeometryError, "axes of 'sheared.nii.gz' are not at right angles"),
        (cut_short, ImageError, "'short.nii.gz' is damaged or cut short"),
        (lambda p: cut_short(p, "nii"), ImageError, "'short.nii' is damaged or cut short"),
        (lambda p: cut_short(p, "nrrd"), ImageError, "'short.nrrd' cannot be read as a volume"),
        (lambda p: cut_short(p, "mha"), ImageError, "'short.mha' cannot be read as a volume"),
        (lambda p: with_bytes(p, "empty.nii.gz", b""), ImageError, r"'empty.nii.gz' is empty \(0 bytes\)"),
        (lambda p: with_bytes(p, "text.nrrd", b"no volume"), ImageError, "'text.nrrd' cannot be read as a volume"),
        (lambda p: with_bytes(p, "text.nii", b"no volume"), ImageError, "'text.nii' is damaged or cut short"),
        (lambda p: with_bytes(p, "noise.nii", b"\x7f" * 999), ImageError, "'noise.nii' is damaged or cut short"),
        (empty_folder, ImageError, "The folder holds no DICOM images"),
        (lambda p: p / "absent.nii.gz", ImageError, "'absent.nii.gz' is not there"),
    ],
)
def test_what_is_no_volume_is_refused_in_one_sentence_without_its_folder(tmp_path, make, kind, sentence):
    place = tmp_path / PATIENT
    place.mkdir()
    with pytest.raises(kind, match=sentence) as caught:
        read_volume(make(place))
    assert caught.value.hint and "Zebra" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_nifti_file_whose_last_bytes_are_missing_is_refused_although_its_gzip_is_whole(tmp_path):
    write_volume(tmp_path / "v.nii.gz", voxels(), oblique())
    whole = gzip.decompress((tmp_path / "v.nii.gz").read_bytes())
    (tmp_path / "short.nii.gz").write_bytes(gzip.compress(whole[:-1]))
    with pytest.raises(ImageError, match="cut short"):
        read_volume(tmp_path / "short.nii.gz")
    assert struct.unpack("<i", whole[:4])[0] == 348


def test_channels_are_resampled_to_the_first_and_the_gap_is_told(tmp_path):
    first, second = Grid.from_spacing((8, 8, 8)), Grid.from_spacing((4, 4, 4), (2, 2, 2), (0.5, 0.5, 0.5))
    ramp = 2 * np.arange(4, dtype=np.float32)[:, None, None] + np.zeros((4, 4, 4), np.float32)
    write_volume(tmp_path / "ct.nii.gz", voxels((8, 8, 8)), first)
    write_volume(tmp_path / "pet.nii.gz", ramp, second)
    image, notes = read_channels([tmp_path / "ct.nii.gz", tmp_path / "pet.nii.gz"], ["CT", "PET"])
    assert image.array.shape == (2, 8, 8, 8) and image.grid.same_as(first)
    # voxel k lies at k mm; PET's centres at 0.5, 2.5, 4.5, 6.5 mm hold 0, 2, 4, 6
    assert image.array[1, :, 4, 4] == pytest.approx(np.clip(np.arange(8) - 0.5, 0, 6), abs=1e-5)
    assert len(notes) == 1 and notes[0].startswith("PET was resampled linearly to the grid of CT")
    write_volume(tmp_path / "far.nii.gz", ramp, Grid.from_spacing((4, 4, 4), origin_ras=(500, 0, 0)))
    with pytest.raises(ImageError, match="PET does not overlap CT"):
        read_channels([tmp_path / "ct.nii.gz", tmp_path / "far.nii.gz"], ["CT", "PET"])


def labels(shape=(4, 5, 6)):
    return np.random.default_rng(1).integers(0, 3, size=shape).astype(np.uint8)


@pytest.mark.parametrize("name", ["seg.seg.nrrd", "seg.nii.gz", "seg.nrrd"])
def test_label_maps_come_back_with_their_names_and_their_place(tmp_path, name):
    written = write_labels(tmp_path / name, labels(), oblique(), {1: "liver", 2: "tumour, left"})
    assert [p.name for p in written] == ([name] if name.endswith(".seg.nrrd") else [name, "seg.json"])
    found = read_labels(tmp_path / name)
    assert [(x.value, x.name) for x in found.labels] == [(1, "liver"), (2, "tumour, left")]
    for wanted in ("2", "Tumour, Left"):
        pixels = found.pixel_set(wanted)
        assert np.array_equal(pixels.weights > 0, labels() == 2) and pixels.label == "segment 'tumour, left'"
        assert pixels.grid.same_as(oblique(), 1e-3)


def test_overlapping_masks_are_layers_of_a_slicer_segmentation(tmp_path):
    masks = np.random.default_rng(2).random((3, 4, 5, 6)) < 0.5
    names = {1: "whole", 2: "core", 3: "enhancing"}
    write_labels(tmp_path / "s.seg.nrrd", masks, oblique(), names)
    found = read_labels(tmp_path / "s.seg.nrrd")
    for mask, name in zip(masks, names.values(), strict=True):
        assert np.array_equal(found.pixel_set(name).weights > 0, mask)


def test_names_beside_a_label_map_are_read_either_way_round(tmp_path):
    write_volume(tmp_path / "l.nii.gz", labels(), oblique())
    for data in ({"1": "a", "2": "b"}, {"labels": {"background": 0, "a": 1, "b": 2}}, {"labels": {"1": "a", "2": "b"}}):
        (tmp_path / "l.json").write_text(json.dumps(data), encoding="utf-8")
        assert [(x.value, x.name) for x in read_labels(tmp_path / "l.nii.gz").labels] == [(1, "a"), (2, "b")]
    (tmp_path / "l.json").write_text("[broken", encoding="utf-8")
    assert [str(x) for x in read_labels(tmp_path / "l.nii.gz").labels] == ["1", "2"]


def test_labels_that_cannot_be_chosen_are_refused_with_the_list(tmp_path):
    write_labels(tmp_path / "l.seg.nrrd", labels(), oblique(), {1: "liver", 2: "tumour", 7: "cyst"})
    found = read_labels(tmp_path / "l.seg.nrrd")
    with pytest.raises(PixelSetError, match=r"holds 3 labels and none was chosen.*1 = liver, 2 = tumour, 7 = cyst"):
        found.pixel_set()
    with pytest.raises(PixelSetError, match="no label 'spleen'.*1 = liver"):
        found.pixel_set("spleen")
    with pytest.raises(EmptyPixelSetError, match="The label 7 = cyst has no voxel"):
        found.pixel_set("cyst")
    write_volume(tmp_path / "f.nii.gz", voxels(), oblique())
    with pytest.raises(PixelSetError, match="'f.nii.gz' holds fractions"):
        read_labels(tmp_path / "f.nii.gz")
    write_volume(tmp_path / "whole.nii.gz", labels().astype(np.float32), oblique())
    assert np.array_equal(read_labels(tmp_path / "whole.nii.gz").pixel_set("1").weights > 0, labels() == 1)


def test_a_label_is_split_off_the_path_but_never_off_a_path_that_exists(tmp_path):
    assert split_label("a/labels.nii.gz:liver") == ("a/labels.nii.gz", "liver")
    assert split_label("labels.nii.gz") == ("labels.nii.gz", None)
    assert split_label("C:\\labels.nii.gz") == ("C:\\labels.nii.gz", None)
    (tmp_path / "odd:name.nrrd").write_bytes(b"x")
    assert split_label(str(tmp_path / "odd:name.nrrd")) == (str(tmp_path / "odd:name.nrrd"), None)
    assert [stem(n) for n in ("a/b.seg.nrrd", "b.nii.gz", "b.mha", "b.c.nrrd")] == ["b", "b", "b", "b.c"]
