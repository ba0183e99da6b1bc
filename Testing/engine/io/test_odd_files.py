"""Files as they come: under wrong endings, a micrometre off, flipped, with colons in their names, turned slices."""

import gzip
import json
import sys

import highdicom as hd
import numpy as np
import pytest

from engine.cli_cases import run
from engine.dicom_cases import Series, identity_model, save
from engine.grids import oblique
from engine.volume_files import voxels
from seghirescam import Grid
from seghirescam.io.channels import joined
from seghirescam.io.label_maps import read_labels, split_label, write_labels
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.protocol.errors import ImageError
from seghirescam.protocol.image import Image
from seghirescam.protocol.pixel_set import PixelSet
from seghirescam.protocol.resampling import copied, labels_on, resampled, same_voxels

SHAPE = (4, 5, 6)


@pytest.mark.parametrize(
    ("written", "called"),
    [
        ("v.nrrd", "v.nii.gz"), ("v.nrrd", "v.nii"), ("v.nrrd", "v.mha"), ("v.nrrd", "v"),
        ("v.nii.gz", "v.nii"), ("v.nii.gz", "v.nrrd"), ("v.nii.gz", "v.gz"), ("v.nii.gz", "v.seg.nrrd"),
        ("v.nii", "v.nii.gz"), ("v.nii", "v.nrrd"), ("v.nii", "v.mha"), ("v.nii", "v.dcm"),
    ],
)  # fmt: skip
def test_the_content_decides_what_a_file_is(tmp_path, written, called):
    array = voxels()
    array[1, 2, 3] = np.nan  # which ITK's NIfTI reader would lose
    (tmp_path / "made").mkdir()
    write_volume(tmp_path / "made" / written, array, oblique())
    (tmp_path / "made" / written).rename(tmp_path / called)
    found = read_volume(tmp_path / called)
    assert np.array_equal(found.array[0], array, equal_nan=True) and found.grid.same_as(oblique(), 1e-3)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [called]


@pytest.mark.parametrize("called", ["v.nrrd", "v.nrrd.gz", "v.nii.gz"])
def test_a_packed_nrrd_is_unpacked(tmp_path, called):
    write_volume(tmp_path / "made.nrrd", voxels(), oblique())
    (tmp_path / called).write_bytes(gzip.compress((tmp_path / "made.nrrd").read_bytes()))
    found = read_volume(tmp_path / called)
    assert np.array_equal(found.array[0], voxels()) and found.grid.same_as(oblique(), 1e-9)


def test_dicom_without_its_ending_is_read_and_other_content_gets_its_sentence(tmp_path):
    folder = save(tmp_path / "ct", Series(shape=(1, 6, 7)).slices(voxels((1, 6, 7), np.int16)))
    (only,) = folder.iterdir()
    for name in ("IM0001", "v.nii.gz", "v.nrrd"):
        (tmp_path / name).write_bytes(only.read_bytes())
        assert np.array_equal(read_volume(tmp_path / name).array[0], voxels((1, 6, 7), np.int16))
    (tmp_path / "zip.nii.gz").write_bytes(b"PK\3\4" + bytes(500))
    with pytest.raises(ImageError, match="'zip.nii.gz' is damaged or cut short"):
        read_volume(tmp_path / "zip.nii.gz")


def test_a_slicer_segmentation_under_another_name_keeps_its_segments(tmp_path):
    masks = np.random.default_rng(0).random((2, *SHAPE)) < 0.5
    write_labels(tmp_path / "s.seg.nrrd", masks, oblique(), {1: "liver", 2: "cyst"})
    (tmp_path / "s.seg.nrrd").rename(tmp_path / "s.nrrd")
    found = read_labels(tmp_path / "s.nrrd")
    assert [x.name for x in found.labels] == ["liver", "cyst"]
    assert np.array_equal(found.pixel_set("cyst").weights > 0, masks[1])


