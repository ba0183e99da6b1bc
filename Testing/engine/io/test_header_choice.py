"""A NIfTI file whose headers disagree: one sentence, and the header that the model's own reader believes."""

import json
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from engine.cli_cases import run
from engine.dicom_cases import identity_model
from seghirescam.io.label_maps import read_labels
from seghirescam.io.nifti_header import ITK, NIBABEL, understood
from seghirescam.io.volumes import read_volume
from seghirescam.models.nnunet.nnunet_model import NnunetModel
from seghirescam.models.nnunet.totalsegmentator import TotalSegmentatorModel
from seghirescam.protocol.errors import GeometryError

SHAPE = (20, 30, 24)
_RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def turned_by(angle, spacing=1.5):
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:2, :2] = np.array([[c, -s], [s, c]]) * spacing
    matrix[:3, 3] = (-20, 35, 110)
    return matrix


STRAIGHT, ASKEW = turned_by(0.0), turned_by(0.5)


def voxels():
    array = np.zeros(SHAPE, np.float32)
    array[5:12, 10:20, 8:16] = 1
    return array


def saved(path, sform, s_code, qform, q_code, array=None):
    image = nibabel.Nifti1Image((voxels() if array is None else array).transpose(2, 1, 0), sform)
    image.set_sform(sform, s_code)
    image.set_qform(qform, q_code)
    nibabel.save(image, path)
    return path


def by_itk(path):
    itk = sitk.ReadImage(str(path))
    lps = np.eye(4)
    lps[:3, :3] = np.array(itk.GetDirection()).reshape(3, 3) * itk.GetSpacing()
    lps[:3, 3] = itk.GetOrigin()
    return _RAS_LPS @ lps


@pytest.mark.parametrize("seed", range(40))
def test_the_rule_is_nibabel_s_own(seed):
    """Random rotations, sizes, offsets and codes, either byte order, both handednesses: nibabel is the oracle."""
    rng = np.random.default_rng(seed)
    header = nibabel.Nifti1Header(endianness="<>"[seed % 2])
    header.set_data_shape(rng.integers(2, 40, 3))
    header.set_zooms(rng.uniform(0.3, 5, 3))
    for form in (header.set_sform, header.set_qform):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = turn * rng.uniform(0.3, 5, 3), rng.uniform(-300, 300, 3)
        form(matrix, int(rng.integers(0, 5)) * int(rng.random() < 0.7))
    found = understood(header.binaryblock)
    assert found.best == pytest.approx(header.get_best_affine(), rel=1e-5, abs=1e-3)
    expected = "sform" if header["sform_code"] else "qform" if header["qform_code"] else "voxel sizes"
    assert found.source == expected
    if found.qform is not None:
        assert found.qform == pytest.approx(header.get_qform(), rel=1e-5, abs=1e-3)


@pytest.mark.parametrize("s_code", range(4))
@pytest.mark.parametrize("q_code", range(4))
def test_an_image_and_a_segment_written_from_it_by_nibabel_meet_whatever_the_codes(tmp_path, s_code, q_code):
    path = saved(tmp_path / "v.nii.gz", STRAIGHT, s_code, ASKEW, q_code)
    loaded = nibabel.load(path)
    nibabel.save(
        nibabel.Nifti1Image((np.asarray(loaded.dataobj) > 0).astype("u1"), loaded.affine), tmp_path / "s.nii.gz"
    )
    image, pixels = read_volume(path), read_labels(tmp_path / "s.nii.gz").pixel_set()
    assert np.abs(image.grid.ijk_to_ras - loaded.affine).max() < 1e-3
    assert np.array_equal(pixels.on(image.grid).weights, voxels())
    expected = {(True, True): "sform", (False, False): "voxel sizes"}.get((s_code > 0, q_code > 0))
    assert image.headers == ((expected,) if expected else ()) and len(image.notes) == bool(expected)


def test_what_is_said_names_the_headers_and_how_far_they_lie_apart(tmp_path):
    path = saved(tmp_path / "v.nii.gz", STRAIGHT, 2, ASKEW, 1)
    (note,) = read_volume(path).notes
    corners = np.array([[i, j, k, 1] for i in (0, 23) for j in (0, 29) for k in (0, 19)]).T
    apart = np.linalg.norm(((STRAIGHT - ASKEW) @ corners)[:3], axis=0).max()
    assert note.startswith(
        f"The image has an sform and a qform that disagree by up to {apart:.3g} mm; the sform was used"
    )
    (note,) = read_labels(saved(tmp_path / "s.nii", STRAIGHT, 2, ASKEW, 1)).pixel_set().notes
    assert note.startswith("The label map has an sform and a qform")
    saved(tmp_path / "z.nii", STRAIGHT, 0, STRAIGHT, 0)
    assert "states no place" in read_volume(tmp_path / "z.nii").notes[0]


@pytest.mark.parametrize("angle", [0, 1e-7, 1e-5])
def test_headers_that_agree_change_nothing_to_the_last_bit(tmp_path, angle):
    path = saved(tmp_path / "v.nii.gz", STRAIGHT, 1, turned_by(angle), 1)
    image = read_volume(path)
    assert image.notes == () and image.headers == () and np.array_equal(image.grid.ijk_to_ras, by_itk(path))


