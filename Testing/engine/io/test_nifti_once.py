"""NIfTI files are unpacked once and packed once; what comes out is what ITK, nibabel and gzip know."""

import gzip
import hashlib
import struct

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from engine import grids
from seghirescam.io import nifti_voxels
from seghirescam.io.nifti_voxels import ReadImage
from seghirescam.io.volumes import read_itk, read_volume, write_volume
from seghirescam.protocol.errors import ImageError

SHAPE = (5, 6, 7)
TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8")


def grid(shape=SHAPE):
    return grids.oblique(shape, (2.0, 0.8, 0.7), (20.0, 10.0, 5.0), (2, 1, 0), (1, -1, -1), (7.0, -31.0, 12.0))


def voxels(kind, shape=SHAPE):
    return np.random.default_rng(0).integers(0, 100, shape).astype(kind)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", TYPES)
def test_voxels_and_place_are_itks_to_the_last_bit(tmp_path, kind, order):
    image = nibabel.Nifti1Image(voxels(kind).T, grid().ijk_to_ras, nibabel.Nifti1Header(endianness=order), dtype=kind)
    image.set_qform(grid().ijk_to_ras, 1)
    nibabel.save(image, tmp_path / "v.nii.gz")
    found, known = read_itk(tmp_path / "v.nii.gz"), sitk.ReadImage(str(tmp_path / "v.nii.gz"))
    assert isinstance(found, ReadImage)
    assert found.voxels.dtype == sitk.GetArrayFromImage(known).dtype and found.voxels.dtype.isnative
    np.testing.assert_array_equal(found.voxels, sitk.GetArrayFromImage(known))
    for word in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection", "GetDimension"):
        assert getattr(found, word)() == getattr(known, word)()


@pytest.mark.parametrize("kind", ["i2", "f4"])
@pytest.mark.parametrize(
    ("slope", "shift", "by"), [(2.0, 0.0, (2, 0)), (1.0, -5.0, (1, -5)), (np.nan, np.nan, (1, 0)), (0.0, 3.0, (1, 3))]
)
def test_scaled_values_are_itks(tmp_path, slope, shift, by, kind):
    write_volume(tmp_path / "v.nii", voxels(kind), grid())
    content = bytearray((tmp_path / "v.nii").read_bytes())
    struct.pack_into("<2f", content, 112, slope, shift)
    (tmp_path / "v.nii").write_bytes(content)
    found = read_volume(tmp_path / "v.nii").array[0]
    np.testing.assert_array_equal(found, sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "v.nii"))))
    np.testing.assert_array_equal(found, voxels(kind) * by[0] + by[1])


def test_a_packed_file_is_unpacked_once(tmp_path, monkeypatch):
    write_volume(tmp_path / "v.nii.gz", voxels("i2"), grid())
    calls, plain = [], nifti_voxels._unpacked
    monkeypatch.setattr(nifti_voxels, "_unpacked", lambda file: calls.append(1) or plain(file))
    monkeypatch.setattr(sitk, "ReadImage", None)
    np.testing.assert_array_equal(read_volume(tmp_path / "v.nii.gz").array[0], voxels("i2"))
    assert len(calls) == 1


def test_files_of_several_gzip_members_and_damaged_ones(tmp_path):
    write_volume(tmp_path / "v.nii", voxels("i2", (20, 30, 40)), grid((20, 30, 40)))
    content, path = (tmp_path / "v.nii").read_bytes(), tmp_path / "w.nii.gz"
    parts = [gzip.compress(part) for part in (content[:100], content[100:20000], content[20000:])]
    path.write_bytes(parts[0] + parts[1] + b"\0" * 7 + parts[2] + b"\0" * 5)
    np.testing.assert_array_equal(read_volume(path).array[0], voxels("i2", (20, 30, 40)))
    whole = gzip.compress(content)
    wrong = bytearray(whole)
    wrong[-6] ^= 1  # its checksum
    for damaged in (whole[:-1], whole[: len(whole) // 2], whole + b"no gzip", bytes(wrong), parts[0], whole[:9]):
        path.write_bytes(damaged)
        with pytest.raises(ImageError, match=r"damaged or cut short|cannot be read"):
            read_volume(path)


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_packed_here_is_itks_file_unpacked(tmp_path, kind):
    """Header and voxels, byte by byte, as ITK's own writer lays them out; for gzip and nibabel a file as any other."""
    array = voxels(kind)
    digest = write_volume(tmp_path / "ours.nii.gz", array, grid())
    write_volume(tmp_path / "itk.nii", array, grid())
    unpacked = gzip.decompress((tmp_path / "ours.nii.gz").read_bytes())
    assert unpacked == (tmp_path / "itk.nii").read_bytes()
    assert digest == sha256_of(tmp_path / "ours.nii.gz")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["itk.nii", "ours.nii.gz"]
    np.testing.assert_array_equal(np.asanyarray(nibabel.load(tmp_path / "ours.nii.gz").dataobj).T, array)
    again = write_volume(tmp_path / "again.nii.gz", array, grid())
    assert again == digest


def test_zeros_shrink_and_numbers_without_a_pattern_are_stored(tmp_path):
    array = np.zeros((64, 128, 128), np.float32)
    array[:32] = np.random.default_rng(0).standard_normal((32, 128, 128))
    write_volume(tmp_path / "v.nii.gz", array, grid(array.shape))
    size = (tmp_path / "v.nii.gz").stat().st_size
    assert 0.5 * array.nbytes < size < 0.51 * array.nbytes
    np.testing.assert_array_equal(read_volume(tmp_path / "v.nii.gz").array[0], array)
    assert len(gzip.decompress((tmp_path / "v.nii.gz").read_bytes())) == 352 + array.nbytes


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