def write_turned(folder, angles, along=2.0):
    """One series whose slices are turned about their columns, their first voxels on a line: ITK makes a box of them."""
    series = Series(shape=(len(angles), 8, 9))
    slices = series.slices()
    for d, angle in zip(slices, angles, strict=True):
        d.ImageOrientationPatient = [float(np.cos(angle)), 0, float(np.sin(angle)), 0, 1, 0]
        d.ImagePositionPatient = [0, 0, along * (d.InstanceNumber - 1)]
    return save(folder, slices)


@pytest.mark.parametrize("step", [0.002, 0.05, np.pi / 2])
def test_projections_from_several_sides_are_no_volume(tmp_path, step):
    folder = write_turned(tmp_path / "mip", step * np.arange(8))
    with pytest.raises(ImageError, match=r"turned against each other by up to .* degrees.*rotating projections"):
        read_volume(folder)
    assert read_volume(write_turned(tmp_path / "ct", np.zeros(8))).array.shape == (1, 8, 8, 9)


def test_a_localizer_of_three_planes_is_no_volume(tmp_path):
    slices = Series(shape=(3, 8, 8)).slices()
    for d, orientation in zip(slices, ([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]), strict=True):
        d.ImageOrientationPatient = orientation
    with pytest.raises(ImageError, match="by up to 90.0 degrees: a localizer"):
        read_volume(save(tmp_path / "loc", slices))


def shifted(grid, mm):
    matrix = grid.ijk_to_ras.copy()
    matrix[:3, 3] += mm
    return Grid(grid.shape, matrix)


@pytest.mark.parametrize("off", [(0.001, 0, 0), (0.0011, -0.001, 0.005), (0, 0, -0.01)])
def test_a_micrometre_between_image_and_segment_blurs_nothing(capsys, tmp_path, off):
    """Interpolated, 0.001 mm made every voxel at the border count, with a weight of a thousandth."""
    grid = Grid.from_spacing((8, 9, 10), (2.0, 1.0, 1.0))
    array, mask = voxels(grid.shape), np.zeros(grid.shape, np.uint8)
    mask[2:5, 3:7, 4:9] = 1
    write_volume(tmp_path / "v.nrrd", array, grid)
    write_labels(tmp_path / "s.seg.nrrd", mask, shifted(grid, off), {1: "organ"})
    words = (
        "explain",
        identity_model(tmp_path / "m"),
        "--consent",
        "--class",
        "fg",
        "--layer",
        "0",
        "--out",
        tmp_path / "o",
    )
    code, _, err = run(capsys, *words, "--image", tmp_path / "v.nrrd", "--segment", tmp_path / "s.seg.nrrd")
    assert code == 0, err
    facts = json.loads(next((tmp_path / "o").glob("01*.json")).read_text(encoding="utf-8"))
    assert facts["provenance"]["pixel_set_voxels"] == mask.sum() == 60
    assert not [note for note in facts["notes"] if not note.startswith(("Axes: ", "No preprocessing"))]
    assert facts["score"] == pytest.approx(float(array[mask > 0].sum(dtype=np.float64)), rel=1e-5)


def test_another_grid_is_told(capsys, tmp_path):
    grid = Grid.from_spacing((8, 9, 10), (2.0, 1.0, 1.0))
    write_volume(tmp_path / "v.nrrd", voxels(grid.shape), grid)
    write_labels(tmp_path / "s.seg.nrrd", np.ones(grid.shape, np.uint8), shifted(grid, (0.4, 0, 0)), {1: "organ"})
    words = (
        "explain",
        identity_model(tmp_path / "m"),
        "--consent",
        "--class",
        "fg",
        "--layer",
        "0",
        "--out",
        tmp_path / "o",
    )
    code, _, err = run(capsys, *words, "--image", tmp_path / "v.nrrd", "--segment", tmp_path / "s.seg.nrrd")
    assert code == 0 and "Segment 'organ' lies on another grid than the image and was resampled linearly" in err


