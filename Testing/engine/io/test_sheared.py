"""Axes that are not at right angles: kept to the bit by formats that hold them, refused by those that do not."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

import seghirescam.io.packed_nifti
import seghirescam.io.volumes
from engine.cli_cases import left, run
from engine.dicom_cases import identity_model
from engine.grids import oblique
from engine.volume_files import voxels
from seghirescam import Grid
from seghirescam.io.label_maps import read_labels, write_labels
from seghirescam.io.volumes import read_volume, write_volume
from seghirescam.protocol.errors import GeometryError

SHAPE = (8, 10, 12)


def sheared(shape=SHAPE, by=0.4):
    """12 mm off at the far end."""
    matrix = oblique(shape).ijk_to_ras.copy()
    matrix[:3, 2] += by * matrix[:3, 0] / np.linalg.norm(matrix[:3, 0]) * np.linalg.norm(matrix[:3, 2])
    return Grid(shape, matrix)


@pytest.mark.parametrize("suffix", ["nrrd", "mha", "nhdr", "mhd"])
def test_formats_that_hold_shear_keep_every_place(tmp_path, suffix):
    array = voxels(SHAPE)
    write_volume(tmp_path / f"v.{suffix}", array, sheared())
    found = read_volume(tmp_path / f"v.{suffix}")
    assert np.array_equal(found.array[0], array) and found.grid.same_as(sheared(), 1e-9)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
@pytest.mark.parametrize("by", [0.4, 0.01])
def test_nifti_which_cannot_is_refused_before_it_is_written(tmp_path, suffix, by):
    with pytest.raises(GeometryError, match=r"not at right angles.*NIfTI cannot hold that.*--format nrrd"):
        write_volume(tmp_path / f"v.{suffix}", voxels(SHAPE), sheared(by=by))
    with pytest.raises(GeometryError, match="NIfTI cannot hold that"):
        write_labels(tmp_path / f"l.{suffix}", np.ones(SHAPE, np.uint8), sheared(by=by), {1: "a"})
    assert not left(tmp_path)


def test_a_slicer_segmentation_keeps_shear_too(tmp_path):
    masks = np.random.default_rng(0).random((2, *SHAPE)) < 0.5
    write_labels(tmp_path / "s.seg.nrrd", masks, sheared(), {1: "a", 2: "b"})
    found = read_labels(tmp_path / "s.seg.nrrd")
    assert found.grid.same_as(sheared(), 1e-9) and np.array_equal(found.pixel_set("b").weights > 0, masks[1])


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz", "v.nrrd", "v.mha", "v.seg.nrrd", "layers.seg.nrrd"])
@pytest.mark.parametrize("moved_mm", [0.05, 12.5])
def test_reading_back_compares_places_for_every_format(tmp_path, monkeypatch, name, moved_mm):
    """As if the writer rounded the origin, or forgot it; voxels are 0.7 mm."""
    put_on = seghirescam.io.volumes.put_on

    def askew(itk, matrix):
        put_on(itk, matrix)
        x, *rest = itk.GetOrigin()
        itk.SetOrigin([x + moved_mm, *rest])

    for writer in (seghirescam.io.volumes, seghirescam.io.packed_nifti):
        monkeypatch.setattr(writer, "put_on", askew)
    array = np.ones((2, *SHAPE) if name.startswith("layers") else SHAPE, np.uint8)
    with pytest.raises(GeometryError, match=f"'{name}' would lie {moved_mm:.3g} mm from where it belongs"):
        if name.endswith(".seg.nrrd"):
            write_labels(tmp_path / name, array, oblique(SHAPE), {n + 1: f"s{n}" for n in range(array.ndim - 2)})
        else:
            write_volume(tmp_path / name, array, oblique(SHAPE))


@pytest.mark.parametrize("seed", range(12))
def test_every_rotation_is_held_by_nifti_within_a_hundredth_of_a_voxel(tmp_path, seed):
    """Half turns too, which single-precision quaternions hold worst, and 500 voxels."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    if seed % 2:
        axis = turn[:, 0]
        turn = 2 * np.outer(axis, axis) - np.eye(3)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn * rng.uniform(0.4, 4, 3), rng.uniform(-500, 500, 3)
    grid = Grid((500, 2, 2), matrix)
    write_volume(tmp_path / "v.nii", np.zeros(grid.shape, np.uint8), grid)
    assert read_volume(tmp_path / "v.nii").grid.same_as(grid, 0.01 * min(grid.spacing_kji))


def test_a_sheared_image_is_explained_into_a_format_that_holds_it(capsys, tmp_path):
    array, mask = voxels(SHAPE), np.zeros(SHAPE, np.uint8)
    mask[2:5, 3:7, 4:9] = 1
    write_volume(tmp_path / "v.nrrd", array, sheared())
    write_labels(tmp_path / "s.seg.nrrd", mask, sheared(), {1: "organ"})
    source = identity_model(tmp_path / "m")
    words = (source, "--consent", "--image", tmp_path / "v.nrrd")
    asked = (
        "explain",
        *words,
        "--class",
        "fg",
        "--segment",
        tmp_path / "s.seg.nrrd",
        "--layer",
        "0",
        "--out",
        tmp_path / "o",
    )
    code, _, err = run(capsys, *asked)
    assert code == 2 and "NIfTI cannot hold that" in err and "--format nrrd" in err and not (tmp_path / "o").exists()
    code, _, err = run(capsys, *asked, "--format", "nrrd")
    assert code == 0, err
    facts = json.loads(next((tmp_path / "o").glob("01*.json")).read_text(encoding="utf-8"))
    assert facts["score"] == pytest.approx(float(array[mask > 0].sum()), rel=1e-5)
    for name in (facts["file"]["name"], facts["pixel_set_file"]):
        itk = sitk.ReadImage(str(tmp_path / "o" / name))
        for index in ((0, 0, 0), (11, 9, 7), (3, 8, 1)):
            lps = np.array(itk.TransformIndexToPhysicalPoint(index))
            assert lps * (-1, -1, 1) == pytest.approx(sheared().ras(index[::-1]), abs=1e-6)
    code, _, err = run(capsys, "predict", *words, "--out", tmp_path / "p.nii.gz")
    assert code == 2 and "NIfTI cannot hold that" in err
    code, _, err = run(capsys, "predict", *words, "--out", tmp_path / "p.seg.nrrd")
    assert code == 0 and read_labels(tmp_path / "p.seg.nrrd").grid.same_as(sheared(), 1e-9), err