def test_voxel_sizes_that_contradict_the_sform_are_told_and_the_sform_is_used(tmp_path):
    """ITK takes directions from the sform and sizes from pixdim."""
    path = saved(tmp_path / "v.nii.gz", STRAIGHT, 2, turned_by(0, 2.0), 0)
    assert np.diag(by_itk(path))[:3] == pytest.approx(2)
    image = read_volume(path)
    assert image.grid.spacing_kji == pytest.approx((1.5, 1.5, 1.5)) and "voxel sizes that disagree" in image.notes[0]


def test_a_sheared_sform_beside_a_fine_qform_is_refused(tmp_path):
    """ITK silently takes the qform, nibabel the sheared one: neither is known to be right."""
    sheared = STRAIGHT.copy()
    sheared[:3, 0] += 0.2 * sheared[:3, 1]
    path = tmp_path / "v.nii.gz"
    image = nibabel.Nifti1Image(voxels().transpose(2, 1, 0), sheared)
    image.set_sform(sheared, 2)
    image.set_qform(STRAIGHT, 1)
    nibabel.save(image, path)
    assert by_itk(path) == pytest.approx(STRAIGHT)
    with pytest.raises(GeometryError, match=r"The sform of 'v.nii.gz' is not at right angles.*qform says otherwise"):
        read_volume(path)
    assert np.array_equal(read_volume(path, ITK).grid.ijk_to_ras, by_itk(path))


def test_units_other_than_millimetres_are_no_disagreement(tmp_path):
    matrix = np.diag([500.0, 500.0, 500.0, 1.0])
    image = nibabel.Nifti1Image(voxels().transpose(2, 1, 0), matrix)
    image.set_qform(matrix, 1)
    image.header.set_xyzt_units("micron")
    nibabel.save(image, tmp_path / "v.nii.gz")
    found = read_volume(tmp_path / "v.nii.gz")
    assert found.grid.spacing_kji == pytest.approx((0.5, 0.5, 0.5)) and found.notes == ()


def test_a_model_whose_own_reader_is_simpleitk_gets_what_simpleitk_gives(tmp_path):
    for codes, believed in (((2, 1), "qform"), ((1, 1), "sform")):
        path = saved(tmp_path / "v.nii.gz", STRAIGHT, codes[0], ASKEW, codes[1])
        image = read_volume(path, ITK)
        assert np.array_equal(image.grid.ijk_to_ras, by_itk(path)) and image.headers == (believed,)
        assert "where SimpleITK, the reader of this model, puts it" in image.notes[0]
    for reader, rule in (("SimpleITKIO", ITK), ("SimpleITKIOWithReorient", ITK), ("NibabelIO", NIBABEL)):
        plans = SimpleNamespace(_plans=SimpleNamespace(plans={"image_reader_writer": reader}))
        assert NnunetModel.header_rule.fget(plans) == rule
    assert TotalSegmentatorModel.header_rule == NIBABEL


def explained(capsys, tmp_path, image, segment):
    words = ("explain", identity_model(tmp_path / "m"), "--consent", "--class", "fg", "--layer", "0", "--overwrite")
    code, _, err = run(capsys, *words, "--image", image, "--segment", segment, "--out", tmp_path / "o")
    assert code == 0, err
    return json.loads(next((tmp_path / "o").glob("01*.json")).read_text(encoding="utf-8")), err


def test_the_choice_stands_in_the_result_and_the_segment_meets_the_image(capsys, tmp_path, monkeypatch):
    image = saved(tmp_path / "q.nii.gz", STRAIGHT, 2, ASKEW, 1)
    nibabel.save(
        nibabel.Nifti1Image(voxels().transpose(2, 1, 0).astype("u1"), nibabel.load(image).affine), tmp_path / "s.nii.gz"
    )
    facts, err = explained(capsys, tmp_path, image, f"{tmp_path / 's.nii.gz'}:1")
    assert facts["score"] == 560 and facts["provenance"]["image_headers"] == ["sform"]
    assert any("an sform and a qform that disagree" in note for note in facts["notes"]) and "sform was used" in err
    assert "pixel_set_header" not in facts["provenance"]
    # a segment with the same two headers
    segment = saved(tmp_path / "both.nii.gz", STRAIGHT, 2, ASKEW, 1, voxels().astype(np.uint8))
    facts, _ = explained(capsys, tmp_path, image, segment)
    assert facts["score"] == 560 and facts["provenance"]["pixel_set_header"] == "sform"
    # the same two files by a model whose reader is SimpleITK
    from seghirescam.models.plain import PlainModel

    monkeypatch.setattr(PlainModel, "header_rule", ITK, raising=False)
    facts, _ = explained(capsys, tmp_path, image, segment)
    assert facts["score"] == 560 and facts["provenance"]["pixel_set_header"] == "qform"
    assert facts["provenance"]["image_headers"] == ["qform"]
    assert np.array(facts["provenance"]["image_grid"]["ijk_to_ras"]) == pytest.approx(ASKEW, abs=1e-4)