@pytest.mark.parametrize("seed", range(12))
def test_grids_with_the_same_voxels_in_any_order_are_copied(seed):
    """Cropped, padded, flipped and permuted at random: every voxel goes where its millimetres are."""
    rng = np.random.default_rng(seed)
    source = oblique((5, 6, 7))
    order, signs = rng.permutation(3), rng.choice([-1, 1], 3)
    step = np.eye(4)
    step[:3, :3] = (np.eye(3)[order].T) * signs
    step[:3, 3] = rng.integers(-3, 8, 3)
    target = Grid(tuple(rng.integers(3, 9, 3)), source.ijk_to_ras @ step)
    array = rng.normal(size=source.shape)
    found = copied(array, source, target)
    for kji in np.ndindex(*target.shape):
        place = source.kji(target.ras(kji))
        index = np.rint(place).astype(int)
        inside = (index >= 0).all() and (index < source.shape).all()
        assert np.abs(place - index).max() < 1e-9
        assert found[kji] == (array[tuple(index)] if inside else 0)
    overlap = copied(np.ones(source.shape), source, target)
    if overlap.any():
        assert np.array_equal(PixelSet(np.ones(source.shape), source).on(target).weights, overlap)


def test_half_a_voxel_or_a_small_turn_is_another_grid():
    grid = oblique((5, 6, 7))
    assert same_voxels(grid, shifted(grid, (1e-3, 0, 0))) and not same_voxels(
        grid, grid.strided((1, 1, 1), (0.5, 0, 0), grid.shape)
    )
    assert not same_voxels(grid, grid.strided((2, 1, 1), (0, 0, 0), (2, 6, 7)))
    matrix = grid.ijk_to_ras.copy()
    matrix[:3, 0] *= 1.02
    assert not same_voxels(grid, Grid(grid.shape, matrix))
    soft = PixelSet(np.ones(grid.shape), grid).on(grid.strided((1, 1, 1), (0.5, 0, 0), grid.shape))
    assert np.array_equal(soft.weights, resampled(np.ones(grid.shape, np.float32), grid, soft.grid))


def test_very_small_voxels_have_a_very_small_tolerance():
    """A micrometre is a whole voxel under a microscope."""
    fine = Grid.from_spacing((4, 5, 6), (1e-3, 1e-3, 1e-3))
    assert not fine.same_as(fine.strided((1, 1, 1), (1, 0, 0), fine.shape))
    assert fine.same_as(fine.strided((1, 1, 1), (0.001, 0, 0), fine.shape))


def test_channels_a_micrometre_apart_are_not_blurred():
    grid = Grid.from_spacing((4, 5, 6))
    first, second = (
        Image(voxels(), grid),
        Image(voxels(seed=1)[::-1], shifted(grid.strided((-1, 1, 1), (3, 0, 0), SHAPE), 0.003)),
    )
    image, notes = joined([first, second], ["CT", "PET"])
    assert np.array_equal(image.array[1], voxels(seed=1)) and notes == ()


def test_channels_of_other_frames_of_reference_are_told():
    one, other = (Image(voxels(), Grid(SHAPE, np.eye(4), frame)) for frame in ("1.2.3", "1.2.4"))
    image, _ = joined([one, other], ["T1", "T2"])
    assert image.notes == ("T2 names another DICOM frame of reference than T1; that both show one place is assumed.",)


@pytest.mark.parametrize("name", ["Lesion: left", "a:b:c", "12:30", "C:"])
def test_names_with_colons_are_found(tmp_path, name):
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:3, 2:4, 2:5] = 1
    file = tmp_path / "odd: folder" / "labels: all.seg.nrrd"
    file.parent.mkdir()
    write_labels(file, mask, oblique(), {1: name})
    path, wanted = split_label(f"{file}:{name}")
    assert (path, wanted) == (str(file), name)
    assert np.array_equal(read_labels(path).pixel_set(wanted).weights > 0, mask > 0)


def test_paths_that_do_not_exist_and_drives_are_split_where_a_name_ends():
    assert split_label("C:\\a\\labels.seg.nrrd:Lesion: left") == ("C:\\a\\labels.seg.nrrd", "Lesion: left")
    assert split_label("labels.nii.gz:Lesion: left") == ("labels.nii.gz", "Lesion: left")
    assert split_label("C:\\labels.nii.gz") == ("C:\\labels.nii.gz", None)
    assert split_label("gone:left") == ("gone", "left")


def test_a_dicom_folder_and_its_series_take_a_name_too(tmp_path):
    folder = tmp_path / "labels"
    save(folder, Series(shape=(3, 4, 5)).slices(np.ones((3, 4, 5), np.int16)))
    assert split_label(f"{folder}:a: b") == (str(folder), "a: b")
    assert split_label(f"{folder}#1:1") == (f"{folder}#1", "1")
    assert read_labels(f"{folder}#1").pixel_set("1").voxels == 60


def many_frames(path, order, change=None):
    """One file with 20 frames (value = slice number) stored in an order of their own."""
    series = Series(start=(5.0, 6.0, 7.0))
    slices = series.slices()
    about = {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "ContentDate": "20200101", "ContentTime": "000000",
        "AcquisitionNumber": 1, "KVP": 100, "Manufacturer": "x", "PatientPosition": "HFS",
        "PositionReferenceIndicator": "",
    }  # fmt: skip
    for d in slices:
        for name, value in about.items():
            setattr(d, name, value)
    found = hd.legacy.LegacyConvertedEnhancedCTImage(slices, hd.UID(), 1, hd.UID(), 1)
    values = np.frombuffer(found.PixelData, "<i2").reshape(series.shape)
    frames = {int(v[0, 0]): (f, v) for f, v in zip(found.PerFrameFunctionalGroupsSequence, values, strict=True)}
    found.PerFrameFunctionalGroupsSequence = [frames[k][0] for k in order]
    found.PixelData, found.NumberOfFrames = b"".join(frames[k][1].tobytes() for k in order), len(order)
    if change:
        change(found)
    found.save_as(path)
    return path


@pytest.mark.parametrize("order", [range(20), range(19, -1, -1)])
def test_many_frames_in_one_file_lie_where_they_say(tmp_path, order):
    for path in (many_frames(tmp_path / "ct.dcm", order), tmp_path):
        image = read_volume(path)
        for k in (0, 7, 19):
            assert image.grid.ras((k, 0, 0)) == pytest.approx((-5, -6, 7 + 2 * image.array[0, k, 0, 0]))
        assert image.notes == () and image.grid.frame


@pytest.mark.parametrize("order", [[*range(10), *range(12, 20)], [0, 2, 1, *range(3, 20)], [0, 0, *range(1, 19)]])
def test_many_frames_that_are_no_even_stack_are_refused(tmp_path, order):
    """ITK takes the first two and counts on."""
    for path in (many_frames(tmp_path / "ct.dcm", order), tmp_path):
        with pytest.raises(ImageError, match="no even stack of slices: some are missing, repeated, out of order"):
            read_volume(path)


def test_many_frames_without_a_place_are_told(tmp_path, monkeypatch):
    def nowhere(data):
        for frame in data.PerFrameFunctionalGroupsSequence:
            del frame.PlanePositionSequence

    assert "do not tell where they lie" in read_volume(many_frames(tmp_path / "us.dcm", range(20), nowhere)).notes[0]
    monkeypatch.setitem(sys.modules, "pydicom", None)
    assert "is assumed (checked where highdicom" in read_volume(many_frames(tmp_path / "ct.dcm", range(20))).notes[0]


def test_labels_on_the_same_voxels_are_copied():
    """Flipped, cropped, and a micrometre off; interpolated, thin labels that touch would be cut."""
    grid = oblique((5, 6, 7))
    array = np.random.default_rng(0).integers(0, 4, grid.shape).astype(np.uint8)
    other = shifted(grid.strided((1, -1, 1), (1, 5, 0), (4, 6, 7)), (0.003, 0, 0))
    assert np.array_equal(labels_on(array, grid, other), array[1:, ::-1])
